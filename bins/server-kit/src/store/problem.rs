//! What the store's errors are to who asked.

use http::StatusCode;
use store_core::Error;

use crate::auth::AccountsError;
use crate::problem::Problem;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Taken { what } => Self::new(StatusCode::CONFLICT, "taken", format!("{what} is taken")),
            Error::LastAdmin => Self::new(StatusCode::CONFLICT, "last_admin", error.to_string()),
            Error::Invalid { field, reason } => Self::invalid(field, format!("{field} {reason}")),
            Error::Full => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "the server's disk is full")
            }
            Error::Busy { .. } | Error::Unavailable(_) | Error::Closed => {
                Self::unavailable("the store can't be asked now").because(error)
            }
            other => Self::internal(other),
        }
    }
}

impl From<Error> for AccountsError {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, reason } => Self::Invalid { field, reason },
            Error::Taken { what } => Self::Invalid { field: what, reason: "is taken" },
            Error::Full => Self::Full,
            other => Self::unavailable(other),
        }
    }
}
