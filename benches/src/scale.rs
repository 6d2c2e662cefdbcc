//! How much is measured.

use std::time::Duration;

/// Rounds and sizes of a whole run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Rounds over all contestants.
    pub(crate) rounds: usize,
    /// How long runs are counted.
    pub(crate) window: Duration,
    /// Clients that ask at the same time, where it is many.
    pub(crate) clients: usize,
    /// Bytes of one stream of fast lines.
    pub(crate) stream_bytes: u64,
    /// Streams held open at the same time.
    pub(crate) streams: usize,
    /// How long they are held before memory is read.
    pub(crate) hold: Duration,
    /// Bytes of the stream whose reader stops.
    pub(crate) stopped_bytes: u64,
    /// How long it stops.
    pub(crate) stop: Duration,
    /// Requests that are aborted.
    pub(crate) aborts: usize,
    /// How long after the last of them it is counted who is left.
    pub(crate) after_aborts: Duration,
    /// First lines that are timed in a round.
    pub(crate) first_lines: usize,
}

impl Scale {
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        window: Duration::from_millis(1200),
        clients: 32,
        stream_bytes: 400_000_000,
        streams: 200,
        hold: Duration::from_secs(1),
        stopped_bytes: 200_000_000,
        stop: Duration::from_secs(2),
        aborts: 300,
        after_aborts: Duration::from_secs(6),
        first_lines: 40,
    };

    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        window: Duration::from_millis(600),
        stream_bytes: 200_000_000,
        stop: Duration::from_millis(1500),
        first_lines: 20,
        ..Self::FULL
    };

    /// Shows that everything works; its figures mean nothing.
    pub(crate) const SMOKE: Self = Self {
        rounds: 1,
        window: Duration::from_millis(100),
        clients: 4,
        stream_bytes: 5_000_000,
        streams: 5,
        hold: Duration::from_millis(100),
        stopped_bytes: 30_000_000,
        stop: Duration::from_millis(800),
        aborts: 5,
        after_aborts: Duration::from_secs(4),
        first_lines: 3,
    };
}
