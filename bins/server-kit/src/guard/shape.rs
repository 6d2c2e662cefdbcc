//! Errors that others wrote (the router's 404 and 405, rejections of foreign extractors), told in our shape.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};

use crate::problem::Problem;

/// An error answer without a body of a kind of its own becomes one of ours; its other headers stay.
pub(crate) fn ours(mut response: Response) -> Response {
    let status = response.status();
    if status.is_client_error() && status != StatusCode::METHOD_NOT_ALLOWED {
        // The router tells the methods of a path to whoever the gate refused, too.
        response.headers_mut().remove(ALLOW);
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !bare || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut kept, _) = response.into_parts();
    let (told, body) = problem(status).into_response().into_parts();
    kept.headers.remove(CONTENT_LENGTH);
    kept.headers.extend(told.headers);
    kept.status = told.status;
    Response::from_parts(kept, body)
}

fn problem(status: StatusCode) -> Problem {
    // Never 422: a body that can't be used is a bad request.
    let (status, code) = match status.as_u16() {
        401 => (status, "unauthorized"),
        403 => (status, "forbidden"),
        404 => return Problem::not_found(),
        405 => (status, "method_not_allowed"),
        408 => (status, "timeout"),
        409 => (status, "conflict"),
        410 => (status, "gone"),
        413 => (status, "too_large"),
        414 => (status, "uri_too_long"),
        415 => (status, "unsupported_media_type"),
        429 => (status, "rate_limited"),
        400..=499 => (StatusCode::BAD_REQUEST, "invalid_request"),
        503 => (status, "unavailable"),
        507 => (status, "storage_full"),
        _ => (status, "internal"),
    };
    let reason = status.canonical_reason().unwrap_or("the request failed");
    Problem::new(status, code, Cow::Owned(reason.to_ascii_lowercase()))
}
