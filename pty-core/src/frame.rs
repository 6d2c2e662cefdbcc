//! What a viewer is told.

use bytes::Bytes;

use crate::exit::Exit;
use crate::size::Size;

/// What a viewer is told, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// Output of the child; offsets follow each other but for a [`Gap`](Frame::Gap).
    Output {
        /// How many bytes came before the first of these, since the terminal began.
        offset: u64,
        /// At least one, at most 64 KiB.
        data: Bytes,
    },
    /// The bytes from `from` to before `to` are not held any more.
    Gap {
        /// The first that is lost.
        from: u64,
        /// Where output goes on.
        to: u64,
    },
    /// Somebody else changed the terminal's size.
    Resized(Size),
    /// The child has ended and all of its output was told. The last frame.
    Exit(Exit),
    /// The viewer was closed. The last frame.
    Closed(Reason),
}

/// Why a viewer was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It held the child back without acknowledging anything.
    Stalled,
    /// The terminal was deleted.
    Deleted,
    /// There was neither input nor output for too long; the terminal is ended.
    Idle,
    /// The terminal has lived for as long as it may.
    Lifetime,
    /// The terminal has written as much as it may.
    OutputLimit,
    /// The program is ending.
    ShuttingDown,
}
