//! API keys in SQLite.

use uuid::Uuid;

use super::{Sqlite, fault, row};
use crate::Digest;
use crate::api_key::{ApiKey, Scope};
use crate::clock::{self, Timestamp};
use crate::error::{Error, Result};
use crate::id::{ApiKeyId, UserId};
use crate::page::{Cursor, Page, Paging};

const INSERT: &str = "INSERT INTO api_keys (id, owner, name, hash, scopes, created_at, expires_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const BY_HASH: &str = "SELECT id, owner, name, scopes, created_at, last_used_at, expires_at, revoked_at \
     FROM api_keys WHERE hash = ?1";
const LIST: &str = "SELECT id, owner, name, scopes, created_at, last_used_at, expires_at, revoked_at \
     FROM api_keys WHERE owner = ?1 AND (created_at, id) < (?2, ?3) ORDER BY created_at DESC, id DESC LIMIT ?4";
const BY_ID: &str = "SELECT id, owner, name, scopes, created_at, last_used_at, expires_at, revoked_at \
     FROM api_keys WHERE id = ?1";
const LIST_ALL: &str = "SELECT id, owner, name, scopes, created_at, last_used_at, expires_at, revoked_at \
     FROM api_keys WHERE (created_at, id) < (?1, ?2) ORDER BY created_at DESC, id DESC LIMIT ?3";
const REVOKE: &str = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?3) WHERE owner = ?1 AND id = ?2";
const TOUCH: &str = "UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1";

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    owner: Uuid,
    name: String,
    scopes: String,
    created_at: i64,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for ApiKey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let unknown = || Error::corrupt("a row has an unknown scope");
        let scope = |name| Scope::parse(name).ok_or_else(unknown);
        Ok(Self {
            id: ApiKeyId::stored(row.id),
            owner: UserId::stored(row.owner),
            name: row.name,
            scopes: row.scopes.split_terminator(',').map(scope).collect::<Result<_>>()?,
            created_at: clock::stored(row.created_at)?,
            last_used_at: clock::stored_or_none(row.last_used_at)?,
            expires_at: clock::stored_or_none(row.expires_at)?,
            revoked_at: clock::stored_or_none(row.revoked_at)?,
        })
    }
}

impl Sqlite {
    pub(crate) async fn create_api_key(&self, key: ApiKey, hash: Digest) -> Result<ApiKey> {
        self.write(move |db| {
            Box::pin(async move {
                let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
                let insert = sqlx::query(INSERT).bind(key.id.uuid()).bind(key.owner.uuid()).bind(&key.name);
                let insert = insert.bind(hash.to_vec()).bind(scopes.join(","));
                let insert = insert.bind(key.created_at.timestamp_micros());
                let insert = insert.bind(key.expires_at.map(|end| end.timestamp_micros()));
                insert.execute(db).await.map_err(fault::of_adding("this key"))?;
                Ok(key)
            })
        })
        .await
    }

    pub(crate) async fn api_key_by_hash(&self, hash: Digest) -> Result<ApiKey> {
        self.read(move |db| {
            Box::pin(async move {
                let one = sqlx::query_as(BY_HASH).bind(hash.to_vec());
                let row: Row = one.fetch_one(db).await.map_err(fault::of)?;
                row.try_into()
            })
        })
        .await
    }

    pub(crate) async fn api_keys(&self, owner: UserId, paging: Paging) -> Result<Page<ApiKey>> {
        self.read(move |db| {
            Box::pin(async move {
                let (before, key) = paging.cursor();
                let list = sqlx::query_as(LIST).bind(owner.uuid()).bind(before).bind(row::uuid_key(key)?);
                let rows: Vec<Row> = list.bind(paging.look_ahead()).fetch_all(db).await.map_err(fault::of)?;
                page(rows, &paging)
            })
        })
        .await
    }

    pub(crate) async fn all_api_keys(&self, paging: Paging) -> Result<Page<ApiKey>> {
        self.read(move |db| {
            Box::pin(async move {
                let (before, key) = paging.cursor();
                let list = sqlx::query_as(LIST_ALL).bind(before).bind(row::uuid_key(key)?);
                let rows: Vec<Row> = list.bind(paging.look_ahead()).fetch_all(db).await.map_err(fault::of)?;
                page(rows, &paging)
            })
        })
        .await
    }

    pub(crate) async fn api_key(&self, id: ApiKeyId) -> Result<ApiKey> {
        self.read(move |db| {
            Box::pin(async move {
                let one = sqlx::query_as(BY_ID).bind(id.uuid());
                let row: Row = one.fetch_one(db).await.map_err(fault::of)?;
                row.try_into()
            })
        })
        .await
    }

    pub(crate) async fn revoke_api_key(&self, owner: UserId, id: ApiKeyId, now: Timestamp) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let revoke =
                    sqlx::query(REVOKE).bind(owner.uuid()).bind(id.uuid()).bind(now.timestamp_micros());
                row::touched(&revoke.execute(db).await.map_err(fault::of)?)
            })
        })
        .await
    }

    pub(crate) async fn touch_api_key(&self, id: ApiKeyId, now: Timestamp) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let touch = sqlx::query(TOUCH).bind(id.uuid()).bind(now.timestamp_micros());
                row::touched(&touch.execute(db).await.map_err(fault::of)?)
            })
        })
        .await
    }
}

fn page(rows: Vec<Row>, paging: &Paging) -> Result<Page<ApiKey>> {
    let keys = rows.into_iter().map(ApiKey::try_from).collect::<Result<_>>()?;
    Ok(paging.page(keys, |key: &ApiKey| Cursor {
        number: key.created_at.timestamp_micros(),
        key: key.id.to_string(),
    }))
}
