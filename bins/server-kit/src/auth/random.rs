//! Secrets drawn from the operating system.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::error::Unspecified;
use ring::rand::{SystemRandom, generate};
use secrecy::SecretString;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

impl From<Unspecified> for NoRandomness {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// 32 random bytes as 43 characters of base64url, behind a prefix.
pub(crate) fn secret(prefix: &str) -> Result<SecretString, NoRandomness> {
    let bytes = generate::<[u8; 32]>(&SystemRandom::new())?.expose();
    Ok(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)).into())
}

/// 18 random bytes as 24 characters of base64url.
pub(crate) fn id() -> Result<String, NoRandomness> {
    let bytes = generate::<[u8; 18]>(&SystemRandom::new())?.expose();
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Letters and digits that can't be taken for one another.
const READABLE: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";

/// A password of 24 characters (120 random bits) that can be read out and typed.
pub(crate) fn password() -> Result<SecretString, NoRandomness> {
    let bytes = generate::<[u8; 24]>(&SystemRandom::new())?.expose();
    let text: String = bytes.iter().map(|byte| char::from(READABLE[usize::from(byte % 32)])).collect();
    Ok(text.into())
}
