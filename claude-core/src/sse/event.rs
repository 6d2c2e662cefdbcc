//! One event, while it is read and when it is told.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::text::Text;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The `event:` field; `message` where there was none.
    pub name: Text,
    /// The `data:` fields, joined by LF.
    pub data: Text,
}

/// An event grew beyond the limit. Nothing more is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {max} bytes")]
pub struct EventTooLong {
    /// The limit in bytes.
    pub max: usize,
}

/// An event where it was read. Its bytes were not checked to be UTF-8.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    name: Option<&'a Piece>,
    chunk: &'a Bytes,
    pub(crate) data: &'a [u8],
    /// What `data` is a slice of.
    pub(crate) source: &'a Bytes,
}

impl Frame<'_> {
    /// The event, checked; what is no UTF-8 becomes U+FFFD.
    pub(crate) fn to_event(self) -> Event {
        let name = match self.name {
            Some(name) if !name.is_empty() => name.text(self.chunk),
            _ => Text::from_static("message"),
        };
        Event { name, data: checked(self.source, self.data) }
    }
}

/// Bytes of the current chunk, or own ones.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    InChunk(Range<usize>),
    Own(Bytes),
}

impl Piece {
    pub(super) fn bytes<'a>(&'a self, chunk: &'a Bytes) -> &'a [u8] {
        match self {
            Self::InChunk(range) => &chunk[range.clone()],
            Self::Own(bytes) => bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::InChunk(range) => range.len(),
            Self::Own(bytes) => bytes.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What stands behind its first `count` bytes.
    pub(super) fn from(self, count: usize) -> Self {
        match self {
            Self::InChunk(range) => Self::InChunk(range.start + count..range.end),
            Self::Own(bytes) => Self::Own(bytes.slice(count..)),
        }
    }

    pub(super) fn text(&self, chunk: &Bytes) -> Text {
        checked(self.source(chunk), self.bytes(chunk))
    }

    fn source<'a>(&'a self, chunk: &'a Bytes) -> &'a Bytes {
        match self {
            Self::InChunk(_) => chunk,
            Self::Own(bytes) => bytes,
        }
    }

    fn keep(&mut self, chunk: &Bytes) {
        if let Self::InChunk(range) = self {
            *self = Self::Own(chunk.slice(range.clone()));
        }
    }
}

fn checked(source: &Bytes, bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(text) => Text::slice_of(source, text),
        Err(_) => Text::from(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// An event that is being put together.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) name: Option<Piece>,
    data: Data,
    /// Its blank line has come.
    pub(super) is_told: bool,
}

#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    Line(Piece),
    Lines(BytesMut),
}

impl Pending {
    /// One more line of data.
    pub(super) fn add(&mut self, line: Piece, chunk: &Bytes) {
        self.data = match std::mem::take(&mut self.data) {
            Data::None => Data::Line(line),
            Data::Line(first) => Data::Lines(joined(BytesMut::from(first.bytes(chunk)), line.bytes(chunk))),
            Data::Lines(lines) => Data::Lines(joined(lines, line.bytes(chunk))),
        };
    }

    /// No line follows; whether this is an event. Without data it is none.
    pub(super) fn close(&mut self) -> bool {
        if let Data::Lines(lines) = &mut self.data {
            self.data = Data::Line(Piece::Own(std::mem::take(lines).freeze()));
        }
        self.is_told = matches!(self.data, Data::Line(_));
        self.is_told
    }

    /// A whole event of the chunk.
    pub(super) fn tell(&mut self, name: Range<usize>, data: Range<usize>) {
        self.name = Some(Piece::InChunk(name));
        self.data = Data::Line(Piece::InChunk(data));
        self.is_told = true;
    }

    pub(super) fn frame<'a>(&'a self, chunk: &'a Bytes) -> Option<Frame<'a>> {
        let Data::Line(data) = &self.data else { return None };
        let (data, source) = (data.bytes(chunk), data.source(chunk));
        Some(Frame { name: self.name.as_ref(), chunk, data, source })
    }

    /// The chunk goes away.
    pub(super) fn keep(&mut self, chunk: &Bytes) {
        if let Some(name) = &mut self.name {
            name.keep(chunk);
        }
        if let Data::Line(data) = &mut self.data {
            data.keep(chunk);
        }
    }

    /// How many bytes it holds.
    pub(super) fn len(&self) -> usize {
        let data = match &self.data {
            Data::None => 0,
            Data::Line(line) => line.len(),
            Data::Lines(lines) => lines.len(),
        };
        data + self.name.as_ref().map_or(0, Piece::len)
    }

    /// Whether nothing came of it, or all of it was told.
    pub(super) fn is_empty(&self) -> bool {
        self.is_told || (self.name.is_none() && matches!(self.data, Data::None))
    }
}

fn joined(mut lines: BytesMut, line: &[u8]) -> BytesMut {
    lines.extend_from_slice(b"\n");
    lines.extend_from_slice(line);
    lines
}
