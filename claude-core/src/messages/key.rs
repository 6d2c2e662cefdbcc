//! Where the key comes from, and how it is sent.

use std::fmt;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::version::Version;
use crate::error::{Error, Result};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Where a key comes from. It is read at each request: rotation works, and a missing key fails that call only.
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
    /// The key; an empty one is none.
    fn read(&self) -> Option<SecretString> {
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

/// What proves who asks.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// `ANTHROPIC_API_KEY`, else `ANTHROPIC_AUTH_TOKEN` as a token.
    Environment,
    /// A key, sent as the API's version has it.
    Key(KeySource),
    /// A token, sent as `Authorization: Bearer` in every version.
    Token(KeySource),
}

impl Credentials {
    /// The header to send.
    pub(super) fn header(&self, version: Version) -> Result<(HeaderName, HeaderValue)> {
        let missing = || Error::NotConfigured { what: "a key for the Messages API (ANTHROPIC_API_KEY)" };
        match self {
            Self::Environment => match KeySource::Env("ANTHROPIC_API_KEY").read() {
                Some(key) => of_key(&key, version),
                None => {
                    let token = KeySource::Env("ANTHROPIC_AUTH_TOKEN").read();
                    bearer(&token.ok_or_else(missing)?)
                }
            },
            Self::Key(source) => of_key(&source.read().ok_or_else(missing)?, version),
            Self::Token(source) => bearer(&source.read().ok_or_else(missing)?),
        }
    }
}

fn of_key(key: &SecretString, version: Version) -> Result<(HeaderName, HeaderValue)> {
    match version {
        Version::V20230601 => Ok((X_API_KEY, sensitive(key, "")?)),
        Version::V20261021 => bearer(key),
    }
}

fn bearer(token: &SecretString) -> Result<(HeaderName, HeaderValue)> {
    Ok((AUTHORIZATION, sensitive(token, "Bearer ")?))
}

/// The value, marked so that nothing logs it.
fn sensitive(key: &SecretString, prefix: &str) -> Result<HeaderValue> {
    let bad = || Error::Invalid {
        field: "key",
        reason: "it has a blank, a line break or another character that no key has".into(),
    };
    let key = key.expose_secret();
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad());
    }
    let mut value = HeaderValue::try_from(format!("{prefix}{key}")).map_err(|_| bad())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(key: &str, version: Version) -> Result<(HeaderName, HeaderValue)> {
        Credentials::Key(KeySource::Fixed(key.into())).header(version)
    }

    #[test]
    fn each_version_has_its_header() {
        let (name, value) = header("k-1", Version::V20261021).unwrap();
        assert_eq!(
            (name, value.to_str().unwrap(), value.is_sensitive()),
            (AUTHORIZATION, "Bearer k-1", true)
        );
        let (name, value) = header("k-1", Version::V20230601).unwrap();
        assert_eq!((name, value.to_str().unwrap(), value.is_sensitive()), (X_API_KEY, "k-1", true));
        let token = Credentials::Token(KeySource::Fixed("t".into()));
        assert_eq!(token.header(Version::V20230601).unwrap().0, AUTHORIZATION);
    }

    #[test]
    fn a_key_that_no_header_takes_is_named_but_not_shown() {
        for bad in ["planted\n", "plan ted", " planted", "planted\u{0}", "plantéd", "plan\r\nx-evil: ted"] {
            let error = header(bad, Version::V20261021).unwrap_err();
            assert!(matches!(error, Error::Invalid { field: "key", .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("plan"));
        }
    }

    #[test]
    fn no_key_and_an_empty_key_are_missing() {
        let nobody = Credentials::Key(KeySource::Ask(Arc::new(|| None)));
        let unset = Credentials::Key(KeySource::Env("CLAUDE_CORE_TEST_SURELY_UNSET"));
        let empty = Credentials::Key(KeySource::Fixed("".into()));
        for credentials in [nobody, unset, empty] {
            let error = credentials.header(Version::V20261021).unwrap_err();
            assert!(matches!(error, Error::NotConfigured { .. }), "{error:?}");
        }
    }

    #[test]
    fn no_key_is_printable() {
        let key = KeySource::Fixed("planted".into());
        let ask = KeySource::Ask(Arc::new(|| Some("planted".into())));
        let shown = format!("{key:?} {ask:?} {:?} {:?}", Credentials::Key(key.clone()), key.read());
        assert!(!shown.contains("planted"), "{shown}");
        assert!(!format!("{:?}", header("planted", Version::V20261021)).contains("planted"));
    }
}
