//! Errors in the API's shape.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::reply::ErrorBody;

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

/// An error response.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) retry_after: Option<u64>,
    pub(super) body: ErrorBody,
    pub(super) message: String,
}

impl Problem {
    /// An error that no plan asked for.
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, retry_after: None, body: ErrorBody::Json, message: message.into() }
    }

    pub(super) fn response(self, request_id: &str) -> Response {
        let Self { status, retry_after, body, message } = self;
        let mut headers = HeaderMap::new();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match body {
            ErrorBody::Json => {
                let mut object = object(kind(status), &message);
                object["request_id"] = request_id.into();
                (code, headers, Json(object)).into_response()
            }
            ErrorBody::Html => {
                let page = format!("<html><body><h1>{status}</h1><p>{message}</p></body></html>\n");
                (code, headers, Html(page)).into_response()
            }
            ErrorBody::Empty => (code, headers).into_response(),
        }
    }
}
