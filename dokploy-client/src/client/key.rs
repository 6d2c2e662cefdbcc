//! Where the key comes from, and how it is sent.

use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::http::{NoSecret, Secret};

/// The header that Dokploy reads; it does not read `Authorization`.
pub(super) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Where a key comes from. It is read at each request: rotation works, and a missing key fails that call only.
///
/// A key that Dokploy makes by default answers five calls a day, then 401: make it without rate limit.
#[derive(Clone)]
pub enum KeySource {
    /// This one.
    Fixed(SecretString),
    /// The environment variable of this name.
    Env(&'static str),
    /// Whoever is asked. It is asked in the midst of the call, so it must not block.
    Ask(Arc<dyn Fn() -> Option<SecretString> + Send + Sync>),
}

impl KeySource {
    /// The key, to be sent.
    pub(super) fn secret(&self) -> Result<Secret> {
        Secret::read(self, "").map_err(|none| match none {
            NoSecret::Missing => Error::NotConfigured { what: "an API key of Dokploy" },
            NoSecret::Unfit => {
                Error::invalid("key", "it has a blank, a line break or another character that no key has")
            }
        })
    }

    /// The key as it is now. An empty one is none.
    pub(crate) fn read(&self) -> Option<SecretString> {
        let key = match self {
            Self::Fixed(key) => Some(key.clone()),
            // A value that is no UTF-8 is passed on as one that no header takes, and so named as bad.
            Self::Env(name) => std::env::var_os(name).map(|key| key.to_string_lossy().into_owned().into()),
            Self::Ask(ask) => ask(),
        };
        key.filter(|key| !key.expose_secret().is_empty())
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(_) => f.write_str("Fixed(<redacted>)"),
            Self::Env(name) => write!(f, "Env({name})"),
            Self::Ask(_) => f.write_str("Ask"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_shows_no_key() {
        let shown = format!("{:?} {:?}", KeySource::Fixed("planted".into()), KeySource::Env("NAME"));
        assert_eq!(shown, "Fixed(<redacted>) Env(NAME)");
    }

    #[test]
    fn a_key_that_no_header_takes_is_named_but_not_shown() {
        let error = KeySource::Fixed("plan ted".into()).secret().unwrap_err();
        assert!(matches!(error, Error::Invalid { field: "key", .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("plan"));
        let error = KeySource::Fixed("".into()).secret().unwrap_err();
        assert!(matches!(error, Error::NotConfigured { .. }), "{error:?}");
    }
}
