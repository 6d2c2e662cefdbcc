//! The head of a request: what its framing, target and encodings may be.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode};

use super::body;
use crate::problem::Problem;
use crate::server::Limits;

/// Refuses heads that no client of ours sends. What the parser refused already never comes here.
pub(crate) fn check(limits: &Limits, parts: &Parts) -> Result<(), Problem> {
    if parts.method == Method::CONNECT {
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this is no proxy"));
    }
    let target = parts.uri.path_and_query().map(PathAndQuery::as_str).unwrap_or_default();
    if !target.starts_with('/') {
        return Err(Problem::invalid("target", "a target is a path"));
    }
    if target.len() > limits.target_bytes {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", "the target is too long"));
    }
    framing(parts)?;
    if parts.headers.get_all(CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
        return Err(unsupported("send the body as it is, without Content-Encoding"));
    }
    let declared = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > limits.body_bytes as u64) {
        return Err(body::too_large());
    }
    Ok(())
}

/// One way of framing, spelt in one way: everything else is how requests are smuggled past a proxy.
fn framing(parts: &Parts) -> Result<(), Problem> {
    let mut codings = parts.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    let plain = coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    if plain && !parts.headers.contains_key(CONTENT_LENGTH) {
        return Ok(());
    }
    Err(Problem::invalid("transfer-encoding", "a body is either chunked or has a length"))
}

fn unsupported(message: &'static str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
}
