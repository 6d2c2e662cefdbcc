//! The wait that an answer tells.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest that is told to a caller; a longer one is taken for this. Nobody waits so long, and a caller may add
/// it to the time.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The wait told by `Retry-After`, in whole seconds or as a date. A date that has passed means now.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let told = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !told.is_empty() && told.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        Duration::from_secs(told.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(told).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_form_of_retry_after() {
        let now = httpdate::parse_http_date("Fri, 06 Nov 2026 08:49:37 GMT").unwrap();
        for (told, wait) in [
            ("3", Some(3)),
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("Fri, 06 Nov 2026 08:49:42 GMT", Some(5)),
            ("Fri, 06 Nov 2026 08:49:00 GMT", Some(0)),
            ("9300000000000000000", Some(24 * 3600)),
            ("18446744073709551615", Some(24 * 3600)),
            ("99999999999999999999999999", Some(24 * 3600)),
            ("Fri, 06 Nov 2076 08:49:37 GMT", Some(24 * 3600)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("1e300", None),
            ("tomorrow", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, told.parse().unwrap())]);
            let read = retry_after(&headers, now);
            assert_eq!(read, wait.map(Duration::from_secs), "{told}");
            _ = read.map(|wait| (std::time::Instant::now() + wait, SystemTime::now() + wait));
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
