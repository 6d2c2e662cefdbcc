//! Whether a request is made again, and when.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::api::Api;
use super::limits::Limits;
use crate::dns::DnsError;

/// The attempts of one request.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    limits: &'a Limits,
    random: fastrand::Rng,
    failed: u32,
    until: Instant,
}

impl<'a> Attempts<'a> {
    /// None was made yet; none is made after `until`.
    pub(super) fn new(api: &'a Api, until: Instant) -> Self {
        Self::of(&api.limits, api.seed, until)
    }

    fn of(limits: &'a Limits, seed: Option<u64>, until: Instant) -> Self {
        let random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { limits, random, failed: 0, until }
    }

    /// Waits for the time of the next attempt, or gives up.
    ///
    /// # Errors
    /// That of the failure, where no further attempt is made.
    pub(super) async fn wait(&mut self, failure: DnsError) -> Result<(), DnsError> {
        let delay = self.next(failure)?;
        sleep(delay).await;
        Ok(())
    }

    fn next(&mut self, failure: DnsError) -> Result<Duration, DnsError> {
        let told = failure.retry_after().unwrap_or_default();
        let delay = match &failure {
            // Each further one waits longer: others share the limit, and take what was refilled.
            DnsError::RateLimited { .. } => self.doubled(told),
            _ => told.max(self.backoff()),
        };
        if self.failed >= self.limits.retries || delay >= self.until.duration_since(Instant::now()) {
            return Err(failure);
        }
        self.failed += 1;
        Ok(delay)
    }

    /// Up to a quarter is taken off by chance, so that those that failed together do not come back together.
    fn backoff(&mut self) -> Duration {
        let longest = self.doubled(self.limits.backoff).min(self.limits.call);
        longest.saturating_sub((longest / 4).mul_f64(self.random.f64()))
    }

    fn doubled(&self, wait: Duration) -> Duration {
        wait.saturating_mul(1u32.checked_shl(self.failed).unwrap_or(u32::MAX))
    }
}

/// When a time from now is over; far away, where the sum is beyond what the clock can tell.
pub(super) fn deadline(limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(limit).unwrap_or_else(|| now + FAR)
}

#[cfg(test)]
mod tests {
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

    #[tokio::test(start_paused = true)]
    async fn a_limited_request_waits_a_second_and_then_longer() {
        let limits = Limits::default();
        let mut attempts = Attempts::of(&limits, Some(1), deadline(limits.call));
        let start = Instant::now();
        for seconds in [1, 3, 7, 15] {
            attempts.wait(limited(1000)).await.unwrap();
            assert_eq!(start.elapsed(), Duration::from_secs(seconds));
        }
        assert!(attempts.wait(limited(1000)).await.is_err(), "after 4 repetitions");
        assert_eq!(start.elapsed(), Duration::from_secs(15), "giving up takes no time");
    }

    #[tokio::test(start_paused = true)]
    async fn other_waits_double_with_a_chance_that_can_be_repeated() {
        let limits = Limits::default();
        let waits = |seed| {
            let mut attempts = Attempts::of(&limits, Some(seed), deadline(limits.call));
            (0..4).map(|_| attempts.next(unavailable(None)).unwrap()).collect::<Vec<_>>()
        };
        for (made, wait) in waits(1).into_iter().enumerate() {
            let longest = 500u64 << made;
            let range = Duration::from_millis(longest * 3 / 4)..=Duration::from_millis(longest);
            assert!(range.contains(&wait), "{made}: {wait:?}");
        }
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_where_the_wait_is_beyond_the_calls_end() {
        let limits = Limits { call: Duration::from_secs(2), ..Limits::default() };
        let mut attempts = Attempts::of(&limits, Some(1), deadline(limits.call));
        assert!(attempts.next(unavailable(Some(2000))).is_err());
        assert!(attempts.next(limited(2000)).is_err());
        assert_eq!(attempts.next(unavailable(Some(1500))).unwrap(), Duration::from_millis(1500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_without_end_is_no_panic() {
        let limits = Limits { call: Duration::MAX, backoff: Duration::MAX, ..Limits::default() };
        let mut attempts = Attempts::of(&limits, None, deadline(limits.call));
        _ = attempts.next(unavailable(None));
        _ = attempts.next(limited(u64::MAX));
    }
}
