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
    /// What belongs to streaming.
    pub(crate) streaming: Streaming,
    /// What belongs to terminals.
    pub(crate) terminals: Terminals,
}

/// Sizes of the measurements of streaming.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streaming {
    /// How much CPU time each codec takes for a figure, at least.
    pub(crate) cpu: Duration,
    /// Bytes of a body that is decoded.
    pub(crate) body_bytes: usize,
    /// Bytes of a body that becomes one message.
    pub(crate) message_bytes: usize,
    /// Readers of paced turns, each with its own.
    pub(crate) readers: usize,
    /// How long they read before anything counts.
    pub(crate) settle: Duration,
    /// How long they are counted.
    pub(crate) window: Duration,
    /// Tokens of a turn at full speed.
    pub(crate) tokens: u64,
    /// How long turns are held, or a reader stands still, before memory is read.
    pub(crate) hold: Duration,
    /// Readers of one run.
    pub(crate) one_run_readers: usize,
    /// Readers that leave, in a round.
    pub(crate) leaving: usize,
}

/// Sizes of the measurements of terminals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminals {
    /// Bytes of one terminal's output, raw.
    pub(crate) raw_bytes: u64,
    /// The same of lines on a cooked terminal.
    pub(crate) cooked_bytes: u64,
    /// Keys that are typed for a figure.
    pub(crate) keys: usize,
    /// Terminals at the same time.
    pub(crate) sessions: usize,
    /// How long they are held before memory is read.
    pub(crate) hold: Duration,
    /// Bytes of the terminal whose client stops.
    pub(crate) stopped_bytes: u64,
    /// How long it stops: less than our server's patience with it.
    pub(crate) stop: Duration,
    /// How long a terminal floods its client before it is interrupted.
    pub(crate) flood: Duration,
    /// How long the prompt is waited for then.
    pub(crate) patience: Duration,
    /// Terminals that leave a daemon.
    pub(crate) daemons: usize,
    /// How long after their end it is counted who is left.
    pub(crate) after_end: Duration,
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
        streaming: Streaming {
            cpu: Duration::from_millis(150),
            body_bytes: 1 << 20,
            message_bytes: 1 << 19,
            readers: 200,
            settle: Duration::from_millis(300),
            window: Duration::from_millis(1200),
            tokens: 12_800,
            hold: Duration::from_millis(800),
            one_run_readers: 50,
            leaving: 10,
        },
        terminals: Terminals {
            raw_bytes: 64_000_000,
            cooked_bytes: 32_000_000,
            keys: 400,
            sessions: 200,
            hold: Duration::from_secs(1),
            stopped_bytes: 64_000_000,
            stop: Duration::from_secs(5),
            flood: Duration::from_secs(3),
            patience: Duration::from_secs(20),
            daemons: 50,
            after_end: Duration::from_secs(6),
        },
    };

    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        window: Duration::from_millis(600),
        stream_bytes: 200_000_000,
        stop: Duration::from_millis(1500),
        first_lines: 20,
        streaming: Streaming {
            cpu: Duration::from_millis(60),
            message_bytes: 1 << 17,
            settle: Duration::from_millis(150),
            window: Duration::from_millis(500),
            tokens: 6_400,
            hold: Duration::from_millis(400),
            leaving: 5,
            ..Self::FULL.streaming
        },
        terminals: Terminals {
            raw_bytes: 32_000_000,
            cooked_bytes: 16_000_000,
            keys: 200,
            ..Self::FULL.terminals
        },
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
        streaming: Streaming {
            cpu: Duration::from_millis(1),
            body_bytes: 100_000,
            message_bytes: 30_000,
            readers: 4,
            settle: Duration::from_millis(50),
            window: Duration::from_millis(200),
            tokens: 256,
            hold: Duration::from_millis(100),
            one_run_readers: 3,
            leaving: 2,
        },
        terminals: Terminals {
            raw_bytes: 1_000_000,
            cooked_bytes: 500_000,
            keys: 5,
            sessions: 3,
            hold: Duration::from_millis(100),
            stopped_bytes: 4_000_000,
            stop: Duration::from_millis(500),
            flood: Duration::from_millis(200),
            patience: Duration::from_secs(2),
            daemons: 2,
            after_end: Duration::from_secs(2),
        },
    };
}
