//! Wall time: handed in, and stored in microseconds.

use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};

/// A point in time, in UTC. Stored with microseconds.
pub type Timestamp = DateTime<Utc>;

/// Where wall time comes from; tests hand in their own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The clock's time as it comes back from the store.
pub(crate) fn now(clock: &Clock) -> Timestamp {
    let now = Timestamp::from(clock());
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

/// A stored time.
pub(crate) fn stored(micros: i64) -> Result<Timestamp> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| Error::corrupt("a time is out of range"))
}

/// A stored time that may be missing.
pub(crate) fn stored_or_none(micros: Option<i64>) -> Result<Option<Timestamp>> {
    micros.map(stored).transpose()
}
