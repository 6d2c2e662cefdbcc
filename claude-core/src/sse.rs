//! Server-sent events, cut from a byte stream without I/O (WHATWG HTML, section 9.2.6).
//!
//! A line inside of one fed chunk is never copied: an event's data is a slice of the chunk. Only what straddles
//! chunks, or stands on several `data` lines, is put together.

mod event;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

use self::event::{Pending, Piece};
use crate::text::Text;

pub(crate) use self::event::Frame;
pub use self::event::{Event, EventTooLong};

/// The most bytes of one event unless configured otherwise: 16 MiB.
pub const EVENT_BYTES: usize = 16 << 20;

/// The first room for a line that straddles chunks, in bytes; the room of longer ones is not kept.
const CARRY_BYTES: usize = 16 << 10;

/// Invisible, and allowed at the start of a stream.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Cuts a byte stream into events. Every split of the stream gives the same ones.
#[derive(Debug)]
pub struct Decoder {
    /// What is being read, and how far it has been.
    chunk: Bytes,
    at: usize,
    /// Fed, but not begun.
    later: VecDeque<Bytes>,
    /// A line whose end has not come.
    carry: BytesMut,
    place: Place,
    /// What is being put together, or was told last.
    event: Pending,
    /// The id as of the last blank line, and as of the last line.
    id: Text,
    next_id: Option<Text>,
    retry: Option<Duration>,
    max: usize,
}

/// What the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first of the stream, maybe of a byte order mark.
    Start,
    /// Of a line.
    Line,
    /// Behind a CR: an LF belongs to it.
    AfterCr,
    /// Not read any more.
    Failed,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Behind an event.
    Whole,
    /// Inside of an event, which is discarded.
    Cut,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(EVENT_BYTES)
    }
}

impl Decoder {
    /// Events of at most `max` bytes each: name, data, and the line that is being read.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            chunk: Bytes::new(),
            at: 0,
            later: VecDeque::new(),
            carry: BytesMut::new(),
            place: Place::Start,
            event: Pending::default(),
            id: Text::default(),
            next_id: None,
            retry: None,
            max,
        }
    }

    /// Takes more of the stream. Nothing is copied; call [`Decoder::next`] until it has none before feeding more.
    pub fn feed(&mut self, bytes: Bytes) {
        if self.place == Place::Failed || bytes.is_empty() {
            return;
        }
        if self.chunk.is_empty() {
            (self.chunk, self.at) = (bytes, 0);
        } else {
            self.later.push_back(bytes);
        }
    }

    /// The next event; `None` until more is fed.
    ///
    /// # Errors
    /// [`EventTooLong`], once; `None` from then on.
    #[allow(clippy::should_implement_trait)] // an `Iterator` that yields again after `None` surprises
    pub fn next(&mut self) -> Option<Result<Event, EventTooLong>> {
        self.frame().map(|frame| frame.map(Frame::to_event))
    }

    /// The id of the last event, and of those before it that had none of their own; empty where none had.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.id
    }

    /// How long the server wants a client to wait before it connects anew, where it said so.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The stream has ended, and [`Decoder::next`] has no more. An event whose blank line is missing is discarded.
    #[must_use]
    pub fn finish(self) -> End {
        if self.carry.is_empty() && self.event.is_empty() { End::Whole } else { End::Cut }
    }

    /// As [`Decoder::next`], but the event is not taken out: nothing is counted, nothing is checked.
    pub(crate) fn frame(&mut self) -> Option<Result<Frame<'_>, EventTooLong>> {
        if self.place == Place::Failed {
            return None;
        }
        match self.advance() {
            Some(Ok(())) => self.event.frame(&self.chunk).map(Ok),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        }
    }

    /// Reads up to the blank line behind an event.
    fn advance(&mut self) -> Option<Result<(), EventTooLong>> {
        if self.event.is_empty() {
            if self.usual() {
                return Some(Ok(()));
            }
            self.event = Pending::default();
        }
        loop {
            let Some(line) = self.line() else {
                return self.is_too_long(self.carry.len()).then(|| self.fail());
            };
            if line.is_empty() {
                if self.blank() {
                    return Some(Ok(()));
                }
            } else if self.is_too_long(line.len()) {
                return Some(self.fail());
            } else {
                self.field(line);
            }
        }
    }

    /// Takes the usual event at once: it lies in the chunk as a whole, has LFs, a name, and one line of data.
    /// Whether it is one; else nothing was read.
    fn usual(&mut self) -> bool {
        if self.place != Place::Line || !self.carry.is_empty() || self.next_id.is_some() {
            return false;
        }
        let Some(found) = usual(&self.chunk, self.at).filter(|found| found.end - self.at <= self.max) else {
            return false;
        };
        self.at = found.end;
        self.event.tell(found.name, found.data);
        true
    }

    /// A blank line ends the event; whether there is one.
    fn blank(&mut self) -> bool {
        if let Some(id) = self.next_id.take() {
            self.id = id;
        }
        if self.event.close() {
            return true;
        }
        self.event = Pending::default();
        false
    }

    fn field(&mut self, line: Piece) {
        let bytes = line.bytes(&self.chunk);
        // Without a colon the whole line is the name.
        let colon = memchr(b':', bytes).unwrap_or(bytes.len());
        let space = usize::from(bytes.get(colon + 1) == Some(&b' '));
        let value = (colon + 1 + space).min(bytes.len());
        match &bytes[..colon] {
            b"data" => self.event.add(line.from(value), &self.chunk),
            b"event" => self.event.name = Some(line.from(value)),
            b"id" if !bytes[value..].contains(&0) => {
                self.next_id = Some(line.from(value).text(&self.chunk).detached());
            }
            b"retry" => self.retry = milliseconds(&bytes[value..]).or(self.retry),
            _ => {}
        }
    }

    /// The next line, without its end.
    fn line(&mut self) -> Option<Piece> {
        loop {
            let rest = &self.chunk[self.at..];
            if self.place == Place::AfterCr && !rest.is_empty() {
                self.place = Place::Line;
                if rest[0] == b'\n' {
                    self.at += 1;
                    continue;
                }
            }
            if let Some(length) = memchr2(b'\n', b'\r', rest) {
                return Some(self.cut(length));
            }
            if !rest.is_empty() {
                if self.carry.capacity() == 0 {
                    // Not `reserve`: only a buffer that began with its size is replaced by one of its size.
                    self.carry = BytesMut::with_capacity(CARRY_BYTES);
                }
                self.carry.extend_from_slice(rest);
            }
            self.event.keep(&self.chunk);
            // Nothing of the old chunk is held on to while the next one is waited for.
            (self.chunk, self.at) = (self.later.pop_front().unwrap_or_default(), 0);
            if self.chunk.is_empty() {
                return None;
            }
        }
    }

    /// Takes a line of `length` bytes and its end.
    fn cut(&mut self, length: usize) -> Piece {
        let (start, end) = (self.at, self.at + length);
        self.at = end + 1;
        let was = std::mem::replace(&mut self.place, Place::Line);
        if self.chunk[end] == b'\r' {
            match self.chunk.get(self.at) {
                Some(b'\n') => self.at += 1,
                Some(_) => {}
                None => self.place = Place::AfterCr,
            }
        }
        let line = if self.carry.is_empty() { Piece::InChunk(start..end) } else { self.carried(start..end) };
        let has_mark = was == Place::Start && line.bytes(&self.chunk).starts_with(BYTE_ORDER_MARK);
        if has_mark { line.from(BYTE_ORDER_MARK.len()) } else { line }
    }

    /// A line that began in an earlier chunk.
    fn carried(&mut self, rest: Range<usize>) -> Piece {
        self.carry.extend_from_slice(&self.chunk[rest]);
        let line = self.carry.split().freeze();
        if line.len() > CARRY_BYTES {
            self.carry = BytesMut::new();
        }
        Piece::Own(line)
    }

    fn is_too_long(&self, line: usize) -> bool {
        line + self.event.len() > self.max
    }

    fn fail(&mut self) -> Result<(), EventTooLong> {
        let max = self.max;
        *self = Self { place: Place::Failed, ..Self::new(max) };
        Err(EventTooLong { max })
    }
}

/// Where the parts of an event lie.
struct Found {
    name: Range<usize>,
    data: Range<usize>,
    end: usize,
}

fn usual(chunk: &[u8], at: usize) -> Option<Found> {
    let line = |at: usize, field: &[u8]| {
        let rest = chunk.get(at..)?.strip_prefix(field)?;
        let (start, length) = (at + field.len(), memchr2(b'\n', b'\r', rest)?);
        (rest[length] == b'\n').then_some(start..start + length)
    };
    let name = line(at, b"event: ")?;
    let data = line(name.end + 1, b"data: ")?;
    let end = data.end + 2;
    (chunk.get(end - 1) == Some(&b'\n')).then_some(Found { name, data, end })
}

/// Digits only, as the standard says.
fn milliseconds(value: &[u8]) -> Option<Duration> {
    let digits =
        std::str::from_utf8(value).ok().filter(|value| value.bytes().all(|it| it.is_ascii_digit()))?;
    digits.parse().ok().map(Duration::from_millis)
}
