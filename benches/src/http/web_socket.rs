//! The client's side of a WebSocket: blocking, messages in one frame each, a mask of zeroes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;

use anyhow::{Context, bail};
use rustix::net::{AddressFamily, SocketType, sockopt};

use super::head::Head;
use super::{Progress, READ, SILENCE_MAX};

/// The longest frame that is read, in bytes.
const FRAME_MAX: usize = 256 * 1024;

/// Any key will do: nobody answers it but a server that is measured.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upgrade<'a> {
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) protocol: Option<&'a str>,
    pub(crate) reading: Reading,
}

/// How much the client takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As much as there is.
    Greedy,
    /// So many bytes, and the kernel keeps not much more for it.
    Small(usize),
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct WebSocket {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer isn't handed on yet.
    filled: Range<usize>,
    at_once: usize,
}

impl WebSocket {
    /// Connects and asks for the upgrade; another answer than 101 is an error that tells its status.
    pub(crate) fn open(server: SocketAddr, upgrade: &Upgrade<'_>) -> anyhow::Result<Self> {
        let mut socket = connect(server, upgrade.reading)?;
        socket.write_all(upgrade.text(server).as_bytes())?;
        let (mut buffer, mut filled) = (vec![0; READ + FRAME_MAX], 0);
        let begin = loop {
            let read = socket.read(&mut buffer[filled..]).context("the server says nothing")?;
            if read == 0 {
                bail!("the connection was closed before the answer");
            }
            filled += read;
            match Head::find(&buffer[..filled])? {
                Some((head, length)) if head.status == 101 => break length,
                Some((head, _)) => bail!("no WebSocket: status {}", head.status),
                None => {}
            }
        };
        let at_once = if let Reading::Small(bytes) = upgrade.reading { bytes } else { READ };
        Ok(Self { socket, buffer, filled: begin..filled, at_once })
    }

    /// Hands on the messages that are there, or else those that one read completes.
    pub(crate) fn read(
        &mut self,
        on_message: &mut impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Progress> {
        if Frame::find(&self.buffer[self.filled.clone()])?.is_none() && !self.fill()? {
            return Ok(Progress::End);
        }
        while let Some(frame) = self.take()? {
            match frame.kind {
                TEXT | BINARY => on_message(&self.buffer[frame.payload])?,
                CLOSE => return Ok(Progress::End),
                _ => {}
            }
        }
        Ok(Progress::More)
    }

    /// Waits for the next message alone; an end before it is an error.
    pub(crate) fn next_message(&mut self) -> anyhow::Result<Vec<u8>> {
        loop {
            match self.take()? {
                Some(frame) if matches!(frame.kind, TEXT | BINARY) => {
                    return Ok(self.buffer[frame.payload].to_vec());
                }
                Some(frame) if frame.kind == CLOSE => bail!("the server closed where a message was due"),
                Some(_) => {}
                None if self.fill()? => {}
                None => bail!("the connection was closed where a message was due"),
            }
        }
    }

    /// Sends a binary message that is made of these parts.
    pub(crate) fn send(&mut self, parts: &[&[u8]]) -> anyhow::Result<()> {
        Ok(self.socket.write_all(&masked(BINARY, parts))?)
    }

    /// Sends a text message.
    pub(crate) fn send_text(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.socket.write_all(&masked(TEXT, &[text.as_bytes()]))?)
    }

    /// The frame that is next in the buffer, where it lies there; none while it isn't complete. A ping is answered.
    fn take(&mut self) -> anyhow::Result<Option<Frame>> {
        let Some(Frame { kind, payload }) = Frame::find(&self.buffer[self.filled.clone()])? else {
            return Ok(None);
        };
        let payload = self.filled.start + payload.start..self.filled.start + payload.end;
        self.filled.start = payload.end;
        match kind {
            PING => {
                let pong = masked(PONG, &[&self.buffer[payload.clone()]]);
                self.socket.write_all(&pong)?;
            }
            TEXT | BINARY | CLOSE | PONG => {}
            other => bail!("a frame of the unknown kind {other}"),
        }
        Ok(Some(Frame { kind, payload }))
    }

    /// Reads once; whether the connection is still open.
    fn fill(&mut self) -> anyhow::Result<bool> {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        let room = self.filled.end..self.buffer.len().min(self.filled.end + self.at_once);
        let read = self.socket.read(&mut self.buffer[room]).context("the server says nothing")?;
        self.filled.end += read;
        Ok(read > 0)
    }
}

/// The kernel takes the size of its buffer before the connection is made.
fn connect(server: SocketAddr, reading: Reading) -> anyhow::Result<TcpStream> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    if let Reading::Small(bytes) = reading {
        sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    }
    rustix::net::connect(&socket, &server).context("cannot connect")?;
    let socket = TcpStream::from(socket);
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(SILENCE_MAX))?;
    socket.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(socket)
}

impl Upgrade<'_> {
    fn text(&self, server: SocketAddr) -> String {
        let line = |name: &str, value: Option<&str>| {
            value.map(|value| format!("{name}{value}\r\n")).unwrap_or_default()
        };
        let authorization = line("Authorization: Bearer ", self.token);
        let protocol = line("Sec-WebSocket-Protocol: ", self.protocol);
        format!(
            "GET {} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{authorization}{protocol}\r\n",
            self.path
        )
    }
}

/// Where a frame of a server lies.
#[derive(Debug, PartialEq)]
struct Frame {
    kind: u8,
    payload: Range<usize>,
}

impl Frame {
    /// The one at the beginning; none while it isn't complete.
    fn find(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let &[first, length, ref rest @ ..] = bytes else { return Ok(None) };
        if first & 0xf0 != 0x80 || length & 0x80 != 0 {
            bail!("a frame that is masked, compressed or a part of a message");
        }
        let (length, head) = match (length, rest) {
            (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                (usize::try_from(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))?, 10)
            }
            (126 | 127, _) => return Ok(None),
            (length, _) => (usize::from(length), 2),
        };
        if length > FRAME_MAX - head {
            bail!("a frame of {length} bytes");
        }
        let payload = head..head + length;
        Ok((payload.end <= bytes.len()).then_some(Self { kind: first & 0x0f, payload }))
    }
}

/// A frame of a client; a mask of zeroes changes nothing.
fn masked(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    const MASK: [u8; 4] = [0; 4];
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut frame = vec![0x80 | kind];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => frame.push(0x80 | short),
        (_, Ok(middle)) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    parts.iter().for_each(|part| frame.extend_from_slice(part));
    frame
}

/// A server's frame with a binary message; its length is always told in eight bytes.
pub(crate) fn binary_frame(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_be_bytes();
    [&[0x80 | BINARY, 127], &length[..], message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

    /// A server that answers one upgrade with these bytes, in pieces of so many.
    fn server(answer: Vec<u8>, piece: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            assert!(socket.read(&mut [0; 4096]).unwrap() > 0);
            for piece in answer.chunks(piece) {
                socket.write_all(piece).unwrap();
            }
        });
        address
    }

    fn messages(answer: Vec<u8>, piece: usize) -> anyhow::Result<Vec<usize>> {
        let upgrade = Upgrade { path: "/", token: None, protocol: None, reading: Reading::Small(1 << 14) };
        let mut socket = WebSocket::open(server(answer, piece), &upgrade)?;
        let mut sizes = Vec::new();
        let mut take = |message: &[u8]| {
            sizes.push(message.len());
            Ok(())
        };
        while socket.read(&mut take)? == Progress::More {}
        Ok(sizes)
    }

    fn frame(length: usize) -> Vec<u8> {
        let mut frame = masked(BINARY, &[&vec![7; length]]);
        let mask = frame.len() - length - 4;
        frame.drain(mask..mask + 4);
        frame[1] &= 0x7f;
        frame
    }

    #[test]
    fn messages_of_every_length_come_whole_however_they_are_cut() {
        let sizes = [0, 125, 126, 65_535, 65_536, 200_000, 3];
        let wire: Vec<u8> =
            ACCEPTED.iter().copied().chain(sizes.iter().flat_map(|size| frame(*size))).collect();
        let close = [0x88, 0];
        for piece in [100, 4_096, 1_000_000] {
            let wire = wire.iter().chain(&close).copied().collect();
            assert_eq!(messages(wire, piece).unwrap(), sizes, "pieces of {piece}");
        }
        assert_eq!(frame(70_000), binary_frame(&[7; 70_000]));
    }

    #[test]
    fn one_message_is_taken_and_the_rest_stays_until_the_end() {
        let wire = [ACCEPTED, &frame(3), &[0x89, 0], &frame(200), &[0x88, 0]].concat();
        let upgrade = Upgrade { path: "/", token: None, protocol: None, reading: Reading::Greedy };
        let mut socket = WebSocket::open(server(wire, 1_000_000), &upgrade).unwrap();
        assert_eq!(socket.next_message().unwrap(), [7; 3]);
        assert_eq!(socket.next_message().unwrap(), [7; 200]);
        assert!(socket.next_message().unwrap_err().to_string().contains("closed"));
    }

    #[test]
    fn a_refusal_and_a_part_of_a_message_are_errors() {
        let refused = b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec();
        assert_eq!(messages(refused, 100).unwrap_err().to_string(), "no WebSocket: status 401");
        let part = ACCEPTED.iter().copied().chain([0x02, 1, 0]).collect();
        assert!(messages(part, 100).is_err());
    }
}
