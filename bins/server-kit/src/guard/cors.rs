//! Pages of other origins, where `ALLOWED_ORIGINS` names them. Never a wildcard, never a reflected origin.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderName, Method};
use tower_http::cors::CorsLayer;

use super::Site;
use crate::request_id;

/// How long a browser may keep what a preflight said.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The answers to preflights and the headers for allowed pages; none without allowed origins.
pub(crate) fn layer(site: &Site) -> Option<CorsLayer> {
    let allowed = site.allowed().iter().filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok());
    let origins: Vec<HeaderValue> = allowed.collect();
    if origins.is_empty() {
        return None;
    }
    let own = ["x-api-key", "last-event-id", "idempotency-key", "prefer"].map(HeaderName::from_static);
    let sent = [AUTHORIZATION, CONTENT_TYPE, request_id::HEADER].into_iter().chain(own);
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let seen = [request_id::HEADER, RETRY_AFTER, HeaderName::from_static("x-run-id")];
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods(methods)
            .allow_headers(sent.collect::<Vec<_>>())
            .expose_headers(seen)
            .max_age(MAX_AGE),
    )
}
