//! The token, and how it is sent.

use std::fmt;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::client::KeySource;
use crate::dns::DnsError;

/// The shortest token that is struck out of what was said: a shorter one would strike out words.
const SHORTEST: usize = 8;

/// A token for one request.
pub(super) struct Token {
    text: SecretString,
    /// The value of `Authorization`, which nothing logs.
    pub(super) header: HeaderValue,
}

impl Token {
    /// Reads it from where it comes from. An empty one is none.
    ///
    /// # Errors
    /// [`DnsError::NotConfigured`], or [`DnsError::Invalid`] for what no header takes.
    pub(super) fn read(source: &KeySource) -> Result<Self, DnsError> {
        let text = source.read().ok_or(DnsError::NotConfigured { what: "a token of Hetzner Cloud" })?;
        let header = header(text.expose_secret()).ok_or(DnsError::Invalid {
            field: "token",
            reason: "it has a blank, a line break or another character that no token has".into(),
        })?;
        Ok(Self { text, header })
    }

    /// What was said, without the token: something on the way may repeat it.
    pub(super) fn struck_out(&self, said: &[u8]) -> String {
        let (said, token) = (String::from_utf8_lossy(said), self.text.expose_secret());
        if token.len() < SHORTEST { said.into_owned() } else { said.replace(token, "[redacted]") }
    }
}

fn header(token: &str) -> Option<HeaderValue> {
    let is_token = token.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| is_token)?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_token_goes_into_a_header_that_is_not_shown() {
        let token = Token::read(&KeySource::Ask(Arc::new(|| Some("planted-token".into())))).unwrap();
        assert_eq!(token.header.to_str().unwrap(), "Bearer planted-token");
        let shown = format!("{token:?} {:?}", token.header);
        assert!(!shown.contains("planted"), "{shown}");
        assert_eq!(token.struck_out(b"no planted-token here"), "no [redacted] here");
    }

    #[test]
    fn what_is_no_token_is_named_but_not_shown() {
        for bad in ["planted\n", "plan ted", "plantéd", "plan\r\nx-evil: ted"] {
            let error = Token::read(&KeySource::Fixed(bad.into())).unwrap_err();
            assert!(matches!(error, DnsError::Invalid { field: "token", .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("plan"));
        }
        let unset = KeySource::Env("HETZNER_CLIENT_TEST_SURELY_UNSET");
        for source in [unset, KeySource::Ask(Arc::new(|| None)), KeySource::Fixed("".into())] {
            let error = Token::read(&source).unwrap_err();
            assert!(matches!(error, DnsError::NotConfigured { .. }), "{error:?}");
        }
    }
}
