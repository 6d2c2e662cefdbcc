//! API keys: `ok_` and 43 characters of base64url, so that scanners for leaked secrets know one when they see it.

use secrecy::{ExposeSecret, SecretString};

use super::{Digest, NoRandomness, random};

const PREFIX: &str = "ok_";
/// Characters behind the prefix: 32 bytes in base64url.
const BODY: usize = 43;

/// The text of an API key. Only its [`Digest`] is kept anywhere; `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// A fresh one of 256 random bits.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        random::secret(PREFIX).map(Self)
    }

    /// A text that has the shape of a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (body.len() == BODY && body.bytes().all(good)).then(|| Self(text.into()))
    }

    /// What it is stored and looked up by.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// The key itself, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_shape_of_a_key_is_one() {
        let key = ApiKey::generate().unwrap();
        assert_eq!(ApiKey::parse(key.expose()).unwrap().digest(), key.digest());
        assert!(!format!("{key:?} {:?}", key.digest()).contains(key.expose()));
        let body = "a".repeat(BODY);
        for bad in ["", "ok_", "sk_x", &body, &format!("ok_{body}a"), &format!("OK_{body}"), "ok_\0"] {
            assert!(ApiKey::parse(bad).is_none(), "{bad:?}");
        }
    }
}
