//! How values of ours stand in columns.

use uuid::Uuid;

use crate::error::{Error, Result};

/// A closed set stored by name.
macro_rules! named {
    ($type:ty, $what:literal) => {
        impl $type {
            pub(super) fn stored(name: &str) -> Result<Self> {
                Self::parse(name).ok_or_else(|| Error::corrupt(concat!("a row has an unknown ", $what)))
            }
        }
    };
}

named!(crate::user::Role, "role");
named!(crate::run::RunState, "state");

/// A stored number that is never negative.
pub(super) fn count(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| Error::corrupt("a number is negative"))
}

/// A number to be stored.
pub(super) fn number(count: u64, field: &'static str) -> Result<i64> {
    i64::try_from(count).map_err(|_| Error::Invalid { field, reason: "is too large" })
}

/// A cursor's key, where rows are found by UUID; the largest for the first page.
pub(super) fn uuid_key(key: Option<&str>) -> Result<Uuid> {
    key.map_or(Ok(Uuid::max()), |key| Uuid::try_parse(key).map_err(|_| crate::page::INVALID))
}

/// `NotFound` unless a row was touched.
pub(super) fn touched(result: &sqlx::sqlite::SqliteQueryResult) -> Result<()> {
    if result.rows_affected() == 0 { Err(Error::NotFound) } else { Ok(()) }
}
