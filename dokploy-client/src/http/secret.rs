//! What is sent with each request and shown nowhere.

use std::fmt;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::client::KeySource;

/// The shortest secret that is struck out of what was said: a shorter one would strike out words.
const SHORTEST: usize = 8;

/// A key or token, for one request.
pub(crate) struct Secret {
    text: SecretString,
    header: HeaderValue,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSecret {
    Missing,
    /// It has a blank, a line break or another character that no header takes.
    Unfit,
}

impl Secret {
    /// Reads it from where it comes from. In its header it stands behind a scheme, such as `Bearer `.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn read(source: &KeySource, scheme: &str) -> Result<Self, NoSecret> {
        let text = source.read().ok_or(NoSecret::Missing)?;
        let secret = text.expose_secret();
        let is_graphic = secret.bytes().all(|byte| byte.is_ascii_graphic());
        let header = HeaderValue::try_from(format!("{scheme}{secret}")).ok().filter(|_| is_graphic);
        let mut header = header.ok_or(NoSecret::Unfit)?;
        header.set_sensitive(true);
        Ok(Self { text, header })
    }

    /// The value of its header, which nothing logs.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// What was said, without it: something on the way may repeat it. It goes before anything is cut off, so that no
    /// half of it is left.
    pub(crate) fn struck_out(&self, said: &[u8]) -> String {
        let (said, secret) = (String::from_utf8_lossy(said), self.text.expose_secret());
        if secret.len() < SHORTEST { said.into_owned() } else { said.replace(secret, "[redacted]") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn fixed(text: &str) -> Result<Secret, NoSecret> {
        Secret::read(&KeySource::Fixed(text.into()), "Bearer ")
    }

    #[test]
    fn a_secret_goes_into_a_header_that_is_not_shown() {
        let secret = fixed("planted").unwrap();
        let header = secret.header();
        assert_eq!((header.to_str().unwrap(), header.is_sensitive()), ("Bearer planted", true));
        let ask = KeySource::Ask(Arc::new(|| Some("planted".into())));
        assert_eq!(Secret::read(&ask, "").unwrap().header().to_str().unwrap(), "planted");
        let shown = format!("{secret:?} {header:?}");
        assert!(!shown.contains("planted"), "{shown}");
    }

    #[test]
    fn what_no_header_takes_is_unfit_and_what_is_empty_is_missing() {
        for bad in ["planted\n", "plan ted", " planted", "planted\u{0}", "plantéd", "plan\r\nx-evil: ted"] {
            assert_eq!(fixed(bad).unwrap_err(), NoSecret::Unfit, "{bad:?}");
        }
        let unset = KeySource::Env("DOKPLOY_CLIENT_TEST_SURELY_UNSET");
        for source in [unset, KeySource::Ask(Arc::new(|| None)), KeySource::Fixed("".into())] {
            assert_eq!(Secret::read(&source, "").unwrap_err(), NoSecret::Missing, "{source:?}");
        }
    }

    #[test]
    fn it_is_struck_out_of_what_was_said() {
        let struck_out = |secret: &str, said: &str| fixed(secret).unwrap().struck_out(said.as_bytes());
        assert_eq!(struck_out("k-planted", "no k-planted, nor k-planted"), "no [redacted], nor [redacted]");
        assert_eq!(struck_out("k-planted", "k-plant and ed"), "k-plant and ed");
        assert_eq!(struck_out("test", "the test failed"), "the test failed", "a word is no secret");
        assert_eq!(fixed("k-planted").unwrap().struck_out(b"\xff k-planted"), "\u{fffd} [redacted]");
    }
}
