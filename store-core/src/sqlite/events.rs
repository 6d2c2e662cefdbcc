//! Runs' events in SQLite.

use std::sync::LazyLock;

use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::{Sqlite, fault, row};
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::run::{EventRow, MAX_EVENTS_READ, RunState, Scope};

const LAST: &str = "SELECT last_seq, state FROM runs WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)";
/// Each statement is a trip to the thread of the connection, so many events go by one.
static INSERTS: LazyLock<[(usize, String); 3]> =
    LazyLock::new(|| [64, 8, 1].map(|rows| (rows, insert_sql(rows))));
const IS_SAME: &str =
    "SELECT EXISTS (SELECT 1 FROM run_events WHERE run_id = ?1 AND seq = ?2 AND bytes = ?3)";
const SET_LAST: &str = "UPDATE runs SET last_seq = ?2 WHERE id = ?1";
/// One row without an event says that the run is there. Lengths are read without the bytes.
const READ: &str = "WITH readable AS \
     (SELECT id FROM runs WHERE id = ?1 AND (?2 IS NULL OR owner = ?2 OR readable_by_id = 1)), \
     behind AS (SELECT seq, sum(length(bytes)) OVER (ORDER BY seq) - length(bytes) AS before \
     FROM (SELECT seq, bytes FROM run_events WHERE run_id = ?1 AND seq > ?3 ORDER BY seq LIMIT ?5)) \
     SELECT e.seq, e.bytes FROM readable \
     LEFT JOIN behind ON behind.before = 0 OR behind.before < ?4 \
     LEFT JOIN run_events e ON e.run_id = readable.id AND e.seq = behind.seq ORDER BY e.seq";

impl Sqlite {
    pub(crate) async fn append_events(&self, scope: Scope, id: RunId, events: Vec<EventRow>) -> Result<()> {
        self.write(move |db| {
            Box::pin(async move {
                let find = sqlx::query_as(LAST).bind(id.uuid()).bind(scope.owner());
                let (last, state): (i64, String) = find.fetch_one(&mut *db).await.map_err(fault::of)?;
                let last = row::count(last)?;
                let new = events.partition_point(|event| event.seq <= last);
                for event in &events[..new] {
                    must_be_same(db, id.uuid(), event, last).await?;
                }
                let Some(newest) = events[new..].last().map(|event| event.seq) else { return Ok(()) };
                if RunState::stored(&state)?.is_ended() {
                    return Err(Error::AlreadyEnded);
                }
                insert(db, id.uuid(), &events[new..]).await?;
                let set = sqlx::query(SET_LAST).bind(id.uuid()).bind(row::number(newest, "seq")?);
                set.execute(db).await.map(drop).map_err(fault::of)
            })
        })
        .await
    }

    pub(crate) async fn read_events(
        &self,
        (scope, id): (Scope, RunId),
        after: u64,
        max_bytes: usize,
    ) -> Result<Vec<EventRow>> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let most = i64::try_from(max_bytes).unwrap_or(i64::MAX);
        self.read(move |db| {
            Box::pin(async move {
                let read = sqlx::query_as(READ).bind(id.uuid()).bind(scope.owner()).bind(after).bind(most);
                let read = read.bind(MAX_EVENTS_READ).fetch_all(db).await;
                let rows: Vec<(Option<i64>, Option<Vec<u8>>)> = read.map_err(fault::of)?;
                if rows.is_empty() {
                    return Err(Error::NotFound);
                }
                let events = rows.into_iter().filter_map(|(seq, bytes)| Some((seq?, bytes?)));
                events
                    .map(|(seq, bytes)| Ok(EventRow { seq: row::count(seq)?, bytes: bytes.into() }))
                    .collect()
            })
        })
        .await
    }
}

/// The run's id is the first parameter; two follow for each event.
fn insert_sql(rows: usize) -> String {
    let row = |row: usize| format!("(?1, ?{}, ?{})", 2 * row + 2, 2 * row + 3);
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("INSERT INTO run_events (run_id, seq, bytes) VALUES {}", rows.join(", "))
}

async fn insert(db: &mut SqliteConnection, run: Uuid, mut events: &[EventRow]) -> Result<()> {
    for (rows, sql) in &*INSERTS {
        while let Some((some, rest)) = events.split_at_checked(*rows) {
            let mut insert = sqlx::query(sql.as_str()).bind(run);
            for event in some {
                insert = insert.bind(row::number(event.seq, "seq")?).bind(&event.bytes[..]);
            }
            insert.execute(&mut *db).await.map_err(fault::of)?;
            events = rest;
        }
    }
    Ok(())
}

/// A number that is stored already may only come again with the same bytes.
async fn must_be_same(db: &mut SqliteConnection, run: Uuid, event: &EventRow, current: u64) -> Result<()> {
    let same =
        sqlx::query_scalar(IS_SAME).bind(run).bind(row::number(event.seq, "seq")?).bind(&event.bytes[..]);
    let same: bool = same.fetch_one(db).await.map_err(fault::of)?;
    if same { Ok(()) } else { Err(Error::Stale { current }) }
}
