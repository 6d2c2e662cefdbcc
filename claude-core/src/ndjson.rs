//! Lines of newline-delimited JSON, cut from a byte stream without I/O.
//!
//! [`Lines`] owns the buffer that a reader fills and hands out each complete line as a slice of it. A line
//! that arrives in one read is never copied; one that arrives in pieces is put together in the same buffer.
//! Only LF ends a line: a CR before it is part of the line, so that the bytes stay what they were.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// The most bytes of one line unless configured otherwise: 16 MiB, without its LF.
pub const LINE_BYTES: usize = 16 << 20;

/// The least spare room offered to a reader: what a pipe holds by default.
const READ_BYTES: usize = 64 << 10;

/// A line grew beyond the limit. Nothing more is read: what follows has no known start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than {max} bytes")]
pub struct LineTooLong {
    /// The limit in bytes.
    pub max: usize,
}

/// Cuts a byte stream into lines.
#[derive(Debug)]
pub struct Lines {
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no LF.
    searched: usize,
    max: usize,
    failed: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self::new(LINE_BYTES)
    }
}

impl Lines {
    /// Lines of at most `max` bytes each, not counting the LF.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { buffer: BytesMut::new(), searched: 0, max, failed: false }
    }

    /// The buffer with room for a read behind what it holds, 16 KiB at least; append to it, nothing else.
    pub fn space(&mut self) -> &mut BytesMut {
        if self.buffer.capacity() - self.buffer.len() < READ_BYTES / 4 {
            // A long line doubles its room, so that its bytes are moved a bounded number of times.
            self.buffer.reserve(READ_BYTES.max(self.buffer.len()));
        }
        &mut self.buffer
    }

    /// Appends a copy of `bytes`, for sources that bring their own buffer.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.space().extend_from_slice(bytes);
    }

    /// The next complete line without its LF, or `None` until more is appended.
    ///
    /// # Errors
    /// [`LineTooLong`] once, when a line exceeds the limit; `None` from then on.
    #[allow(clippy::should_implement_trait)] // an `Iterator` that yields again after `None` surprises
    pub fn next(&mut self) -> Option<Result<Bytes, LineTooLong>> {
        if self.failed {
            return None;
        }
        let Some(found) = memchr(b'\n', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            return (self.searched > self.max).then(|| self.fail());
        };
        let length = self.searched + found;
        self.searched = 0;
        if length > self.max {
            return Some(self.fail());
        }
        let mut line = self.buffer.split_to(length + 1);
        line.truncate(length);
        Some(Ok(line.freeze()))
    }

    /// What stands behind the last LF: empty where the stream ended with one.
    #[must_use]
    pub fn rest(&mut self) -> Bytes {
        self.searched = 0;
        if self.failed { Bytes::new() } else { self.buffer.split().freeze() }
    }

    fn fail(&mut self) -> Result<Bytes, LineTooLong> {
        self.failed = true;
        self.buffer = BytesMut::new();
        Err(LineTooLong { max: self.max })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(lines: &mut Lines) -> Vec<Bytes> {
        std::iter::from_fn(|| lines.next()).map(Result::unwrap).collect()
    }

    #[test]
    fn a_line_in_one_read_is_a_slice_of_the_buffer() {
        let mut lines = Lines::default();
        lines.feed(b"{\"a\":1}\n{\"b\":2}\n");
        let (first, second) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
        assert_eq!(first.as_ptr() as usize + first.len() + 1, second.as_ptr() as usize);
        assert!(lines.next().is_none());
    }

    #[test]
    fn the_longest_line_passes_and_one_byte_more_fails_once() {
        let mut lines = Lines::new(8);
        lines.feed(b"12345678\n123456789\nok\n");
        assert_eq!(lines.next().unwrap().unwrap(), &b"12345678"[..]);
        assert_eq!(lines.next(), Some(Err(LineTooLong { max: 8 })));
        assert_eq!(lines.next(), None);
        assert!(lines.rest().is_empty());
    }

    #[test]
    fn a_line_without_end_fails_as_soon_as_it_is_too_long() {
        let mut lines = Lines::new(8);
        lines.feed(b"123456789");
        assert_eq!(lines.next(), Some(Err(LineTooLong { max: 8 })));
    }

    #[test]
    fn carriage_returns_and_empty_lines_are_kept() {
        let mut lines = Lines::default();
        lines.feed(b"a\r\n\n\xff\x00\nrest");
        assert_eq!(all(&mut lines), [&b"a\r"[..], b"", b"\xff\x00"]);
        assert_eq!(lines.rest(), &b"rest"[..]);
    }

    proptest! {
        #[test]
        fn every_split_gives_the_same_lines(
            input in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400),
            cuts in prop::collection::vec(1_usize..40, 1..40),
        ) {
            let mut whole = Lines::default();
            whole.feed(&input);
            let expected = (all(&mut whole), whole.rest());

            let mut lines = Lines::default();
            let (mut got, mut rest, mut cuts) = (Vec::new(), &input[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                lines.feed(chunk);
                got.extend(all(&mut lines));
                rest = after;
            }
            prop_assert_eq!((got, lines.rest()), expected);
        }
    }
}
