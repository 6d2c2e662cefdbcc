//! The client of one terminal.

use std::borrow::Cow;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::socket_io::{self, SocketIo};
use super::work::READY;
use crate::http::{Progress, WebSocket};

/// How much is consumed until it is acknowledged, in bytes.
const ACK_EVERY: u64 = 64 * 1024;

/// How long a terminal may take until it shows what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// An attached client: blocking, so that a stopped one is one that doesn't call [`Viewer::read`].
#[derive(Debug)]
pub(crate) struct Viewer {
    socket: WebSocket,
    speech: Speech,
    /// Bytes a second that are read, at most.
    pace: Option<f64>,
    messages: u64,
}

/// What is said in the WebSocket's messages.
#[derive(Debug)]
pub(super) enum Speech {
    /// Binary messages are the terminal's bytes.
    Bytes,
    /// `opskit.pty.v1`.
    Opskit(Attached),
    /// Events.
    SocketIo(SocketIo),
}

/// The client's side of `opskit.pty.v1`.
#[derive(Debug, Default)]
pub(super) struct Attached {
    pub(super) id: String,
    /// Everything before it was consumed.
    consumed: u64,
    acknowledged: u64,
}

impl Viewer {
    pub(super) fn new(socket: WebSocket, speech: Speech, pace: Option<f64>) -> Self {
        Self { socket, speech, pace, messages: 0 }
    }

    /// Reads once; hands on what the terminal showed, and tells the server so where that is due.
    pub(crate) fn read(&mut self, on_output: &mut impl FnMut(&[u8])) -> anyhow::Result<Progress> {
        let (speech, mut bytes) = (&mut self.speech, 0);
        let progress = self.socket.read(&mut |message| {
            if let Some(output) = speech.output(message)? {
                bytes += output.len();
                self.messages += 1;
                on_output(&output);
            }
            Ok(())
        })?;
        // A server that has told the end needs no more of it.
        let _ = self.speech.answer(&mut self.socket);
        if let Some(pace) = self.pace {
            sleep(Duration::from_secs_f64(bytes as f64 / pace));
        }
        Ok(progress)
    }

    /// Types something.
    pub(crate) fn input(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self.speech {
            Speech::Bytes => self.socket.send(&[bytes]),
            Speech::Opskit(_) => self.socket.send(&[&[0x10], bytes]),
            Speech::SocketIo(_) => self.socket.send_text(&socket_io::input(bytes)?),
        }
    }

    /// Reads until the terminal shows this; an end before that is an error.
    pub(crate) fn wait_for(&mut self, text: &[u8]) -> anyhow::Result<()> {
        if !self.wait_until(text, Instant::now() + PATIENCE)? {
            bail!("it doesn't show `{}`", text.escape_ascii());
        }
        Ok(())
    }

    /// The same until then; whether it was shown.
    pub(crate) fn wait_until(&mut self, text: &[u8], deadline: Instant) -> anyhow::Result<bool> {
        let mut finder = Finder::new(text);
        while !finder.found {
            if Instant::now() > deadline {
                return Ok(false);
            }
            if self.read(&mut |output| finder.take(output))? == Progress::End && !finder.found {
                bail!("the terminal ended before it showed `{}`", text.escape_ascii());
            }
        }
        Ok(true)
    }

    /// Waits until the child has set its terminal.
    pub(crate) fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        self.wait_for(READY)
    }

    /// Waits until the terminal has shown something, whatever it is.
    pub(crate) fn wait_for_output(&mut self) -> anyhow::Result<()> {
        let mut bytes = 0;
        while bytes == 0 {
            if self.read(&mut |output| bytes += output.len())? == Progress::End && bytes == 0 {
                bail!("the terminal ended before it showed anything");
            }
        }
        Ok(())
    }

    /// Messages with output so far.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// The id, where the terminal outlives its client.
    pub(super) fn id(&self) -> Option<&str> {
        match &self.speech {
            Speech::Bytes | Speech::SocketIo(_) => None,
            Speech::Opskit(attached) => Some(&attached.id),
        }
    }
}

impl Speech {
    fn output<'a>(&mut self, message: &'a [u8]) -> anyhow::Result<Option<Cow<'a, [u8]>>> {
        match self {
            Self::Bytes => Ok(Some(Cow::Borrowed(message))),
            Self::Opskit(attached) => Ok(attached.output(message)?.map(Cow::Borrowed)),
            Self::SocketIo(client) => client.output(message),
        }
    }

    /// Tells what the server waits for.
    fn answer(&mut self, socket: &mut WebSocket) -> anyhow::Result<()> {
        match self {
            Self::Bytes => Ok(()),
            Self::Opskit(attached) => match attached.ack() {
                Some(offset) => socket.send(&[&[0x12], &offset.to_be_bytes()]),
                None => Ok(()),
            },
            Self::SocketIo(client) => client.answer(socket),
        }
    }
}

impl Attached {
    pub(super) fn new(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// The output of a frame, if that is what it is. A gap is an error: these clients fall behind nowhere.
    fn output<'a>(&mut self, frame: &'a [u8]) -> anyhow::Result<Option<&'a [u8]>> {
        let (kind, payload) = frame.split_first().context("an empty message")?;
        match kind {
            0x01 => {
                let (offset, output) = payload.split_first_chunk::<8>().context("output without offset")?;
                let offset = u64::from_be_bytes(*offset);
                if offset != self.consumed {
                    bail!("output of offset {offset} came where {} was due", self.consumed);
                }
                self.consumed += output.len() as u64;
                Ok(Some(output))
            }
            0x03 => bail!("the server tells of a gap behind {}", self.consumed),
            0x04 => bail!("the server tells an error: {}", String::from_utf8_lossy(payload)),
            _ => Ok(None),
        }
    }

    fn ack(&mut self) -> Option<u64> {
        let due = self.consumed - self.acknowledged >= ACK_EVERY;
        due.then(|| {
            self.acknowledged = self.consumed;
            self.consumed
        })
    }
}

/// Finds a text in what comes in pieces.
struct Finder<'a> {
    text: &'a [u8],
    /// The end of what came, shorter than the text.
    tail: Vec<u8>,
    found: bool,
}

impl<'a> Finder<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, tail: Vec::new(), found: false }
    }

    fn take(&mut self, bytes: &[u8]) {
        let keep = self.text.len().saturating_sub(1);
        self.tail.extend_from_slice(&bytes[..bytes.len().min(keep)]);
        let is_in = |hay: &[u8]| memchr::memmem::find(hay, self.text).is_some();
        self.found |= is_in(&self.tail) || is_in(bytes);
        self.tail.extend_from_slice(&bytes[bytes.len().min(keep).max(bytes.len().saturating_sub(keep))..]);
        self.tail.drain(..self.tail.len().saturating_sub(keep));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(offset: u64, bytes: &[u8]) -> Vec<u8> {
        [&[0x01], &offset.to_be_bytes()[..], bytes].concat()
    }

    #[test]
    fn a_text_is_found_however_it_is_cut() {
        let shown = b"one two marker$ three";
        for size in 1..=shown.len() {
            let mut finder = Finder::new(b"marker$ ");
            for piece in shown.chunks(size) {
                finder.take(piece);
            }
            assert!(finder.found, "pieces of {size}");
        }
        let mut finder = Finder::new(b"marker$ ");
        [&b"mark"[..], b"mark", b"er$"].iter().for_each(|piece| finder.take(piece));
        assert!(!finder.found);
    }

    #[test]
    fn output_is_acknowledged_once_enough_of_it_came() {
        let mut attached = Attached::new("x".to_owned());
        assert_eq!(attached.output(&[0x00, b'{', b'}']).unwrap(), None);
        assert_eq!(attached.output(&output(0, b"abc")).unwrap(), Some(&b"abc"[..]));
        assert_eq!(attached.ack(), None);
        attached.output(&output(3, &[0; 65_536])).unwrap();
        assert_eq!((attached.ack(), attached.ack()), (Some(65_539), None));
    }

    #[test]
    fn a_hole_in_the_output_a_gap_and_an_error_are_errors() {
        let refused = |frame: &[u8]| Attached::default().output(frame).is_err();
        assert!(refused(&output(1, b"x")) && refused(&[0x03; 17]) && refused(b"\x04{}") && refused(b""));
    }
}
