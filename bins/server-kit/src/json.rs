//! What handlers take from a request: bodies, queries and paths that became types, or a 400 that names the field.

mod fault;
mod scan;

use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::guard::body;
use crate::problem::Problem;

/// Levels of arrays and objects a body may have.
const MAX_DEPTH: usize = 64;

/// A JSON body, as a request's argument or as an answer.
///
/// As an argument it is refused with 415 `unsupported_media_type` unless it is `application/json`, with 413 or 408 if
/// it is too large or slow, with 400 `unknown_field` for a field that the type (by `deny_unknown_fields`) doesn't have,
/// and with 400 `invalid_request` for everything else, with `field` where there is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

/// The query of a target, refused as [`Json`] is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

/// The parameters of a path; one that can't be read is the name of nothing: 404.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let message = "send the body as application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        parse(&body::read(request.into_body()).await?).map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(fault::told)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = AxumPath::from_request_parts(parts, state).await;
        path.map(|AxumPath(path)| Self(path)).map_err(|_| Problem::not_found())
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads a body that is there already.
///
/// # Errors
/// As the extractor's, but for its media type and its size.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let refuse = |message: &'static str| Problem::new(StatusCode::BAD_REQUEST, "invalid_request", message);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(refuse("the body is empty; send a JSON object"));
    }
    // Serde takes a list for a struct too: its fields in order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refuse("the body is not a JSON object"));
    }
    let Ok(text) = std::str::from_utf8(body) else { return Err(refuse("the body is not UTF-8")) };
    if scan::depth_exceeds(body, MAX_DEPTH) {
        return Err(refuse("the body is nested too deeply"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        if error.inner().is_data() { fault::told(error) } else { refuse("the body is not well-formed JSON") }
    })?;
    json.end().map_err(|_| refuse("the body is more than one JSON value"))?;
    Ok(value)
}

/// Whether the body is said to be `application/json`, in UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let Ok(kind) = kind.to_str() else { return false };
    let mut parts = kind.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.filter(|part| !part.is_empty()).all(|part| {
        let Some((name, value)) = part.split_once('=') else { return false };
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        !name.eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8")
    })
}

#[cfg(test)]
mod tests;
