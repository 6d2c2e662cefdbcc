//! Access tokens that were revoked before their end.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::{Store, on};
use crate::text;

/// Tokens that count no more, by their `jti`.
#[derive(Debug, Clone, Copy)]
pub struct RevokedTokens<'a> {
    pub(crate) store: &'a Store,
}

impl RevokedTokens<'_> {
    /// Revokes a token. It is remembered until `expires_at`, when it ends by itself. Again changes nothing.
    ///
    /// # Errors
    /// [`Invalid`](crate::Error::Invalid) for a `jti` that is empty or longer than a name.
    pub async fn revoke(self, jti: &str, expires_at: Timestamp) -> Result<()> {
        text::name("jti", jti)?;
        on!(self.store, db => db.revoke_token(jti.to_owned(), expires_at).await)
    }

    /// Whether a token was revoked.
    ///
    /// # Errors
    /// When the store fails; then let nobody in.
    pub async fn is_revoked(self, jti: &str) -> Result<bool> {
        on!(self.store, db => db.is_token_revoked(jti.to_owned()).await)
    }

    /// Forgets tokens and refresh families that have expired, and says how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn purge_expired(self) -> Result<u64> {
        let now = self.store.now();
        on!(self.store, db => db.purge_tokens(now).await)
    }
}
