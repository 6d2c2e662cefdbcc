//! How a viewer wants to attach, and where it starts.

use crate::info::Phase;
use crate::size::Size;

/// Whether a viewer takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It types, resizes, signals. It loses nothing: the child waits for it.
    Write,
    /// It looks on. The child never waits for it: what it misses is told as a gap.
    Watch,
}

/// How a viewer wants to attach.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Attach {
    pub(crate) mode: Mode,
    pub(crate) from: Option<u64>,
    pub(crate) stalling: Stalling,
}

/// What becomes of a writer that holds the child back without an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stalling {
    /// It is closed after [`Limits::stall`](crate::Limits::stall).
    Closes,
    /// The child waits.
    Waits,
}

impl Attach {
    /// As one that takes part.
    pub const fn writer() -> Self {
        Self::as_(Mode::Write)
    }

    /// As one that looks on.
    pub const fn watcher() -> Self {
        Self::as_(Mode::Watch)
    }

    /// In this mode.
    pub const fn as_(mode: Mode) -> Self {
        Self { mode, from: None, stalling: Stalling::Closes }
    }

    /// Begins at this offset: one after the last byte that the viewer has. Unless given, at the oldest byte that is
    /// held. Beyond the head it begins there; before the oldest byte, with a gap.
    pub const fn from(mut self, offset: u64) -> Self {
        self.from = Some(offset);
        self
    }

    /// Is never closed as stalled, however long the child waits for it: for a caller that finds out by itself whether
    /// who looks is still there, and drops the viewer if not.
    pub const fn patient(mut self) -> Self {
        self.stalling = Stalling::Waits;
        self
    }
}

/// Where a viewer starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Start {
    /// The first byte it will get or be told to have missed.
    pub from: u64,
    /// The oldest byte that is held.
    pub base: u64,
    /// Where output ends for now.
    pub head: u64,
    /// Bytes that it is sent beyond what it acknowledged.
    pub window: usize,
    /// Its mode.
    pub mode: Mode,
    /// The terminal's size.
    pub size: Size,
    /// How the terminal stands.
    pub phase: Phase,
}
