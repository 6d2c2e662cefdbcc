//! Users in SQLite.

use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::{Sqlite, fault, row};
use crate::clock::{self, Timestamp};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::page::{Cursor, Page, Paging};
use crate::text;
use crate::user::{Access, PasswordHash, Role, User};

const INSERT: &str = "INSERT INTO users (id, name, name_folded, password_hash, role, disabled, created_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const BY_NAME: &str =
    "SELECT id, name, password_hash, role, disabled, created_at FROM users WHERE name_folded = ?1";
const BY_ID: &str = "SELECT id, name, password_hash, role, disabled, created_at FROM users WHERE id = ?1";
const LIST: &str = "SELECT id, name, password_hash, role, disabled, created_at FROM users \
     WHERE (created_at, id) < (?1, ?2) ORDER BY created_at DESC, id DESC LIMIT ?3";
const SET_ROLE: &str = "UPDATE users SET role = ?2 WHERE id = ?1";
const SET_PASSWORD: &str = "UPDATE users SET password_hash = ?2 WHERE id = ?1";
const REHASH: &str = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";
const SET_DISABLED: &str = "UPDATE users SET disabled = ?2 WHERE id = ?1";
const DELETE: &str = "DELETE FROM users WHERE id = ?1";
const IS_ADMIN: &str =
    "SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND role = 'admin' AND disabled = 0)";
const ANY_ADMIN: &str = "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND disabled = 0)";
const END_LOGINS: &str =
    "UPDATE refresh_families SET revoked_at = ?2 WHERE owner = ?1 AND revoked_at IS NULL";

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    password_hash: String,
    role: String,
    disabled: bool,
    created_at: i64,
}

impl TryFrom<Row> for User {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: UserId::stored(row.id),
            name: row.name,
            password_hash: PasswordHash(row.password_hash),
            role: Role::stored(&row.role)?,
            disabled: row.disabled,
            created_at: clock::stored(row.created_at)?,
        })
    }
}

impl Sqlite {
    pub(crate) async fn create_user(&self, user: User) -> Result<User> {
        self.write(move |db| {
            Box::pin(async move {
                let insert =
                    sqlx::query(INSERT).bind(user.id.uuid()).bind(&user.name).bind(text::folded(&user.name));
                let insert = insert.bind(&user.password_hash.0).bind(user.role.as_str()).bind(user.disabled);
                let insert = insert.bind(user.created_at.timestamp_micros());
                insert.execute(db).await.map_err(fault::of_adding("this name"))?;
                Ok(user)
            })
        })
        .await
    }

    pub(crate) async fn user_by_name(&self, folded: String) -> Result<User> {
        self.read(move |db| {
            Box::pin(async move {
                let row: Row = sqlx::query_as(BY_NAME).bind(folded).fetch_one(db).await.map_err(fault::of)?;
                row.try_into()
            })
        })
        .await
    }

    pub(crate) async fn user(&self, id: UserId) -> Result<User> {
        self.read(move |db| {
            Box::pin(async move {
                let row: Row =
                    sqlx::query_as(BY_ID).bind(id.uuid()).fetch_one(db).await.map_err(fault::of)?;
                row.try_into()
            })
        })
        .await
    }

    pub(crate) async fn users(&self, paging: Paging) -> Result<Page<User>> {
        self.read(move |db| {
            Box::pin(async move {
                let (before, key) = paging.cursor();
                let list =
                    sqlx::query_as(LIST).bind(before).bind(row::uuid_key(key)?).bind(paging.look_ahead());
                let rows: Vec<Row> = list.fetch_all(db).await.map_err(fault::of)?;
                let users = rows.into_iter().map(User::try_from).collect::<Result<_>>()?;
                Ok(paging.page(users, |user: &User| Cursor {
                    number: user.created_at.timestamp_micros(),
                    key: user.id.to_string(),
                }))
            })
        })
        .await
    }

    pub(crate) async fn set_role(&self, id: UserId, role: Role) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let was_admin = is_admin(db, id).await?;
                let set = sqlx::query(SET_ROLE).bind(id.uuid()).bind(role.as_str());
                row::touched(&set.execute(&mut *db).await.map_err(fault::of)?)?;
                keep_an_admin(db, was_admin).await
            })
        })
        .await
    }

    pub(crate) async fn set_password(&self, id: UserId, hash: PasswordHash, now: Timestamp) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let set = sqlx::query(SET_PASSWORD).bind(id.uuid()).bind(hash.0);
                row::touched(&set.execute(&mut *db).await.map_err(fault::of)?)?;
                end_logins(db, id, now).await
            })
        })
        .await
    }

    pub(crate) async fn rehash_password(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let set = sqlx::query(REHASH).bind(id.uuid()).bind(old.0).bind(new.0);
                set.execute(db).await.map(drop).map_err(fault::of)
            })
        })
        .await
    }

    pub(crate) async fn set_access(&self, id: UserId, access: Access, now: Timestamp) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let was_admin = is_admin(db, id).await?;
                let set = sqlx::query(SET_DISABLED).bind(id.uuid()).bind(access == Access::Disabled);
                row::touched(&set.execute(&mut *db).await.map_err(fault::of)?)?;
                if access == Access::Disabled {
                    end_logins(db, id, now).await?;
                }
                keep_an_admin(db, was_admin).await
            })
        })
        .await
    }

    pub(crate) async fn delete_user(&self, id: UserId) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let was_admin = is_admin(db, id).await?;
                let delete = sqlx::query(DELETE).bind(id.uuid());
                row::touched(&delete.execute(&mut *db).await.map_err(fault::of)?)?;
                keep_an_admin(db, was_admin).await
            })
        })
        .await
    }
}

async fn is_admin(db: &mut SqliteConnection, id: UserId) -> Result<bool> {
    sqlx::query_scalar(IS_ADMIN).bind(id.uuid()).fetch_one(db).await.map_err(fault::of)
}

/// The error undoes the change that took the last admin away.
async fn keep_an_admin(db: &mut SqliteConnection, was_admin: bool) -> Result<()> {
    if !was_admin {
        return Ok(());
    }
    let any: bool = sqlx::query_scalar(ANY_ADMIN).fetch_one(db).await.map_err(fault::of)?;
    if any { Ok(()) } else { Err(Error::LastAdmin) }
}

async fn end_logins(db: &mut SqliteConnection, id: UserId, now: Timestamp) -> Result<()> {
    let end = sqlx::query(END_LOGINS).bind(id.uuid()).bind(now.timestamp_micros());
    end.execute(db).await.map(drop).map_err(fault::of)
}
