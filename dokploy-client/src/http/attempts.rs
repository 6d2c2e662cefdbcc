//! Whether something is attempted again, and when.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often, and after which waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// How often an attempt is repeated.
    pub(crate) retries: u32,
    /// The least wait before the first repetition; it doubles with each. Up to a quarter less, by chance.
    pub(crate) backoff: Duration,
    /// The longest wait that is heeded where one is told; beyond it no further attempt is made.
    pub(crate) longest_told: Duration,
}

/// What a failure tells of the wait.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    Nothing,
    /// It is at least so long.
    AtLeast(Duration),
    /// After so long a request is given back, which others may take: each further wait is longer.
    #[cfg(feature = "hetzner")]
    Refill(Duration),
}

/// The attempts of one call or request.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: Policy,
    random: fastrand::Rng,
    failed: u32,
    until: Instant,
}

impl Attempts {
    /// None was made yet; none is made after `until`. The same seed gives the same waits.
    pub(crate) fn new(policy: Policy, seed: Option<u64>, until: Instant) -> Self {
        let random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { policy, random, failed: 0, until }
    }

    /// Waits for the time of the next attempt, or gives up.
    ///
    /// # Errors
    /// The failure, where no further attempt is made.
    pub(crate) async fn wait<E>(&mut self, told: Told, failure: E) -> Result<(), E> {
        let Some(delay) = self.next(told) else { return Err(failure) };
        sleep(delay).await;
        Ok(())
    }

    /// The wait before the next attempt; `None` where there is none. Whatever is told, it is no shorter than the
    /// back-off.
    fn next(&mut self, told: Told) -> Option<Duration> {
        let (told, least) = match told {
            Told::Nothing => (Duration::ZERO, Duration::ZERO),
            Told::AtLeast(wait) => (wait, wait),
            #[cfg(feature = "hetzner")]
            Told::Refill(wait) => (wait, self.doubled(wait)),
        };
        let delay = least.max(self.backoff());
        let is_in_time = told <= self.policy.longest_told && deadline(delay) < self.until;
        if self.failed >= self.policy.retries || !is_in_time {
            return None;
        }
        self.failed += 1;
        Some(delay)
    }

    /// Up to a quarter is taken off by chance, so that those that failed together do not come back together.
    fn backoff(&mut self) -> Duration {
        let longest = self.doubled(self.policy.backoff);
        longest.saturating_sub((longest / 4).mul_f64(self.random.f64()))
    }

    fn doubled(&self, wait: Duration) -> Duration {
        wait.saturating_mul(1u32.checked_shl(self.failed).unwrap_or(u32::MAX))
    }
}

impl From<Option<Duration>> for Told {
    fn from(wait: Option<Duration>) -> Self {
        wait.map_or(Self::Nothing, Self::AtLeast)
    }
}

/// When a time from now is over; far away, where the sum is beyond what the clock can tell.
pub(crate) fn deadline(limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(limit).unwrap_or_else(|| now + FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy =
        Policy { retries: 4, backoff: Duration::from_millis(200), longest_told: Duration::from_secs(3) };

    fn attempts(seed: u64, seconds: u64) -> Attempts {
        Attempts::new(POLICY, Some(seed), deadline(Duration::from_secs(seconds)))
    }

    fn at_least(millis: u64) -> Told {
        Told::AtLeast(Duration::from_millis(millis))
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_with_a_chance_that_can_be_repeated() {
        let waits = |seed| {
            let mut attempts = attempts(seed, 10);
            (0..4).map(|_| attempts.next(Told::Nothing).unwrap()).collect::<Vec<_>>()
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
    async fn a_wait_that_is_told_makes_none_shorter() {
        let (mut told, mut untold) = (attempts(1, 10), attempts(1, 10));
        for _ in 0..4 {
            assert_eq!(told.next(at_least(0)), untold.next(Told::Nothing));
        }
        assert_eq!(attempts(1, 10).next(at_least(2500)), Some(Duration::from_millis(2500)));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_so_many_failures_or_where_the_wait_is_too_long() {
        let mut attempts = attempts(1, 2);
        assert_eq!(attempts.next(at_least(3001)), None, "longer than is heeded");
        assert_eq!(attempts.next(at_least(2000)), None, "beyond the end");
        assert_eq!(attempts.next(at_least(1000)), Some(Duration::from_secs(1)));
        for _ in 0..3 {
            assert!(attempts.next(at_least(900)).is_some());
        }
        assert_eq!(attempts.next(Told::Nothing), None);
        assert_eq!(attempts.wait(Told::Nothing, "the failure").await, Err("the failure"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_without_end_is_no_panic() {
        let policy = Policy { retries: 40, backoff: Duration::MAX, longest_told: Duration::MAX };
        let mut attempts = Attempts::new(policy, None, deadline(Duration::MAX));
        for _ in 0..40 {
            _ = attempts.next(Told::Nothing);
            _ = attempts.next(Told::AtLeast(Duration::MAX));
        }
    }
}
