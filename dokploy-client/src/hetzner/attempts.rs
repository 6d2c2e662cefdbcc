//! Whether a request is made again, and when.

use tokio::time::Instant;

use super::api::Api;
use super::limits::Limits;
use crate::dns::DnsError;
use crate::http::{self, Policy, Told};

pub(super) use crate::http::deadline;

/// The attempts of one request.
#[derive(Debug)]
pub(super) struct Attempts(http::Attempts);

impl Attempts {
    /// None was made yet; none is made after `until`.
    pub(super) fn new(api: &Api, until: Instant) -> Self {
        Self::of(&api.limits, api.seed, until)
    }

    fn of(limits: &Limits, seed: Option<u64>, until: Instant) -> Self {
        // What is told is heeded as long as the call lasts.
        let policy = Policy { retries: limits.retries, backoff: limits.backoff, longest_told: limits.call };
        Self(http::Attempts::new(policy, seed, until))
    }

    /// Waits for the time of the next attempt, or gives up.
    ///
    /// # Errors
    /// That of the failure, where no further attempt is made.
    pub(super) async fn wait(&mut self, failure: DnsError) -> Result<(), DnsError> {
        if self.go_on_after(&failure).await { Ok(()) } else { Err(failure) }
    }

    /// Waits for the time of the next attempt after this failure; `false` where there is none.
    pub(super) async fn go_on_after(&mut self, failure: &DnsError) -> bool {
        self.0.wait(told(failure), ()).await.is_ok()
    }
}

fn told(failure: &DnsError) -> Told {
    match failure {
        // Others share the limit, and take what was given back.
        DnsError::RateLimited { retry_after, .. } => Told::Refill(*retry_after),
        failure => failure.retry_after().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Upstream;

    fn limited(millis: u64) -> DnsError {
        let retry_after = Duration::from_millis(millis);
        DnsError::RateLimited { call: "x", retry_after, source: Box::new(Upstream("".into())) }
    }

    fn unavailable(retry_after: Option<u64>) -> DnsError {
        let retry_after = retry_after.map(Duration::from_millis);
        DnsError::Unavailable { call: "x", status: None, retry_after, source: Box::new(Upstream("".into())) }
    }

    fn attempts(limits: &Limits) -> Attempts {
        Attempts::of(limits, Some(1), deadline(limits.call))
    }

    #[tokio::test(start_paused = true)]
    async fn a_limited_request_waits_a_second_and_then_longer() {
        let mut attempts = attempts(&Limits::default());
        let start = Instant::now();
        for seconds in [1, 3, 7, 15] {
            attempts.wait(limited(1000)).await.unwrap();
            assert_eq!(start.elapsed(), Duration::from_secs(seconds));
        }
        assert!(attempts.wait(limited(1000)).await.is_err(), "after 4 repetitions");
        assert_eq!(start.elapsed(), Duration::from_secs(15), "giving up takes no time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limited_request_that_is_to_wait_no_time_waits_all_the_same() {
        let mut attempts = attempts(&Limits::default());
        let mut start = Instant::now();
        for longest in [500, 1000, 2000, 4000].map(Duration::from_millis) {
            attempts.wait(limited(0)).await.unwrap();
            let waited = start.elapsed();
            assert!((longest * 3 / 4..=longest + Duration::from_millis(1)).contains(&waited), "{waited:?}");
            start = Instant::now();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_was_told_is_not_doubled() {
        let mut attempts = attempts(&Limits::default());
        let start = Instant::now();
        for seconds in [5, 10, 15] {
            attempts.wait(unavailable(Some(5000))).await.unwrap();
            assert_eq!(start.elapsed(), Duration::from_secs(seconds));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_where_the_wait_is_beyond_the_calls_end() {
        let limits = Limits { call: Duration::from_secs(2), ..Limits::default() };
        let mut attempts = attempts(&limits);
        assert!(attempts.wait(unavailable(Some(2000))).await.is_err());
        assert!(attempts.wait(limited(2000)).await.is_err());
        assert!(attempts.wait(unavailable(Some(1500))).await.is_ok());
        assert!(attempts.wait(limited(400)).await.is_err(), "of which twice as much is beyond the end");
    }
}
