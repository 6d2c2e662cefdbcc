//! What can go wrong, named by what the caller does next.

use std::sync::Arc;
use std::time::Duration;

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What lies below an error: for the log, not for users.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// The least wait after [`Error::Busy`].
const BUSY_WAIT: Duration = Duration::from_millis(250);

/// What went wrong. Messages hold no SQL and no secret; the database's own words are in `source()`.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such row, or it is somebody else's.
    #[error("not found")]
    NotFound,
    /// The name, hash or id is in use already.
    #[error("{what} is taken")]
    Taken {
        /// What is taken.
        what: &'static str,
    },
    /// Someone else wrote first: read again, then decide.
    #[error("someone else wrote first (now at {current})")]
    Stale {
        /// The number the row is at.
        current: u64,
    },
    /// The run has its end; nothing comes after it.
    #[error("the run has ended")]
    AlreadyEnded,
    /// Without this admin nobody could administer.
    #[error("the last admin can't be removed, disabled or demoted")]
    LastAdmin,
    /// A value can't be stored.
    #[error("{field} {reason}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Someone else holds the database: try again.
    #[error("the store is busy")]
    Busy {
        /// The least wait.
        retry_after: Duration,
    },
    /// A server has this database open already.
    #[error("another server ({}) has this database open", Pid(*pid))]
    InUse {
        /// Its process id, where it could be read.
        pid: Option<u32>,
    },
    /// The file or its directory can't be written.
    #[error("the database can't be written: {what}")]
    ReadOnly {
        /// What can't be written, and why.
        what: Box<str>,
    },
    /// No space is left. Reads go on; writes work again once there is space.
    #[error("no space is left for the database")]
    Full,
    /// The file is damaged or not ours. It is left as it is: restore a backup, or move it away.
    #[error("the database is damaged or not ours: {what}")]
    Corrupt {
        /// What was found.
        what: Box<str>,
    },
    /// A newer version of the program wrote this database: run that one.
    #[error("the database has schema {found}, this program knows {known}: use a newer version")]
    NewerSchema {
        /// The database's version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// An older server has the database open: restart it with this version first.
    #[error("the database has schema {found}, this program needs {known}: start the server once")]
    OlderSchema {
        /// The database's version.
        found: i64,
        /// The version this program needs.
        known: i64,
    },
    /// The database failed, or can't be reached.
    #[error("the store is unavailable")]
    Unavailable(#[source] Source),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// A stable name in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Taken { .. } => "taken",
            Self::Stale { .. } => "stale",
            Self::AlreadyEnded => "already_ended",
            Self::LastAdmin => "last_admin",
            Self::Invalid { .. } => "invalid_request",
            Self::Busy { .. } => "busy",
            Self::InUse { .. } => "in_use",
            Self::ReadOnly { .. } => "read_only",
            Self::Full => "storage_full",
            Self::Corrupt { .. } => "corrupt",
            Self::NewerSchema { .. } => "newer_schema",
            Self::OlderSchema { .. } => "older_schema",
            Self::Unavailable(_) => "unavailable",
            Self::Closed => "closed",
        }
    }

    /// Whether the same call may succeed later without a change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Full | Self::Unavailable(_))
    }

    /// The least wait before the same call, where it is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    pub(crate) fn busy() -> Self {
        Self::Busy { retry_after: BUSY_WAIT }
    }

    pub(crate) fn corrupt(what: impl Into<Box<str>>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    pub(crate) fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Arc::new(source))
    }
}

/// `process 12`, or that it is not known.
struct Pid(Option<u32>);

impl std::fmt::Display for Pid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("process unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert!(size_of::<Error>() < 128, "{}", size_of::<Error>());
    }
}
