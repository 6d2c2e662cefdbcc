//! Points in time as they stand on the wire: RFC 3339 in UTC, with milliseconds.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

/// Where wall time comes from; tests hand in their own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A point in time. Serialises as `2026-11-21T08:07:04.707Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(SystemTime);

impl Timestamp {
    /// Reads RFC 3339; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(SystemTime::from(time)))
    }

    /// Milliseconds from `earlier` until this; `None` if it is not earlier.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> Option<u64> {
        let passed: Duration = self.0.duration_since(earlier.0).ok()?;
        u64::try_from(passed.as_millis()).ok()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(time)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let utc = DateTime::<Utc>::from(self.0);
        serializer.serialize_str(&utc.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("no RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_survives_the_wire() {
        let written = "\"2026-11-21T08:07:04.707Z\"";
        let time: Timestamp = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), written);
    }

    #[test]
    fn durations_are_never_negative() {
        let early = Timestamp::parse("2026-11-21T08:07:04.707Z").unwrap();
        let late = Timestamp::parse("2026-11-21T09:07:05.000+01:00").unwrap();
        assert_eq!(late.millis_since(early), Some(293));
        assert_eq!(early.millis_since(late), None);
    }
}
