//! The audit in SQLite.

use super::{Sqlite, fault, row};
use crate::audit::{AuditEntry, NewAuditEntry};
use crate::clock::{self, Timestamp};
use crate::error::{Error, Result};
use crate::page::{Cursor, Page, Paging};

const INSERT: &str =
    "INSERT INTO audit (at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING seq";
const LIST: &str = "SELECT * FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

impl TryFrom<Row> for AuditEntry {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            seq: row::count(row.seq)?,
            at: clock::stored(row.at)?,
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: serde_json::from_str(&row.detail).map_err(|_| Error::corrupt("a detail is no JSON"))?,
        })
    }
}

impl Sqlite {
    pub(crate) async fn append_audit(
        &self,
        new: NewAuditEntry,
        detail: String,
        now: Timestamp,
    ) -> Result<u64> {
        self.write(move |db| {
            Box::pin(async move {
                let insert = sqlx::query_scalar(INSERT).bind(now.timestamp_micros()).bind(new.actor);
                let insert = insert.bind(new.action).bind(new.subject).bind(detail);
                row::count(insert.fetch_one(db).await.map_err(fault::of)?)
            })
        })
        .await
    }

    pub(crate) async fn audit(&self, paging: Paging) -> Result<Page<AuditEntry>> {
        self.read(move |db| {
            Box::pin(async move {
                let (before, _) = paging.cursor();
                let list = sqlx::query_as(LIST).bind(before).bind(paging.look_ahead());
                let rows: Vec<Row> = list.fetch_all(db).await.map_err(fault::of)?;
                let entries = rows.into_iter().map(AuditEntry::try_from).collect::<Result<_>>()?;
                Ok(paging.page(entries, |entry: &AuditEntry| Cursor {
                    number: i64::try_from(entry.seq).unwrap_or(i64::MAX),
                    key: String::new(),
                }))
            })
        })
        .await
    }
}
