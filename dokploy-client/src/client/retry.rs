//! Whether a call is repeated, and when.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use super::limits::Limits;
use crate::error::{Error, Result};

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    limits: &'a Limits,
    random: fastrand::Rng,
    failed: u32,
    pub(super) deadline: Instant,
}

impl<'a> Attempts<'a> {
    /// None was made yet. The same seed gives the same waits.
    pub(super) fn new(limits: &'a Limits, seed: Option<u64>) -> Self {
        let random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { limits, random, failed: 0, deadline: after(Instant::now(), limits.call) }
    }

    /// Waits for the time of the next attempt, or gives up.
    ///
    /// # Errors
    /// That of the failure, where no further attempt is made.
    pub(super) async fn wait(&mut self, failure: Error) -> Result<()> {
        let delay = self.next(failure)?;
        tokio::time::sleep(delay).await;
        Ok(())
    }

    /// Only [`Error::Unavailable`] is repeated: it says that nothing was done.
    fn next(&mut self, failure: Error) -> Result<Duration> {
        let Error::Unavailable { retry_after, .. } = &failure else { return Err(failure) };
        let delay = match retry_after {
            Some(wait) if *wait > self.limits.retry_after_max => return Err(failure),
            Some(wait) => *wait,
            None => self.backoff(),
        };
        if self.failed >= self.limits.retries || after(Instant::now(), delay) >= self.deadline {
            return Err(failure);
        }
        self.failed += 1;
        Ok(delay)
    }

    /// Doubles with each failure. Up to a quarter is taken off by chance, so that clients that failed together do not
    /// come back together.
    fn backoff(&mut self) -> Duration {
        let factor = 1u32.checked_shl(self.failed).unwrap_or(u32::MAX);
        let longest = self.limits.backoff.saturating_mul(factor).min(self.limits.call);
        longest.saturating_sub((longest / 4).mul_f64(self.random.f64()))
    }
}

/// Far away, where the sum is beyond what the clock can tell.
fn after(start: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    start.checked_add(wait).unwrap_or_else(|| start + FAR)
}

/// The wait told by `Retry-After`, in seconds or as a date. A date that has passed means now.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let told = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match told.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => Some(httpdate::parse_http_date(told).ok()?.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Upstream;

    fn unavailable(retry_after: Option<Duration>) -> Error {
        let source = Box::new(Upstream("".into()));
        Error::Unavailable { call: "project.all", status: Some(503), retry_after, source }
    }

    #[test]
    fn reads_each_form_of_retry_after() {
        let now = httpdate::parse_http_date("Fri, 06 Nov 2026 08:49:37 GMT").unwrap();
        for (told, wait) in [
            ("3", Some(3000)),
            ("0", Some(0)),
            (" 1.5 ", Some(1500)),
            ("Fri, 06 Nov 2026 08:49:42 GMT", Some(5000)),
            ("Fri, 06 Nov 2026 08:49:00 GMT", Some(0)),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("1e300", None),
            ("tomorrow", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, told.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), wait.map(Duration::from_millis), "{told}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_with_a_chance_that_can_be_repeated() {
        let limits = Limits { retries: 5, ..Limits::default() };
        let waits = |seed| {
            let mut attempts = Attempts::new(&limits, Some(seed));
            (0..5).map(|_| attempts.next(unavailable(None)).unwrap()).collect::<Vec<_>>()
        };
        for (made, wait) in waits(1).into_iter().enumerate() {
            let longest = 200u64 << made;
            let range = Duration::from_millis(longest * 3 / 4)..=Duration::from_millis(longest);
            assert!(range.contains(&wait), "{made}: {wait:?}");
        }
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_so_many_failures_or_where_the_wait_is_too_long() {
        let limits = Limits { call: Duration::from_secs(2), ..Limits::default() };
        let mut attempts = Attempts::new(&limits, Some(1));
        let told = |millis| unavailable(Some(Duration::from_millis(millis)));
        assert!(attempts.next(told(3001)).is_err());
        assert!(attempts.next(told(2500)).is_err(), "beyond the call's end");
        assert!(attempts.next(Error::TimedOut { call: "x", after: Duration::ZERO }).is_err());
        assert_eq!(attempts.next(told(1000)).unwrap(), Duration::from_secs(1));
        assert!(attempts.next(unavailable(None)).is_ok());
        assert!(attempts.next(unavailable(None)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_without_end_is_no_panic() {
        let limits = Limits { call: Duration::MAX, backoff: Duration::MAX, ..Limits::default() };
        _ = Attempts::new(&limits, None).next(unavailable(None));
    }
}
