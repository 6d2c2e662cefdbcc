//! What every answer tells a browser: guess nothing, show it in no frame, load nothing from elsewhere.

use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use super::Site;

const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// For answers that are no page.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The headers of a site's answers.
#[derive(Debug)]
pub(crate) struct Dress {
    page: HeaderValue,
}

impl Dress {
    pub(crate) fn new(site: &Site) -> Self {
        Self { page: HeaderValue::from_str(&page_policy(site)).unwrap_or(NOTHING) }
    }

    /// Adds them; what a handler set for itself stays.
    pub(crate) fn put_on(&self, response: &mut Response) {
        let is_page = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let policy = if is_page { self.page.clone() } else { NOTHING };
        let headers = response.headers_mut();
        let own = [(CONTENT_SECURITY_POLICY, policy), (CACHE_CONTROL, NO_STORE)];
        for (name, value) in ALWAYS.into_iter().chain(own) {
            headers.entry(name).or_insert(value);
        }
    }
}

/// What a page of ours may load: itself. Its WebSockets are named, since older browsers don't count them as `'self'`.
fn page_policy(site: &Site) -> String {
    let port = site.port();
    let mut sockets = format!("ws://localhost:{port} ws://127.0.0.1:{port}");
    if let Some(public) = site.public() {
        let scheme = if public.is_secure() { "wss" } else { "ws" };
        sockets = format!("{sockets} {scheme}://{}:{}", public.host(), public.port());
    }
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self' {sockets}; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'; object-src 'none'"
    )
}
