//! Figures over all terminals.

use std::sync::atomic::{AtomicU64, Ordering};

/// Figures over all terminals of a [`Terminals`](crate::Terminals) since it was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Terminals whose child or its descendants live.
    pub active: usize,
    /// Bytes that children wrote.
    pub output_bytes: u64,
    /// Bytes that children were given to read.
    pub input_bytes: u64,
    /// How often a child was paused since a writer was a window behind.
    pub pauses: u64,
}

/// Where they are counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    output_bytes: AtomicU64,
    input_bytes: AtomicU64,
    pauses: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self, bytes: usize) {
        self.output_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn written(&self, bytes: usize) {
        self.input_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn paused(&self) {
        self.pauses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self, active: usize) -> Stats {
        Stats {
            active,
            output_bytes: self.output_bytes.load(Ordering::Relaxed),
            input_bytes: self.input_bytes.load(Ordering::Relaxed),
            pauses: self.pauses.load(Ordering::Relaxed),
        }
    }
}
