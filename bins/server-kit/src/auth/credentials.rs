//! What a request brings to say who asks: one token or one key, in a header. Never in the query, which is logged.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::ApiKey;
use super::failure::Failure;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a request brings. Not printable.
pub(crate) enum Credentials<'a> {
    /// What may be an access token.
    Token(&'a str),
    /// An API key.
    Key(ApiKey),
}

impl<'a> Credentials<'a> {
    /// The one token or key of a request. Two of them could be read differently by a proxy: refused.
    pub(crate) fn of(headers: &'a HeaderMap) -> Result<Self, Failure> {
        let mut bearers = headers.get_all(AUTHORIZATION).iter();
        let mut keys = headers.get_all(X_API_KEY).iter();
        match (bearers.next(), bearers.next(), keys.next(), keys.next()) {
            (None, _, None, _) => Err(Failure::Missing),
            (Some(bearer), None, None, _) => Self::bearer(bearer),
            (None, _, Some(key), None) => Self::key(text(key)?),
            _ => Err(Failure::Malformed),
        }
    }

    fn bearer(value: &'a HeaderValue) -> Result<Self, Failure> {
        let (scheme, rest) = text(value)?.split_once(' ').ok_or(Failure::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Failure::Malformed);
        }
        // Key and token can't be taken for one another: a token holds dots, a key doesn't.
        if rest.contains('.') { Ok(Self::Token(rest)) } else { Self::key(rest) }
    }

    fn key(text: &str) -> Result<Self, Failure> {
        ApiKey::parse(text).map(Self::Key).ok_or(Failure::Malformed)
    }
}

fn text(value: &HeaderValue) -> Result<&str, Failure> {
    value.to_str().map_err(|_| Failure::Malformed)
}
