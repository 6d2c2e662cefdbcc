//! The origin of the page that asks: only our own pages, and those of `ALLOWED_ORIGINS`, may change anything.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};

use super::Site;
use crate::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// An origin: scheme, host and port, as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    text: String,
    host: String,
    port: u16,
    secure: bool,
}

/// A text that is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an origin: https://host or https://host:port, without a path")]
pub struct NotAnOrigin;

impl Origin {
    /// As browsers write it: in lower case, without a slash at the end, without the scheme's own port.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is reached by TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let uri: Uri = text.trim().parse().map_err(|_| NotAnOrigin)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(NotAnOrigin),
        };
        let authority = uri.authority().ok_or(NotAnOrigin)?;
        let bare = uri.path_and_query().is_none_or(|path| path == "/");
        if !bare || text.contains('#') || authority.host().is_empty() {
            return Err(NotAnOrigin);
        }
        let own = if secure { 443 } else { 80 };
        let port = port_of(authority, own).ok_or(NotAnOrigin)?;
        let host = authority.host().to_ascii_lowercase();
        let scheme = if secure { "https" } else { "http" };
        let text =
            if port == own { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") };
        Ok(Self { text, host, port, secure })
    }
}

/// The port an authority means; none if it says more than host and port, or a port that is no number.
pub(super) fn port_of(authority: &Authority, own: u16) -> Option<u16> {
    match authority.as_str().strip_prefix(authority.host())?.strip_prefix(':') {
        None => (authority.as_str() == authority.host()).then_some(own),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok(),
        Some(_) => None,
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Refuses what a foreign page asks for: before every upgrade, whatever its method. Who sends no `Origin` is no
/// page; it needs a token all the same.
///
/// # Errors
/// 403 `bad_origin`.
pub fn check(site: &Site, headers: &HeaderMap) -> Result<(), Problem> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else {
        let cross = headers.get(SEC_FETCH_SITE).is_some_and(|from| from == "cross-site");
        return if cross { Err(foreign()) } else { Ok(()) };
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let ours = origin.to_str().is_ok_and(|origin| site.trusts(origin, host));
    if ours && origins.next().is_none() { Ok(()) } else { Err(foreign()) }
}

/// The same for a request that only changes something by its method.
pub(crate) fn check_writes(site: &Site, parts: &Parts) -> Result<(), Problem> {
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    check(site, &parts.headers)
}

fn foreign() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "bad_origin", "pages of this origin may not call this server")
}

/// An extractor for upgrades: [`check`] went well.
#[derive(Debug, Clone, Copy)]
pub struct Checked;

impl<S: Sync> FromRequestParts<S> for Checked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let site = parts.extensions.get::<std::sync::Arc<Site>>().ok_or_else(foreign)?;
        check(site, &parts.headers).map(|()| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_browsers_write_it() {
        let same = [
            ("https://Example.org/", "https://example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://example.org:443", "http://example.org:443"),
            ("http://[::1]:80", "http://[::1]"),
        ];
        for (text, written) in same {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), written);
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        let bad = [
            "*",
            "",
            "null",
            "example.org",
            "https://",
            "https://x/path",
            "https://x?q",
            "https://x#f",
            "https://user@x",
            "ftp://x",
            "https://x:99999",
            "https://x:",
            "https://a b",
            "https://*.x/y",
        ];
        for text in bad {
            assert_eq!(text.parse::<Origin>(), Err(NotAnOrigin), "{text:?}");
        }
    }
}
