//! What is answered to requests that Engine.IO doesn't know or can't serve: its own codes, told as its clients know them.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::problem::Problem;

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    UnknownTransport,
    UnknownSession,
    BadHandshake,
    BadRequest,
    UnsupportedVersion,
    /// What is not Engine.IO's to say.
    Other(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, message) = match self {
            Self::UnknownTransport => (0, "Transport unknown"),
            Self::UnknownSession => (1, "Session ID unknown"),
            Self::BadHandshake => (2, "Bad handshake method"),
            Self::BadRequest => (3, "Bad request"),
            Self::UnsupportedVersion => (5, "Unsupported protocol version"),
            Self::Other(problem) => return problem.into_response(),
        };
        (StatusCode::BAD_REQUEST, axum::Json(json!({"code": code, "message": message}))).into_response()
    }
}
