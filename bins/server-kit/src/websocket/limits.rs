//! What one client may ask of a connection.

use std::time::Duration;

/// Limits of a connection. Each is set by [`Accepted::limits`](super::Accepted::limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a message, all its fragments together; beyond it [`Fault::TooLarge`](super::Fault). 1 MiB.
    pub message_bytes: usize,
    /// From one ping of ours to the next; 20 s.
    pub ping_every: Duration,
    /// How long a ping may go unanswered; then the client is gone. Anything else that comes of it renews the wait,
    /// to three times as much in all: on a slow link the answer stands behind other bytes. Who takes nothing of what is
    /// sent is gone after this and `ping_every`. While the receiver isn't
    /// asked for more, no answer can be seen and none is missed. 20 s.
    pub pong_within: Duration,
    /// How long a [`close`](super::close) may take; then the socket is shut down without the client's answer. 2 s.
    pub close_within: Duration,
    /// Bytes that the system takes beyond what it has sent (`TCP_NOTSENT_LOWAT`), so that what is written later isn't
    /// kept behind them. `None`: as many as its buffer holds.
    pub unsent_bytes: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_secs(20),
            close_within: Duration::from_secs(2),
            unsent_bytes: None,
        }
    }
}
