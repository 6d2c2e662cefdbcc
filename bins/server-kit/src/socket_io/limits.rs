//! What clients may ask of a Socket.IO server.

use std::time::Duration;

/// Limits of a [`SocketIo`](super::SocketIo).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Sessions, connected or not; beyond it 503. 4096.
    pub sessions: usize,
    /// From one heartbeat to the next; the client is told. 25 s.
    pub ping_interval: Duration,
    /// How long a heartbeat may go unanswered while nothing else comes of the client, and six times as long in all; then the
    /// session ends. The client is told. 20 s.
    pub ping_timeout: Duration,
    /// How long a session may be without a connected client; then it ends. 5 s.
    pub connect_within: Duration,
    /// How long the upgrade of a session to WebSocket may take; then that is given up, and polling goes on. 10 s.
    pub upgrade_within: Duration,
    /// How long a client may take to hang up after the last it was told; then the connection is closed. 2 s.
    pub leave_within: Duration,
    /// Bytes of a message of the client, or of one of its polling requests; beyond it 1009 or 413. 1 MiB.
    pub message_bytes: usize,
    /// Attachments of a binary event; beyond it the session ends. 16.
    pub attachments: usize,
    /// Bytes of events that wait for the client; beyond it the session ends: whoever emits waits for
    /// [`ready`](super::Emitter::ready). 1 MiB.
    pub queued_bytes: usize,
    /// Bytes that the system takes for a WebSocket beyond what it has sent. 128 KiB.
    pub unsent_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 4096,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            connect_within: Duration::from_secs(5),
            upgrade_within: Duration::from_secs(10),
            leave_within: Duration::from_secs(2),
            message_bytes: 1 << 20,
            attachments: 16,
            queued_bytes: 1 << 20,
            unsent_bytes: 128 << 10,
        }
    }
}
