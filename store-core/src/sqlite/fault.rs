//! What an error of the database means to the caller.

use crate::error::Error;

/// Primary result codes of SQLite (the low byte of the extended ones).
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READONLY: u32 = 8;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const NOTADB: u32 = 26;

/// Extended codes.
const IOERR_SHMSIZE: u32 = 4874;
const UNIQUE: u32 = 2067;
const PRIMARY_KEY: u32 = 1555;
const FOREIGN_KEY: u32 = 787;

fn code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// The meaning of `error`, where nothing more is known.
pub(super) fn of(error: sqlx::Error) -> Error {
    if let Some(code) = code(&error) {
        return match code & 0xff {
            _ if code == IOERR_SHMSIZE => Error::Full,
            BUSY | LOCKED => Error::busy(),
            READONLY => Error::ReadOnly { what: words(&error) },
            CORRUPT | NOTADB => Error::Corrupt { what: words(&error) },
            FULL => Error::Full,
            _ => Error::unavailable(error),
        };
    }
    match error {
        sqlx::Error::RowNotFound => Error::NotFound,
        sqlx::Error::PoolTimedOut => Error::busy(),
        sqlx::Error::PoolClosed => Error::Closed,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Error::corrupt("a row can't be read"),
        sqlx::Error::Io(ref io) if io.kind() == std::io::ErrorKind::StorageFull => Error::Full,
        other => Error::unavailable(other),
    }
}

/// The meaning of `error` in a statement that adds `what`, which must be unique.
pub(super) fn of_adding(what: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match code(&error) {
        Some(UNIQUE | PRIMARY_KEY) => Error::Taken { what },
        Some(FOREIGN_KEY) => Error::NotFound, // the owner is gone
        _ => of(error),
    }
}

/// The meaning of a file system error at `what`.
pub(super) fn of_file(what: &std::path::Path, error: std::io::Error) -> Error {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            Error::ReadOnly { what: format!("{}: {error}", what.display()).into() }
        }
        _ => Error::unavailable(error),
    }
}

fn words(error: &sqlx::Error) -> Box<str> {
    error.as_database_error().map_or("", |error| error.message()).into()
}
