//! Where the key comes from, and how it is sent.

use std::fmt;
use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};

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
    /// The key as a header that nothing logs. An empty key is none.
    pub(super) fn header(&self) -> Result<HeaderValue> {
        let key = self.read().ok_or(Error::NotConfigured { what: "an API key of Dokploy" })?;
        let key = key.expose_secret();
        let bad =
            || Error::invalid("key", "it has a blank, a line break or another character that no key has");
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad());
        }
        let mut value = HeaderValue::try_from(key).map_err(|_| bad())?;
        value.set_sensitive(true);
        Ok(value)
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
    fn a_key_goes_into_a_header_that_is_not_shown() {
        let value = KeySource::Fixed("planted".into()).header().unwrap();
        assert_eq!((value.to_str().unwrap(), value.is_sensitive()), ("planted", true));
        let ask = KeySource::Ask(Arc::new(|| Some("planted".into())));
        assert_eq!(ask.header().unwrap(), value);
        let shown = format!("{value:?} {ask:?} {:?}", KeySource::Fixed("planted".into()));
        assert!(!shown.contains("planted"), "{shown}");
    }

    #[test]
    fn a_key_that_no_header_takes_is_named_but_not_shown() {
        for bad in ["planted\n", "plan ted", " planted", "planted\u{0}", "plantéd", "plan\r\nx-evil: ted"] {
            let error = KeySource::Fixed(bad.into()).header().unwrap_err();
            assert!(matches!(error, Error::Invalid { field: "key", .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("plan"));
        }
    }

    #[test]
    fn no_key_and_an_empty_key_are_missing() {
        let nobody = KeySource::Ask(Arc::new(|| None));
        let unset = KeySource::Env("DOKPLOY_CLIENT_TEST_SURELY_UNSET");
        for source in [nobody, unset, KeySource::Fixed("".into())] {
            let error = source.header().unwrap_err();
            assert!(matches!(error, Error::NotConfigured { .. }), "{error:?}");
        }
    }
}
