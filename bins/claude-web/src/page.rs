//! The page at `/`: what runs here, and how to use it.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

const PAGE: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/style.css");

/// The page of a server that is reached under this origin.
pub(crate) fn page(origin: &str) -> Router {
    let html = PAGE.replace("{origin}", origin).replace("{version}", env!("CARGO_PKG_VERSION"));
    let html = bytes::Bytes::from(html);
    Router::new().route("/", get(async move || ([(CONTENT_TYPE, "text/html; charset=utf-8")], html))).route(
        "/style.css",
        get(async || ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()),
    )
}
