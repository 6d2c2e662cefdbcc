//! How long, how often and how much.

use std::time::Duration;

/// The limits of a [`Hetzner`](super::Hetzner).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// A call: all its requests and the waits between them, but for the wait for a change's end. A removal of two
    /// record sets, IPv4 and IPv6, has as much for each. Beyond it the call ends with the last failure. 30 s.
    pub call: Duration,
    /// A request and its answer; beyond it the attempt has failed. 10 s.
    pub attempt: Duration,
    /// Until a connection stands; beyond it the attempt has failed. 3 s.
    pub connect: Duration,
    /// How long a connection is kept for the next request. 10 s.
    pub idle: Duration,
    /// How often a request is repeated that failed in passing; beyond it the call ends with the last failure. 4.
    pub retries: u32,
    /// The wait before the first repetition; it doubles with each. Up to a quarter less, by chance. 500 ms.
    pub backoff: Duration,
    /// The wait after a 429, in which Hetzner gives one request back; it doubles with each. Less, where the limit's
    /// reset is nearer. 1 s.
    pub refill: Duration,
    /// How long the end of a change is waited for; beyond it the call ends as
    /// [`ActionLate`](crate::dns::DnsError::ActionLate). 60 s.
    pub wait_for_action: Duration,
    /// The wait before the first look whether a change has ended; it doubles with each, up to 5 s. 500 ms.
    pub poll: Duration,
    /// Pages of 100 record sets that are read; beyond it the call ends as
    /// [`LimitReached`](crate::dns::DnsError::LimitReached). 100.
    pub pages: usize,
    /// Bytes of an answer; beyond it the answer can't be read. 4 MiB.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(30),
            attempt: Duration::from_secs(10),
            connect: Duration::from_secs(3),
            idle: Duration::from_secs(10),
            retries: 4,
            backoff: Duration::from_millis(500),
            refill: Duration::from_secs(1),
            wait_for_action: Duration::from_secs(60),
            poll: Duration::from_millis(500),
            pages: 100,
            answer_bytes: 4 << 20,
        }
    }
}
