//! Revoked tokens in SQLite.

use super::{Sqlite, fault};
use crate::clock::Timestamp;
use crate::error::Result;

const REVOKE: &str = "INSERT INTO revoked_tokens (jti, expires_at) VALUES (?1, ?2) \
     ON CONFLICT (jti) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)";
const IS_REVOKED: &str = "SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = ?1)";
const PURGE_TOKENS: &str = "DELETE FROM revoked_tokens WHERE expires_at <= ?1";
const PURGE_FAMILIES: &str = "DELETE FROM refresh_families WHERE expires_at <= ?1";

impl Sqlite {
    pub(crate) async fn revoke_token(&self, jti: String, expires_at: Timestamp) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let revoke = sqlx::query(REVOKE).bind(jti).bind(expires_at.timestamp_micros());
                revoke.execute(db).await.map(drop).map_err(fault::of)
            })
        })
        .await
    }

    pub(crate) async fn is_token_revoked(&self, jti: String) -> Result<bool> {
        self.read(move |db| {
            Box::pin(async move {
                sqlx::query_scalar(IS_REVOKED).bind(jti).fetch_one(db).await.map_err(fault::of)
            })
        })
        .await
    }

    pub(crate) async fn purge_tokens(&self, now: Timestamp) -> Result<u64> {
        self.write(move |db| {
            Box::pin(async move {
                let mut purged = 0;
                for statement in [PURGE_TOKENS, PURGE_FAMILIES] {
                    let delete = sqlx::query(statement).bind(now.timestamp_micros());
                    purged += delete.execute(&mut *db).await.map_err(fault::of)?.rows_affected();
                }
                Ok(purged)
            })
        })
        .await
    }
}
