//! Replies that are errors.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use super::{Answer, Reply};

/// An error as it is planned.
#[derive(Debug, Clone)]
pub(in super::super) struct PlannedError {
    pub(in super::super) status: u16,
    pub(in super::super) kind: Option<String>,
    pub(in super::super) message: Option<String>,
    pub(in super::super) body: ErrorBody,
}

#[derive(Debug, Clone, Copy)]
pub(in super::super) enum ErrorBody {
    Json,
    Html,
    Empty,
}

impl Reply {
    /// An error with this status, as JSON in the API's shape.
    pub fn status(status: u16) -> Self {
        Self::new(Answer::Error(PlannedError { status, kind: None, message: None, body: ErrorBody::Json }))
    }

    /// An error's message.
    pub fn message(self, text: impl Into<String>) -> Self {
        self.edit_error(|error| error.message = Some(text.into()))
    }

    /// An error's type, where it is not the one that belongs to its status.
    pub fn error_type(self, kind: impl Into<String>) -> Self {
        self.edit_error(|error| error.kind = Some(kind.into()))
    }

    /// The `retry-after` header, in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", seconds.to_string())
    }

    /// The header `retry-after-ms`, which clients prefer.
    pub fn retry_after_ms(self, milliseconds: u64) -> Self {
        self.header("retry-after-ms", milliseconds.to_string())
    }

    /// The `retry-after` header as the date that lies this long ahead when this is called, in whole seconds.
    pub fn retry_at(self, ahead: Duration) -> Self {
        let date = DateTime::<Utc>::from(SystemTime::now() + ahead);
        self.header("retry-after", date.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
    }

    /// Makes an error's body a web page, as a proxy sends one.
    pub fn html(self) -> Self {
        self.edit_error(|error| error.body = ErrorBody::Html)
    }

    /// Leaves out an error's body.
    pub fn empty(self) -> Self {
        self.edit_error(|error| error.body = ErrorBody::Empty)
    }

    fn edit_error(mut self, edit: impl FnOnce(&mut PlannedError)) -> Self {
        if let Answer::Error(error) = &mut self.answer {
            edit(error);
        }
        self
    }
}
