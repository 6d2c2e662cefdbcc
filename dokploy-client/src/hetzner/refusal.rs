//! What an answer with an error status means.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

use super::answer::{ErrorAnswer, Said};
use super::limits::Limits;
use super::rate_limit::RateLimit;
use super::request::Request;
use crate::dns::DnsError;
use crate::error::{Source, Upstream};
use crate::http::{Answer, retry_after, shortened};

/// Why a request came to nothing, by what is done next.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such thing, in Hetzner's words.
    Missing(Source),
    /// There is one already.
    Exists(Source),
    /// Another attempt may be of use. A change may have been carried out: look first.
    Passing(DnsError),
    /// The end.
    Final(DnsError),
}

/// Which kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unauthorized,
    Forbidden,
    Missing,
    Exists,
    Busy,
    RateLimited,
    Unavailable,
    Rejected,
}

impl Failure {
    /// As the caller is told where the request knows of no missing or double thing.
    pub(super) fn into_error(self, call: &'static str) -> DnsError {
        let rejected = |status, code: &str, source| {
            let code = Some(code.into());
            DnsError::Rejected { call, status, code, source }
        };
        match self {
            Self::Missing(source) => rejected(404, "not_found", source),
            Self::Exists(source) => rejected(409, "uniqueness_error", source),
            Self::Passing(error) | Self::Final(error) => error,
        }
    }
}

/// What an answer means. `said` is its body without the token.
pub(super) fn failure(request: &Request, answer: &Answer, said: &str, limits: &Limits) -> Failure {
    let (call, status, now) = (request.name, answer.status, SystemTime::now());
    let words = serde_json::from_str::<ErrorAnswer>(said).ok().map(|answer| answer.error);
    let text = words.as_ref().map_or_else(|| shortened(said), Said::text);
    let source: Source = Box::new(Upstream(text));
    let code = words.as_ref().and_then(Said::code);
    match kind(status, code) {
        Kind::Unauthorized => Failure::Final(DnsError::Unauthorized { call, source }),
        Kind::Forbidden => Failure::Final(DnsError::Forbidden { call, source }),
        Kind::Missing => Failure::Missing(source),
        Kind::Exists => Failure::Exists(source),
        Kind::Busy => Failure::Passing(DnsError::Busy { call, source }),
        Kind::RateLimited => {
            let retry_after = refill(&answer.headers, limits, now);
            Failure::Passing(DnsError::RateLimited { call, retry_after, source })
        }
        Kind::Unavailable => {
            let retry_after = retry_after(&answer.headers, now);
            Failure::Passing(DnsError::Unavailable { call, status: Some(status), retry_after, source })
        }
        Kind::Rejected => {
            Failure::Final(DnsError::Rejected { call, status, code: code.map(Into::into), source })
        }
    }
}

/// The status says whether the token is good; of what else is wrong the code says more than the status.
fn kind(status: u16, code: Option<&str>) -> Kind {
    match (status, code) {
        (401, _) | (_, Some("unauthorized")) => Kind::Unauthorized,
        (403, _) | (_, Some("forbidden" | "token_readonly")) => Kind::Forbidden,
        (429, _) | (_, Some("rate_limit_exceeded")) => Kind::RateLimited,
        (_, Some("not_found")) => Kind::Missing,
        (_, Some("uniqueness_error")) => Kind::Exists,
        (_, Some("conflict" | "locked")) => Kind::Busy,
        (_, Some("protected" | "invalid_input" | "incorrect_zone_mode" | "json_error")) => Kind::Rejected,
        (409 | 423, _) => Kind::Busy,
        // A time-out of something on the way, and whatever failed inside.
        (408 | 425 | 500.., _) => Kind::Unavailable,
        _ => Kind::Rejected,
    }
}

/// The wait after a 429: until a request is given back, or all are. Hetzner promises no `Retry-After`; something on
/// the way may tell it.
fn refill(headers: &HeaderMap, limits: &Limits, now: SystemTime) -> Duration {
    let reset = RateLimit::read(headers).and_then(|told| told.until_reset(now));
    let wait = reset.map_or(limits.refill, |reset| reset.min(limits.refill));
    retry_after(headers, now).unwrap_or(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_more_than_a_status_but_for_the_token() {
        for (status, code, expected) in [
            (401, None, Kind::Unauthorized),
            (401, Some("locked"), Kind::Unauthorized),
            (403, None, Kind::Forbidden),
            (403, Some("token_readonly"), Kind::Forbidden),
            (404, Some("not_found"), Kind::Missing),
            (404, None, Kind::Rejected),
            (409, Some("uniqueness_error"), Kind::Exists),
            (422, Some("uniqueness_error"), Kind::Exists),
            (409, Some("conflict"), Kind::Busy),
            (409, None, Kind::Busy),
            (423, Some("locked"), Kind::Busy),
            (423, Some("protected"), Kind::Rejected),
            (422, Some("invalid_input"), Kind::Rejected),
            (422, Some("incorrect_zone_mode"), Kind::Rejected),
            (400, Some("json_error"), Kind::Rejected),
            (429, None, Kind::RateLimited),
            (500, Some("server_error"), Kind::Unavailable),
            (503, Some("unavailable"), Kind::Unavailable),
            (504, Some("timeout"), Kind::Unavailable),
            (502, None, Kind::Unavailable),
            (302, None, Kind::Rejected),
            (418, Some("something_new"), Kind::Rejected),
        ] {
            assert_eq!(kind(status, code), expected, "{status} {code:?}");
        }
    }

    #[test]
    fn a_429_waits_a_second_or_until_a_nearer_reset() {
        let limits = Limits::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(999_500);
        let wait = |reset: &str, after: Option<&str>| {
            let names =
                [("ratelimit-limit", "3600"), ("ratelimit-remaining", "0"), ("ratelimit-reset", reset)];
            let told = after.map(|after| ("retry-after", after));
            let named = names.into_iter().chain(told);
            let headers = named.map(|(name, it)| (name.parse().unwrap(), it.parse().unwrap())).collect();
            refill(&headers, &limits, now).as_millis()
        };
        assert_eq!(wait("1000", None), 500, "the reset is near");
        assert_eq!(wait("4600", None), 1000, "one request is given back before");
        assert_eq!(wait("10", None), 1000, "a reset that has passed says nothing");
        assert_eq!(wait("soon", None), 1000);
        assert_eq!(wait("4600", Some("7")), 7000, "something on the way says more");
        assert_eq!(wait("4600", Some("Thu, 01 Jan 1970 00:16:42 GMT")), 2500, "by a date as well");
        assert_eq!(wait("4600", Some("18446744073709551615")), 24 * 3600 * 1000);
    }
}
