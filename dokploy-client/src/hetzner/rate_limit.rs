//! How many requests are left.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

/// What an answer says of the limit of requests. It is the project's: all its tokens share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests an hour.
    pub limit: u64,
    /// Requests that are left now. They are given back one by one, not all at the reset.
    pub remaining: u64,
    /// When all are given back.
    pub reset: SystemTime,
}

impl RateLimit {
    /// Reads the headers of an answer.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let reset = Duration::from_secs(number("ratelimit-reset")?);
        Some(Self {
            limit: number("ratelimit-limit")?,
            remaining: number("ratelimit-remaining")?,
            reset: SystemTime::UNIX_EPOCH.checked_add(reset)?,
        })
    }

    /// How long the reset is away, if it lies ahead.
    pub(super) fn until_reset(&self, now: SystemTime) -> Option<Duration> {
        self.reset.duration_since(now).ok().filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: [&str; 3]) -> HeaderMap {
        let names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
        names.into_iter().zip(values).map(|(name, it)| (name.parse().unwrap(), it.parse().unwrap())).collect()
    }

    #[test]
    fn reads_three_headers_or_nothing() {
        let reset = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_963_600);
        let told = RateLimit::read(&headers(["3600", "0", "1767963600"])).unwrap();
        assert_eq!(told, RateLimit { limit: 3600, remaining: 0, reset });
        for bad in [["", "0", "1"], ["3600", "-1", "1"], ["3600", "0", "soon"]] {
            assert_eq!(RateLimit::read(&headers(bad)), None, "{bad:?}");
        }
        assert_eq!(RateLimit::read(&HeaderMap::new()), None);
        _ = RateLimit::read(&headers(["1", "1", "18446744073709551615"]));
    }
}
