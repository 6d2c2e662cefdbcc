//! A small HTTP/1.1 client for event streams, fast enough not to be what is measured.
//!
//! One connection per request; blocking, so that a stopped reader is one that doesn't call [`Stream::read`].

mod chunked;
mod head;
mod sse;
mod web_socket;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use head::{Body, Head};
pub(crate) use sse::{Event, Parser};
pub(crate) use web_socket::{Reading, Upgrade, WebSocket, binary_frame};

/// How long a server may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How much is read at once.
const READ: usize = 256 * 1024;

/// The longest body of a plain answer that is read, in bytes.
const ANSWER_MAX: u64 = 1024 * 1024;

/// A request with a JSON body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
}

/// An event stream that is being read.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    body: Body,
    parser: Parser,
    buffer: Vec<u8>,
    /// What came behind the head: that much of the beginning of the buffer.
    early: std::ops::Range<usize>,
    /// A read that finds nothing returns at once.
    never_waits: bool,
    run_id: Option<String>,
}

/// Whether more may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    End,
}

impl Stream {
    /// Sends the request and reads the head of the answer. Another status than 200 is an error that tells the body.
    pub(crate) fn open(server: SocketAddr, request: &Request<'_>) -> anyhow::Result<Self> {
        let (socket, head, buffer, early) = send(server, request)?;
        let status = head.status;
        let mut stream = Self::new(socket, head, (buffer, early));
        if status != 200 {
            bail!("status {status}: {}", stream.text()?);
        }
        Ok(stream)
    }

    fn new(socket: TcpStream, head: Head, (buffer, early): (Vec<u8>, std::ops::Range<usize>)) -> Self {
        let (body, run_id) = (head.body, head.run_id);
        Self { socket, body, parser: Parser::default(), buffer, early, never_waits: false, run_id }
    }

    /// Reads once; hands on the events that are complete by it.
    pub(crate) fn read(&mut self, on_event: &mut impl FnMut(&Event)) -> anyhow::Result<Progress> {
        let mut parser = std::mem::take(&mut self.parser);
        let progress = self.read_body(&mut |bytes| parser.push(bytes, on_event));
        self.parser = parser;
        progress
    }

    /// From now on a read that finds nothing returns at once.
    pub(crate) fn never_wait(&mut self) -> anyhow::Result<()> {
        self.never_waits = true;
        Ok(self.socket.set_nonblocking(true)?)
    }

    /// Whether the next read finds something without asking the socket.
    pub(crate) fn has_early(&self) -> bool {
        !self.early.is_empty() || self.body.is_at_end()
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// The `x-run-id` of the answer, where there was one.
    pub(crate) fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// Reads until there is an event; an end before that is an error.
    pub(crate) fn wait_for_event(&mut self) -> anyhow::Result<()> {
        let mut events = 0;
        while events == 0 {
            if self.read(&mut |_| events += 1)? == Progress::End && events == 0 {
                bail!("a run ended without a line");
            }
        }
        Ok(())
    }

    /// Reads to the end. A stream that is cut, or that ends with an `event: error`, is an error.
    pub(crate) fn finish(&mut self, on_event: &mut impl FnMut(&Event)) -> anyhow::Result<()> {
        let mut failure = None;
        let mut watched = |event: &Event| {
            if event.name == b"error" {
                failure = Some(String::from_utf8_lossy(&event.tail).into_owned());
            }
            on_event(event);
        };
        while self.read(&mut watched)? == Progress::More {}
        failure.map_or(Ok(()), |failure| bail!("event: error: {failure}"))
    }

    fn text(&mut self) -> anyhow::Result<String> {
        let mut text = Vec::new();
        while self.read_body(&mut |bytes| text.extend_from_slice(bytes))? == Progress::More {
            if text.len() as u64 > ANSWER_MAX {
                bail!("an answer is longer than {ANSWER_MAX} bytes");
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn read_body(&mut self, on_bytes: &mut impl FnMut(&[u8])) -> anyhow::Result<Progress> {
        if self.body.is_at_end() {
            return Ok(Progress::End);
        }
        let mut range = std::mem::replace(&mut self.early, 0..0);
        if range.is_empty() {
            let read = match self.socket.read(&mut self.buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.never_waits => {
                    return Ok(Progress::More);
                }
                read => read.context("the server says nothing")?,
            };
            range = 0..read;
            if range.is_empty() {
                return self.body.closed();
            }
        }
        self.body.push(&self.buffer[range], on_bytes)?;
        Ok(if self.body.is_at_end() { Progress::End } else { Progress::More })
    }
}

impl Body {
    fn push(&mut self, bytes: &[u8], on_bytes: &mut impl FnMut(&[u8])) -> anyhow::Result<()> {
        match self {
            Self::Chunked(chunked) => return chunked.push(bytes, &mut |data| on_bytes(data)),
            Self::Sized(left) => *left = left.saturating_sub(bytes.len() as u64),
            Self::UntilClose => {}
        }
        on_bytes(bytes);
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        match self {
            Self::Chunked(chunked) => chunked.is_at_end(),
            Self::Sized(left) => *left == 0,
            Self::UntilClose => false,
        }
    }

    /// The connection is closed.
    fn closed(&self) -> anyhow::Result<Progress> {
        match self {
            Self::UntilClose => Ok(Progress::End),
            Self::Chunked(_) | Self::Sized(_) => bail!("the connection was closed in mid-body"),
        }
    }
}

/// Sends a request; the whole answer as status and text.
pub(crate) fn call(server: SocketAddr, request: &Request<'_>) -> anyhow::Result<(u16, String)> {
    let (socket, head, buffer, early) = send(server, request)?;
    let status = head.status;
    Ok((status, Stream::new(socket, head, (buffer, early)).text()?))
}

type Answer = (TcpStream, Head, Vec<u8>, std::ops::Range<usize>);

fn send(server: SocketAddr, request: &Request<'_>) -> anyhow::Result<Answer> {
    let mut socket = TcpStream::connect(server).context("cannot connect")?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(SILENCE_MAX))?;
    socket.set_write_timeout(Some(SILENCE_MAX))?;
    socket.write_all(request.text(server).as_bytes())?;
    let mut buffer = vec![0; READ];
    let mut filled = 0;
    loop {
        let read = socket.read(&mut buffer[filled..]).context("the server says nothing")?;
        if read == 0 {
            bail!("the connection was closed before the answer");
        }
        filled += read;
        if let Some((head, length)) = Head::find(&buffer[..filled])? {
            return Ok((socket, head, buffer, length..filled));
        }
    }
}

impl Request<'_> {
    fn text(&self, server: SocketAddr) -> String {
        let body = self.body.map(Value::to_string).unwrap_or_default();
        let authorization =
            self.token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        format!(
            "{} {} HTTP/1.1\r\nHost: {server}\r\nAccept: text/event-stream, application/json\r\n{authorization}\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.method,
            self.path,
            body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// A server that answers one request with these pieces.
    fn server(pieces: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            assert!(socket.read(&mut [0; 4096]).unwrap() > 0);
            for piece in pieces {
                socket.write_all(piece.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
        });
        address
    }

    const GET: Request<'static> = Request { method: "GET", path: "/", token: None, body: None };

    fn tails(pieces: &'static [&'static str]) -> anyhow::Result<Vec<String>> {
        let mut tails = Vec::new();
        let mut stream = Stream::open(server(pieces), &GET)?;
        stream.finish(&mut |event| tails.push(String::from_utf8_lossy(&event.tail).into_owned()))?;
        Ok(tails)
    }

    #[test]
    fn an_event_stream_is_read_in_each_framing() {
        let expected = ["a", "b"];
        let chunked = &[
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\nb",
            "\r\n: x\ndata: b\r\n2\r\n\n\n\r\n0\r\n\r\n",
        ];
        assert!(tails(chunked).is_err(), "a chunk with a wrong size");
        let chunked = &[
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n",
            "b\r\n: x\ndata: b\r\n2\r\n\n\n\r\n0\r\n\r\n",
        ];
        assert_eq!(tails(chunked).unwrap(), expected);
        assert_eq!(tails(&["HTTP/1.1 200 OK\r\n\r\ndata: a\n\nda", "ta: b\n\n"]).unwrap(), expected);
        let sized = &["HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\ndata: a\n\ndata: b\n\n"];
        assert_eq!(tails(sized).unwrap(), expected);
    }

    #[test]
    fn a_cut_stream_an_error_event_and_a_refusal_are_errors() {
        let failure = |pieces| format!("{:#}", tails(pieces).unwrap_err());
        let cut = &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n"];
        assert!(failure(cut).contains("mid-body"));
        let error = &["HTTP/1.1 200 OK\r\n\r\nevent: error\ndata: {\"code\":\"x\"}\n\n"];
        assert!(failure(error).contains("\"code\""));
        let refused = &["HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow"];
        assert_eq!(failure(refused), "status 429: slow");
    }

    #[test]
    fn a_plain_answer_is_status_and_text() {
        let answer = call(server(&["HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"]), &GET).unwrap();
        assert_eq!(answer, (404, "no".to_owned()));
    }
}
