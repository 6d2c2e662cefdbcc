//! From bytes to the events of a stream, without I/O.

mod general;
mod scan;
mod unescape;

use bytes::Bytes;

use self::scan::{Inside, Kind, scan};
use self::unescape::unescape;
use super::event::{Delta, Event};
use crate::sse;
use crate::text::{Arena, Text};

/// What came is no Messages API stream. Nothing more is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Malformed {
    /// What was wrong.
    pub what: Box<str>,
}

impl Malformed {
    fn new(what: impl Into<Box<str>>) -> Self {
        Self { what: what.into() }
    }
}

/// Makes events of bytes.
///
/// A delta in the one shape that the API writes is read by a scanner that knows only this shape; everything else is
/// parsed. Both give the same events.
#[derive(Debug, Default)]
pub struct Decoder {
    sse: sse::Decoder,
    /// Where texts lie that had escapes.
    arena: Arena,
    unescaped: Vec<u8>,
    is_over: bool,
}

impl Decoder {
    /// At the start of a body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Events of at most `max` bytes each.
    #[must_use]
    pub fn with_event_bytes(max: usize) -> Self {
        Self { sse: sse::Decoder::new(max), ..Self::default() }
    }

    /// Takes more of the body.
    pub fn feed(&mut self, bytes: Bytes) {
        self.sse.feed(bytes);
    }

    /// The next event; `None` until more is fed. Its texts are slices of what was fed, and keep it alive.
    ///
    /// # Errors
    /// [`Malformed`], once; `None` from then on.
    #[allow(clippy::should_implement_trait)] // an `Iterator` that yields again after `None` surprises
    pub fn next(&mut self) -> Option<Result<Event, Malformed>> {
        while !self.is_over {
            let frame = match self.sse.frame()? {
                Ok(frame) => frame,
                Err(error) => return Some(Err(self.fail(Malformed::new(error.to_string())))),
            };
            let arena = &mut self.arena;
            let keep = |text: &str| arena.keep(text);
            if let Some((index, delta)) = usual_delta(frame.source, frame.data, &mut self.unescaped, keep) {
                return Some(Ok(Event::ContentBlockDelta { index, delta }));
            }
            match general::read(frame.to_event()) {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => {}
                Err(malformed) => return Some(Err(self.fail(malformed))),
            }
        }
        None
    }

    fn fail(&mut self, malformed: Malformed) -> Malformed {
        *self = Self { is_over: true, ..Self::default() };
        malformed
    }
}

/// Reads a `content_block_delta` of the usual shape; `None` for anything else, JSON or not. A text with escapes is
/// unescaped in `unescaped` and handed to `keep`, every other one is a slice of `source`.
pub(crate) fn usual_delta(
    source: &Bytes,
    data: &[u8],
    unescaped: &mut Vec<u8>,
    keep: impl FnOnce(&str) -> Text,
) -> Option<(usize, Delta)> {
    let scanned = scan(data)?;
    let text = match scanned.text {
        Inside::Plain(text) => Text::slice_of(source, text),
        Inside::Escaped(text) => keep(unescape(text, unescaped)?),
    };
    let delta = match scanned.kind {
        Kind::Text => Delta::Text(text),
        Kind::Thinking => Delta::Thinking(text),
        Kind::InputJson => Delta::InputJson(text),
        Kind::Signature => Delta::Signature(text),
    };
    Some((scanned.index, delta))
}
