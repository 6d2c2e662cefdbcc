//! Whether a request is repeated, and when.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use super::limits::Limits;
use crate::error::{Error, Result};
use crate::text::Text;

/// A request is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// Counted from 1.
    pub attempt: u32,
    /// The wait before it.
    pub delay: Duration,
    /// Why: the API's own type of error, else an [`Error::code`].
    pub reason: Text,
}

/// An attempt without an answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) reason: Text,
    pub(super) again: Again,
}

/// Whether another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// After a wait of our own choice.
    Later,
    /// After this wait, as the API asks for.
    After(Duration),
}

impl Failure {
    /// Repeating changes nothing, or may be billed twice.
    pub(super) fn last(error: Error) -> Self {
        Self { reason: error.code().into(), error, again: Again::Never }
    }

    /// Repeating is safe and may help.
    pub(super) fn passing(error: Error) -> Self {
        Self { reason: error.code().into(), error, again: Again::Later }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::last(error)
    }
}

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    limits: &'a Limits,
    random: fastrand::Rng,
    failed: u32,
    deadline: Instant,
}

impl<'a> Attempts<'a> {
    /// None was made yet. The same seed gives the same waits.
    pub(super) fn new(limits: &'a Limits, seed: Option<u64>) -> Self {
        let random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { limits, random, failed: 0, deadline: after(Instant::now(), limits.total) }
    }

    /// When the call must be over.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits for the time of the next attempt, or gives up.
    ///
    /// # Errors
    /// That of the failure, where no further attempt is made.
    pub(super) async fn wait(&mut self, failure: Failure, on_retry: &mut impl FnMut(Retry)) -> Result<()> {
        let retry = self.next(failure)?;
        let delay = retry.delay;
        on_retry(retry);
        tokio::time::sleep(delay).await;
        Ok(())
    }

    fn next(&mut self, failure: Failure) -> Result<Retry> {
        let delay = match failure.again {
            Again::Never => None,
            Again::Later => Some(self.backoff()),
            Again::After(wait) => Some(wait).filter(|wait| *wait <= self.limits.retry_after_max),
        };
        let is_in_time = |delay: &Duration| after(Instant::now(), *delay) < self.deadline;
        match delay.filter(is_in_time) {
            Some(delay) if self.failed < self.limits.retries => {
                self.failed += 1;
                Ok(Retry { attempt: self.failed, delay, reason: failure.reason })
            }
            _ => Err(failure.error),
        }
    }

    /// Doubles with each failure. Up to a quarter is taken off by chance, so that clients that failed together
    /// do not come back together.
    fn backoff(&mut self) -> Duration {
        let factor = 1u32.checked_shl(self.failed).unwrap_or(u32::MAX);
        let longest = self.limits.backoff.saturating_mul(factor).min(self.limits.backoff_max);
        longest.saturating_sub((longest / 4).mul_f64(self.random.f64()))
    }
}

/// Far away, where the sum is beyond what the clock can tell.
pub(super) fn after(start: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    start.checked_add(wait).unwrap_or_else(|| start + FAR)
}

/// What the API asks for: the status decides, and `x-should-retry` where both ways make sense. What is wrong with the
/// request itself stays wrong, whatever a gateway says.
pub(super) fn again(status: u16, headers: &HeaderMap, now: SystemTime) -> Again {
    let should = headers.get("x-should-retry").map(reqwest::header::HeaderValue::as_bytes);
    let is_passing = match should {
        Some(b"true") => !matches!(status, 400 | 401 | 403 | 404 | 413),
        Some(b"false") => false,
        _ => matches!(status, 408 | 409 | 429 | 500..),
    };
    match retry_after(headers, now) {
        _ if !is_passing => Again::Never,
        Some(wait) => Again::After(wait),
        None => Again::Later,
    }
}

/// The wait told by `retry-after-ms`, else by `retry-after` in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok();
    if let Some(millis) = text("retry-after-ms").and_then(number) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let told = text(RETRY_AFTER.as_str())?;
    match number(told) {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        // A date that has passed means now.
        None => Some(httpdate::parse_http_date(told).ok()?.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn failure(again: Again) -> Failure {
        Failure { error: Error::NotConfigured { what: "x" }, reason: "why".into(), again }
    }

    #[test]
    fn reads_each_form_of_retry_after() {
        let now = httpdate::parse_http_date("Fri, 06 Nov 2026 08:49:37 GMT").unwrap();
        for (lines, wait) in [
            (&[("retry-after", "3")][..], Some(3000)),
            (&[("retry-after", "0")], Some(0)),
            (&[("retry-after", " 1.5 ")], Some(1500)),
            (&[("retry-after", "Fri, 06 Nov 2026 08:49:42 GMT")], Some(5000)),
            (&[("retry-after", "Fri, 06 Nov 2026 08:49:00 GMT")], Some(0)),
            (&[("retry-after-ms", "250"), ("retry-after", "9")], Some(250)),
            (&[("retry-after-ms", "soon"), ("retry-after", "9")], Some(9000)),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "NaN")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "1e300")], None),
            (&[("retry-after", "tomorrow")], None),
            (&[], None),
        ] {
            assert_eq!(retry_after(&headers(lines), now), wait.map(Duration::from_millis), "{lines:?}");
        }
    }

    #[test]
    fn the_status_decides_unless_the_api_says_so() {
        let now = SystemTime::now();
        for status in [408, 409, 429, 500, 502, 503, 504, 529] {
            assert_eq!(again(status, &headers(&[]), now), Again::Later, "{status}");
            assert_eq!(
                again(status, &headers(&[("x-should-retry", "false")]), now),
                Again::Never,
                "{status}"
            );
        }
        for status in [301, 400, 401, 403, 404, 413, 422] {
            assert_eq!(again(status, &headers(&[("retry-after", "1")]), now), Again::Never, "{status}");
        }
        let told = headers(&[("x-should-retry", "true"), ("retry-after", "1")]);
        assert_eq!(again(422, &told, now), Again::After(Duration::from_secs(1)));
        for status in [400, 401, 403, 404, 413] {
            assert_eq!(again(status, &told, now), Again::Never, "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_a_limit_with_a_chance_that_can_be_repeated() {
        let limits = Limits { retries: 40, ..Limits::default() };
        let waits = |seed| {
            let mut attempts = Attempts::new(&limits, Some(seed));
            (0..40).map(|_| attempts.next(failure(Again::Later)).unwrap().delay).collect::<Vec<_>>()
        };
        for (made, wait) in waits(1).into_iter().enumerate() {
            let longest = (500u64 << made.min(4)).min(8000);
            let range = Duration::from_millis(longest * 3 / 4)..=Duration::from_millis(longest);
            assert!(range.contains(&wait), "{made}: {wait:?}");
        }
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_so_many_failures_or_where_the_wait_is_too_long() {
        let limits = Limits { total: Duration::from_secs(50), ..Limits::default() };
        let mut attempts = Attempts::new(&limits, Some(1));
        assert!(attempts.next(failure(Again::Never)).is_err());
        assert!(attempts.next(failure(Again::After(Duration::from_secs(61)))).is_err());
        assert!(
            attempts.next(failure(Again::After(Duration::from_secs(55)))).is_err(),
            "beyond the call's end"
        );
        let seconds = Duration::from_secs(10);
        let first = attempts.next(failure(Again::After(seconds))).unwrap();
        assert_eq!((first.attempt, first.delay, &*first.reason), (1, seconds, "why"));
        assert_eq!(attempts.next(failure(Again::Later)).unwrap().attempt, 2);
        assert!(attempts.next(failure(Again::Later)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_without_end_is_no_panic() {
        let limits = Limits {
            total: Duration::MAX,
            backoff: Duration::MAX,
            backoff_max: Duration::MAX,
            ..Limits::default()
        };
        _ = Attempts::new(&limits, None).next(failure(Again::Later));
    }
}
