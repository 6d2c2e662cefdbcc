//! How often somebody may ask.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::auth::UserId;
use crate::problem::Problem;

/// After so many requests, callers who were quiet for a window are forgotten.
const SWEEP: u64 = 4096;
/// So many callers are counted apart; further addresses share one count until the next sweep.
const MAX_CALLERS: usize = 100_000;

/// `RATE_LIMIT_MAX_REQUESTS` in `RATE_LIMIT_WINDOW_MS`, for each user or, where nobody signed in, address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests in a window, which may come at once; 0 = no limit.
    pub requests: u32,
    /// The window.
    pub window: Duration,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { requests: 300, window: Duration::from_mins(1) }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    User(UserId),
    Address(IpAddr),
}

impl Caller {
    /// One who has an IPv6 address has a whole /64 of them.
    pub(super) fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Counts requests; a caller's allowance refills evenly over the window.
#[derive(Debug)]
pub(super) struct Rate {
    limiter: Option<DefaultKeyedRateLimiter<Caller>>,
    checks: AtomicU64,
    crowded: AtomicBool,
}

impl Rate {
    pub(super) fn new(limit: RateLimit) -> Self {
        let limiter = NonZeroU32::new(limit.requests).and_then(|requests| {
            let quota = Quota::with_period(limit.window / requests.get())?.allow_burst(requests);
            Some(RateLimiter::keyed(quota))
        });
        Self { limiter, checks: AtomicU64::new(0), crowded: AtomicBool::new(false) }
    }

    /// 429 with the time to wait, if the caller used its allowance up.
    pub(super) fn check(&self, caller: Caller) -> Result<(), Problem> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            limiter.retain_recent();
            self.crowded.store(limiter.len() >= MAX_CALLERS, Ordering::Relaxed);
        }
        let caller = match caller {
            Caller::Address(_) if self.crowded.load(Ordering::Relaxed) => {
                Caller::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
            }
            own => own,
        };
        limiter
            .check_key(&caller)
            .map_err(|full| Problem::rate_limited(full.wait_time_from(DefaultClock::default().now())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_caller() {
        let [one, two, other] =
            ["2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"].map(|ip| Caller::at(ip.parse().unwrap()));
        assert_eq!(one, two);
        assert_ne!(one, other);
        assert_eq!(Caller::at("::ffff:10.0.0.1".parse().unwrap()), Caller::at("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn callers_who_went_quiet_are_forgotten() {
        let rate = Rate::new(RateLimit { requests: 1, window: Duration::from_nanos(1) });
        for number in 0..u32::try_from(SWEEP * 3).unwrap() {
            let _ = rate.check(Caller::at(Ipv4Addr::from(number).into()));
        }
        assert!(rate.limiter.unwrap().len() <= usize::try_from(SWEEP).unwrap());
    }

    #[test]
    fn zero_is_no_limit() {
        let rate = Rate::new(RateLimit { requests: 0, window: Duration::from_mins(1) });
        assert!((0..1000).all(|_| rate.check(Caller::at(Ipv4Addr::LOCALHOST.into())).is_ok()));
    }
}
