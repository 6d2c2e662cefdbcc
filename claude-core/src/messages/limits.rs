//! How long, how often and how much.

use std::time::Duration;

/// The limits of a [`Client`](super::Client).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Until a connection stands. 10 s.
    pub connect: Duration,
    /// Until the head of a streamed answer, connecting included. Proxies hold it back until the first token. 5 min.
    pub first_byte: Duration,
    /// Until the head of an answer that comes whole: it is written before the head is sent. 10 min.
    pub first_byte_whole: Duration,
    /// Waiting for the next byte of a body; a ping counts as life. 2 min.
    pub idle: Duration,
    /// Waiting for the next content, while only pings come. 10 min.
    pub idle_content: Duration,
    /// The whole call: all attempts, the waits between them, and the answer to its end. 1 h.
    pub total: Duration,
    /// How often a request is repeated before its first content. 2.
    pub retries: u32,
    /// The wait before the first repetition; it doubles with each. Up to a quarter less, by chance. 500 ms.
    pub backoff: Duration,
    /// The longest wait that doubling leads to. 8 s.
    pub backoff_max: Duration,
    /// The longest `retry-after` that is waited for; a longer one ends the call with an error that tells it. 60 s.
    pub retry_after_max: Duration,
    /// Bytes of an answer that comes whole; beyond it the answer is no answer. 32 MiB.
    pub answer_bytes: usize,
    /// Bytes of an answer that streams; beyond it the stream ends as no answer, with what came before. 256 MiB.
    pub stream_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            first_byte_whole: Duration::from_secs(600),
            idle: Duration::from_secs(120),
            idle_content: Duration::from_secs(600),
            total: Duration::from_secs(3600),
            retries: 2,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(8),
            retry_after_max: Duration::from_secs(60),
            answer_bytes: 32 << 20,
            stream_bytes: 256 << 20,
        }
    }
}
