//! Errors in the API's shape.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::reply::{ErrorBody, PlannedError};

/// The error type that belongs to a status.
pub(super) fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// The `error` object with its type, as in bodies and in `error` events.
pub(super) fn object(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

/// An error that no plan asked for.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn response(self, request_id: &str) -> Response {
        let Self { status, message } = self;
        PlannedError { status, kind: None, message: Some(message), body: ErrorBody::Json }
            .response(request_id)
    }
}

impl PlannedError {
    pub(super) fn response(self, request_id: &str) -> Response {
        let status = self.status;
        let kind = self.kind.unwrap_or_else(|| kind(status).to_owned());
        let message = self.message.unwrap_or_else(|| format!("{kind} by plan"));
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match self.body {
            ErrorBody::Json => {
                let mut object = object(&kind, &message);
                object["request_id"] = request_id.into();
                (code, Json(object)).into_response()
            }
            ErrorBody::Html => {
                let page = format!("<html><body><h1>{status}</h1><p>{message}</p></body></html>\n");
                (code, Html(page)).into_response()
            }
            ErrorBody::Empty => code.into_response(),
        }
    }
}
