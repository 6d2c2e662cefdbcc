//! What one client may ask of the server.

use std::time::Duration;

/// Limits of a server. Each is set by [`Server::limits`](super::Server::limits).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request's body, `MAX_BODY_BYTES`; beyond it 413 `too_large`.
    pub body_bytes: usize,
    /// How long a body may keep its reader waiting, besides the time its bytes earn; then 408 `timeout`.
    pub body_wait: Duration,
    /// Bytes that earn a body one more second.
    pub body_rate: u64,
    /// How long a request's head may take, and how long a connection may idle; then it is closed.
    pub header_wait: Duration,
    /// Bytes of a request's head; beyond it 431.
    pub header_bytes: usize,
    /// Bytes of path and query; beyond it 414 `uri_too_long`.
    pub target_bytes: usize,
    /// Connections at once, upgraded ones too. Some more are told so with 503, those beyond are closed.
    pub connections: usize,
    /// How long a client may take nothing of what is written to it; then its connection is cut.
    pub write_stall: Duration,
    /// How long connections have to end after the order to shut down; then they are cut.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            body_wait: Duration::from_secs(30),
            body_rate: 16 << 10,
            header_wait: Duration::from_secs(30),
            header_bytes: 64 << 10,
            target_bytes: 16 << 10,
            connections: 1024,
            write_stall: Duration::from_mins(1),
            drain: Duration::from_secs(30),
        }
    }
}
