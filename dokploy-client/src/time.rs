//! Points in time as Dokploy writes them.

use std::time::{Duration, SystemTime};

use chrono::DateTime;
use serde::de::{Deserialize, Deserializer, Error as _};

/// RFC 3339, as rows have it.
pub(crate) fn rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom("no RFC 3339 time"))
}

/// The same, which may be null.
pub(crate) fn rfc3339_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SystemTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    parse(&text).map(Some).ok_or_else(|| D::Error::custom("no RFC 3339 time"))
}

/// Milliseconds since 1970, as the queue has it; may be null.
pub(crate) fn millis_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SystemTime>, D::Error> {
    let millis = Option::<u64>::deserialize(deserializer)?;
    let time = |millis| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    millis.map(|millis| time(millis).ok_or_else(|| D::Error::custom("no time"))).transpose()
}

fn parse(text: &str) -> Option<SystemTime> {
    DateTime::parse_from_rfc3339(text).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Row {
        #[serde(deserialize_with = "rfc3339")]
        made: SystemTime,
        #[serde(default, deserialize_with = "rfc3339_or_null")]
        ended: Option<SystemTime>,
        #[serde(default, deserialize_with = "millis_or_null")]
        queued: Option<SystemTime>,
    }

    #[test]
    fn each_form_is_read() {
        let row = r#"{"made":"2026-11-21T07:50:34.213Z","ended":null,"queued":1795247434213}"#;
        let row: Row = serde_json::from_str(row).unwrap();
        assert_eq!((row.ended, row.queued), (None, Some(row.made)));
        let row: Row = serde_json::from_str(r#"{"made":"2026-11-21T07:50:34+01:00"}"#).unwrap();
        assert_eq!((row.ended, row.queued), (None, None));
    }

    #[test]
    fn what_is_no_time_is_an_error_and_no_panic() {
        for bad in [
            r#"{"made":"soon"}"#,
            r#"{"made":null}"#,
            r#"{"made":"2026-11-21T07:50:34Z","queued":-1}"#,
            r#"{"made":"2026-11-21T07:50:34Z","ended":5}"#,
        ] {
            assert!(serde_json::from_str::<Row>(bad).is_err(), "{bad}");
        }
        let far = format!(r#"{{"made":"2026-11-21T07:50:34Z","queued":{}}}"#, u64::MAX);
        _ = serde_json::from_str::<Row>(&far);
    }
}
