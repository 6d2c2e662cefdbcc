//! How long, how often and how much.

use std::time::Duration;

use crate::http::Policy;

/// The limits of a [`Client`](super::Client).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// A call: the question for the version where that is asked for, all attempts, the waits between them, and the
    /// answer to its end. Beyond it a call that only reads ends as [`TimedOut`](crate::Error::TimedOut), another as
    /// [`MaybeDone`](crate::Error::MaybeDone) once it was sent. 10 s.
    pub call: Duration,
    /// Until a connection stands; beyond it the attempt has failed and nothing was sent. 3 s.
    pub connect: Duration,
    /// How long a connection is kept for the next call. Dokploy closes it after 5 to 6 s. 4 s.
    pub idle: Duration,
    /// Bytes of an answer; beyond it the answer can't be read. 16 MiB.
    pub answer_bytes: usize,
    /// Bytes of a request's body; beyond it nothing is sent. Dokploy refuses what is longer. 1 MiB.
    pub request_bytes: usize,
    /// How often a call is repeated where that is safe: it only reads, or was never sent. 2.
    pub retries: u32,
    /// The wait before the first repetition; it doubles with each. Up to a quarter less, by chance. A shorter one
    /// that was told makes it no shorter. 200 ms.
    pub backoff: Duration,
    /// The longest `Retry-After` that is waited for; a longer one ends the call with an error that tells it. 3 s.
    pub retry_after_max: Duration,
}

impl Limits {
    pub(super) fn policy(&self) -> Policy {
        Policy { retries: self.retries, backoff: self.backoff, longest_told: self.retry_after_max }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(10),
            connect: Duration::from_secs(3),
            idle: Duration::from_secs(4),
            answer_bytes: 16 << 20,
            request_bytes: 1 << 20,
            retries: 2,
            backoff: Duration::from_millis(200),
            retry_after_max: Duration::from_secs(3),
        }
    }
}
