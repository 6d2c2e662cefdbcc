//! Refresh tokens in SQLite.

use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::{Sqlite, fault, row};
use crate::Digest;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{FamilyId, UserId};
use crate::refresh::Rotation;

const INSERT: &str = "INSERT INTO refresh_families (id, owner, current_hash, created_at, expires_at) \
     VALUES (?1, ?2, ?3, ?4, ?5)";
const CURRENT: &str = "SELECT id, owner FROM refresh_families \
     WHERE current_hash = ?1 AND revoked_at IS NULL AND expires_at > ?2";
const USED: &str = "SELECT f.id, f.owner FROM refresh_used u JOIN refresh_families f ON f.id = u.family \
     WHERE u.hash = ?1";
const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM refresh_used WHERE hash = ?1)";
const REPLACE: &str = "UPDATE refresh_families SET current_hash = ?2, rotated_at = ?3 WHERE id = ?1";
const RETIRE: &str = "INSERT INTO refresh_used (hash, family) VALUES (?1, ?2)";
const VOUCHES: &str = "SELECT EXISTS (SELECT 1 FROM refresh_families \
     WHERE id = ?1 AND owner = ?2 AND revoked_at IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = ?3)";
const REVOKE: &str = "UPDATE refresh_families SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1";

/// A family and its owner.
type Ids = (Uuid, Uuid);

const TAKEN: &str = "this token";

impl Sqlite {
    pub(crate) async fn create_family(
        &self,
        (id, owner): (FamilyId, UserId),
        hash: Digest,
        (now, expires_at): (Timestamp, Timestamp),
    ) -> Result<FamilyId> {
        self.write(move |db| {
            Box::pin(async move {
                refuse_used(db, hash).await?;
                let insert = sqlx::query(INSERT).bind(id.uuid()).bind(owner.uuid()).bind(hash.to_vec());
                let insert = insert.bind(now.timestamp_micros()).bind(expires_at.timestamp_micros());
                insert.execute(db).await.map_err(fault::of_adding(TAKEN))?;
                Ok(id)
            })
        })
        .await
    }

    pub(crate) async fn rotate(&self, old: Digest, new: Digest, now: Timestamp) -> Result<Rotation> {
        self.write(move |db| {
            Box::pin(async move {
                let find = sqlx::query_as(CURRENT).bind(old.to_vec()).bind(now.timestamp_micros());
                let current: Option<Ids> = find.fetch_optional(&mut *db).await.map_err(fault::of)?;
                let Some((family, owner)) = current else { return detect_reuse(db, old, now).await };
                refuse_used(db, new).await?;
                let replace =
                    sqlx::query(REPLACE).bind(family).bind(new.to_vec()).bind(now.timestamp_micros());
                replace.execute(&mut *db).await.map_err(fault::of_adding(TAKEN))?;
                let retire = sqlx::query(RETIRE).bind(old.to_vec()).bind(family);
                retire.execute(db).await.map_err(fault::of_adding(TAKEN))?;
                Ok(Rotation::Rotated { family: FamilyId::stored(family), owner: UserId::stored(owner) })
            })
        })
        .await
    }

    pub(crate) async fn vouches(&self, (family, owner): (FamilyId, UserId), jti: String) -> Result<bool> {
        self.read(move |db| {
            Box::pin(async move {
                let counts = sqlx::query_scalar(VOUCHES).bind(family.uuid()).bind(owner.uuid()).bind(jti);
                counts.fetch_one(db).await.map_err(fault::of)
            })
        })
        .await
    }

    pub(crate) async fn revoke_family(&self, family: FamilyId, now: Timestamp) -> Result<()> {
        self.write(move |db| Box::pin(revoke(db, family.uuid(), now))).await
    }
}

async fn detect_reuse(db: &mut SqliteConnection, old: Digest, now: Timestamp) -> Result<Rotation> {
    let find = sqlx::query_as(USED).bind(old.to_vec());
    let used: Option<Ids> = find.fetch_optional(&mut *db).await.map_err(fault::of)?;
    let Some((family, owner)) = used else { return Ok(Rotation::Unknown) };
    revoke(db, family, now).await?;
    Ok(Rotation::Reused { family: FamilyId::stored(family), owner: UserId::stored(owner) })
}

/// A retired token never comes back as a new one.
async fn refuse_used(db: &mut SqliteConnection, hash: Digest) -> Result<()> {
    let known: bool = sqlx::query_scalar(KNOWN).bind(hash.to_vec()).fetch_one(db).await.map_err(fault::of)?;
    if known { Err(crate::Error::Taken { what: TAKEN }) } else { Ok(()) }
}

async fn revoke(db: &mut SqliteConnection, family: Uuid, now: Timestamp) -> Result<()> {
    let revoke = sqlx::query(REVOKE).bind(family).bind(now.timestamp_micros());
    row::touched(&revoke.execute(db).await.map_err(fault::of)?)
}
