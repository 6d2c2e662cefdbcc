//! Claude Code sessions in SQLite.

use uuid::Uuid;

use super::{Sqlite, fault, row};
use crate::clock::{self, Timestamp};
use crate::cost::Usd;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::page::{Cursor, Page, Paging};
use crate::session::{Session, SessionId, SessionUse};

/// Gives no row where the session is another owner's. Costs stop at the largest number instead of wrapping.
const RECORD: &str = "INSERT INTO sessions \
     (claude_session_id, workspace_path, created_at, last_used_at, owner, title, model, cost_usd, turns) \
     VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8) \
     ON CONFLICT (claude_session_id) DO UPDATE SET \
     workspace_path = excluded.workspace_path, last_used_at = max(last_used_at, excluded.last_used_at), \
     title = coalesce(title, excluded.title), model = coalesce(excluded.model, model), \
     cost_usd = CASE WHEN cost_usd > 9223372036854775807 - excluded.cost_usd THEN 9223372036854775807 \
     ELSE cost_usd + excluded.cost_usd END, turns = turns + excluded.turns \
     WHERE owner = excluded.owner RETURNING *";
const GET: &str = "SELECT * FROM sessions WHERE owner = ?1 AND claude_session_id = ?2";
const LIST_FIRST: &str =
    "SELECT * FROM sessions WHERE owner = ?1 ORDER BY last_used_at DESC, claude_session_id DESC LIMIT ?2";
const LIST_AFTER: &str = "SELECT * FROM sessions WHERE owner = ?1 AND (last_used_at, claude_session_id) < (?3, ?4) \
     ORDER BY last_used_at DESC, claude_session_id DESC LIMIT ?2";
const RENAME: &str = "UPDATE sessions SET name = ?3 WHERE owner = ?1 AND claude_session_id = ?2";
const ANY_IN: &str = "SELECT EXISTS (SELECT 1 FROM sessions WHERE owner = ?1 AND workspace_path = ?2)";
const DELETE: &str = "DELETE FROM sessions WHERE owner = ?1 AND claude_session_id = ?2";

#[derive(sqlx::FromRow)]
struct Row {
    claude_session_id: String,
    workspace_path: String,
    created_at: i64,
    last_used_at: i64,
    owner: Uuid,
    name: Option<String>,
    title: Option<String>,
    model: Option<String>,
    cost_usd: i64,
    turns: i64,
}

impl TryFrom<Row> for Session {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            claude_session_id: SessionId::stored(row.claude_session_id),
            workspace_path: row.workspace_path,
            created_at: clock::stored(row.created_at)?,
            last_used_at: clock::stored(row.last_used_at)?,
            owner: UserId::stored(row.owner),
            name: row.name,
            title: row.title,
            model: row.model,
            cost: Usd::from_stored(row.cost_usd),
            turns: row::count(row.turns)?,
        })
    }
}

impl Sqlite {
    pub(crate) async fn record_session(
        &self,
        owner: UserId,
        used: SessionUse,
        now: Timestamp,
    ) -> Result<Session> {
        self.write_one(move |db| {
            Box::pin(async move {
                let record = sqlx::query_as(RECORD).bind(used.claude_session_id.into_text());
                let record = record.bind(used.workspace_path).bind(now.timestamp_micros()).bind(owner.uuid());
                let record = record.bind(used.title).bind(used.model).bind(used.cost.stored());
                // All rows, though there is at most one: only a statement that is run to its end is committed.
                let record = record.bind(i64::from(used.turns)).fetch_all(db).await;
                let rows: Vec<Row> = record.map_err(fault::of_adding("this session"))?;
                rows.into_iter().next().ok_or(Error::NotFound)?.try_into()
            })
        })
        .await
    }

    pub(crate) async fn session(&self, owner: UserId, id: SessionId) -> Result<Session> {
        self.read(move |db| {
            Box::pin(async move {
                let get = sqlx::query_as(GET).bind(owner.uuid()).bind(id.into_text());
                let row: Row = get.fetch_one(db).await.map_err(fault::of)?;
                row.try_into()
            })
        })
        .await
    }

    pub(crate) async fn sessions(&self, owner: UserId, paging: Paging) -> Result<Page<Session>> {
        self.read(move |db| {
            Box::pin(async move {
                let (before, key) = paging.cursor();
                let list = sqlx::query_as(if key.is_some() { LIST_AFTER } else { LIST_FIRST });
                let list = list.bind(owner.uuid()).bind(paging.look_ahead());
                let list = if let Some(key) = key { list.bind(before).bind(key) } else { list };
                let rows: Vec<Row> = list.fetch_all(db).await.map_err(fault::of)?;
                let sessions = rows.into_iter().map(Session::try_from).collect::<Result<_>>()?;
                Ok(paging.page(sessions, |session: &Session| Cursor {
                    number: session.last_used_at.timestamp_micros(),
                    key: session.claude_session_id.to_string(),
                }))
            })
        })
        .await
    }

    pub(crate) async fn rename_session(
        &self,
        owner: UserId,
        id: SessionId,
        name: Option<String>,
    ) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let rename = sqlx::query(RENAME).bind(owner.uuid()).bind(id.into_text()).bind(name);
                row::touched(&rename.execute(db).await.map_err(fault::of)?)
            })
        })
        .await
    }

    pub(crate) async fn delete_session(&self, owner: UserId, id: SessionId) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let delete = sqlx::query(DELETE).bind(owner.uuid()).bind(id.into_text());
                row::touched(&delete.execute(db).await.map_err(fault::of)?)
            })
        })
        .await
    }

    pub(crate) async fn any_session_in(&self, owner: UserId, workspace_path: String) -> Result<bool> {
        self.read(move |db| {
            Box::pin(async move {
                let any = sqlx::query_scalar(ANY_IN).bind(owner.uuid()).bind(workspace_path);
                any.fetch_one(db).await.map_err(fault::of)
            })
        })
        .await
    }
}
