//! Runs in SQLite.

use sqlx::sqlite::{SqliteConnection, SqliteQueryResult};
use uuid::Uuid;

use super::{Sqlite, fault, row};
use crate::clock::{self, Timestamp};
use crate::cost::Usd;
use crate::error::{Error, Result};
use crate::id::{RunId, UserId};
use crate::page::{Cursor, Page, Paging};
use crate::run::{Ending, Phase, Run, RunState, Scope};
use crate::session::SessionId;

const INSERT: &str = "INSERT INTO runs (id, owner, kind, state, session_id, created_at, readable_by_id) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const GET: &str = "SELECT * FROM runs WHERE id = ?1 AND (?2 IS NULL OR owner = ?2 OR readable_by_id = 1)";
const LIST_OWN: &str = "SELECT * FROM runs WHERE (created_at, id) < (?1, ?2) AND owner = ?4 \
     ORDER BY created_at DESC, id DESC LIMIT ?3";
const LIST_OWN_IN: &str = "SELECT * FROM runs WHERE (created_at, id) < (?1, ?2) AND owner = ?4 AND state = ?5 \
     ORDER BY created_at DESC, id DESC LIMIT ?3";
const LIST_ALL: &str = "SELECT * FROM runs WHERE (created_at, id) < (?1, ?2) \
     ORDER BY created_at DESC, id DESC LIMIT ?3";
const LIST_ALL_IN: &str = "SELECT * FROM runs WHERE (created_at, id) < (?1, ?2) AND state = ?5 \
     ORDER BY created_at DESC, id DESC LIMIT ?3";
const LIST_UNFINISHED: &str = "SELECT * FROM runs INDEXED BY runs_unfinished WHERE (created_at, id) < (?1, ?2) \
     AND (?4 IS NULL OR owner = ?4) AND state IN ('queued', 'running', 'waiting_approval') \
     ORDER BY created_at DESC, id DESC LIMIT ?3";
const SET_PHASE: &str = "UPDATE runs SET state = ?3 \
     WHERE id = ?1 AND (?2 IS NULL OR owner = ?2) AND state IN ('queued', 'running', 'waiting_approval')";
const END: &str = "UPDATE runs SET state = ?3, ended_at = ?4, cost_usd = ?5, error = ?6, \
     session_id = coalesce(?7, session_id), last_seq = max(last_seq, ?8) \
     WHERE id = ?1 AND (?2 IS NULL OR owner = ?2) AND state IN ('queued', 'running', 'waiting_approval')";
const INTERRUPT: &str = "UPDATE runs SET state = 'interrupted', ended_at = ?2 \
     WHERE (?1 IS NULL OR owner = ?1) AND state IN ('queued', 'running', 'waiting_approval')";
const IS_THERE: &str = "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?1 AND (?2 IS NULL OR owner = ?2))";

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    owner: Uuid,
    kind: String,
    state: String,
    session_id: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
    cost_usd: Option<i64>,
    error: Option<String>,
    last_seq: i64,
    readable_by_id: bool,
}

impl TryFrom<Row> for Run {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: RunId::stored(row.id),
            owner: UserId::stored(row.owner),
            kind: row.kind,
            state: RunState::stored(&row.state)?,
            session_id: row.session_id.map(SessionId::stored),
            created_at: clock::stored(row.created_at)?,
            ended_at: clock::stored_or_none(row.ended_at)?,
            cost: row.cost_usd.map(Usd::from_stored),
            error: row.error,
            last_seq: row::count(row.last_seq)?,
            readable_by_id: row.readable_by_id,
        })
    }
}

impl Sqlite {
    pub(crate) async fn open_run(&self, run: Run) -> Result<Run> {
        self.write_one(move |db| {
            Box::pin(async move {
                let insert = sqlx::query(INSERT).bind(run.id.uuid()).bind(run.owner.uuid()).bind(&run.kind);
                let insert =
                    insert.bind(run.state.as_str()).bind(run.session_id.as_ref().map(SessionId::as_str));
                let insert = insert.bind(run.created_at.timestamp_micros()).bind(run.readable_by_id);
                insert.execute(db).await.map_err(fault::of_adding("this run"))?;
                Ok(run)
            })
        })
        .await
    }

    pub(crate) async fn run(&self, scope: Scope, id: RunId) -> Result<Run> {
        self.read(move |db| {
            Box::pin(async move {
                let get = sqlx::query_as(GET).bind(id.uuid()).bind(scope.owner());
                let row: Row = get.fetch_one(db).await.map_err(fault::of)?;
                row.try_into()
            })
        })
        .await
    }

    pub(crate) async fn runs(
        &self,
        scope: Scope,
        state: Option<RunState>,
        paging: Paging,
    ) -> Result<Page<Run>> {
        let statement = match (scope, state) {
            (Scope::Owner(_), None) => LIST_OWN,
            (Scope::Owner(_), Some(_)) => LIST_OWN_IN,
            (Scope::All, None) => LIST_ALL,
            (Scope::All, Some(_)) => LIST_ALL_IN,
        };
        self.read(move |db| Box::pin(list(db, statement, (scope, state), paging))).await
    }

    pub(crate) async fn unfinished_runs(&self, scope: Scope, paging: Paging) -> Result<Page<Run>> {
        self.read(move |db| Box::pin(list(db, LIST_UNFINISHED, (scope, None), paging))).await
    }

    pub(crate) async fn set_run_phase(&self, scope: Scope, id: RunId, phase: Phase) -> Result<()> {
        self.write_one(move |db| {
            Box::pin(async move {
                let set = sqlx::query(SET_PHASE).bind(id.uuid()).bind(scope.owner());
                let set = set.bind(RunState::from(phase).as_str()).execute(&mut *db).await;
                unless_ended(db, (scope, id), &set.map_err(fault::of)?).await
            })
        })
        .await
    }

    pub(crate) async fn end_run(
        &self,
        (scope, id): (Scope, RunId),
        ending: Ending,
        now: Timestamp,
    ) -> Result<()> {
        self.write_one(move |db| {
            Box::pin(async move {
                let state = RunState::from(ending.outcome);
                let end = sqlx::query(END).bind(id.uuid()).bind(scope.owner()).bind(state.as_str());
                let end =
                    end.bind(now.timestamp_micros()).bind(ending.cost.map(Usd::stored)).bind(ending.error);
                let end = end.bind(ending.session_id.map(SessionId::into_text));
                let end = end.bind(i64::try_from(ending.last_seq).unwrap_or(i64::MAX));
                let end = end.execute(&mut *db).await.map_err(fault::of)?;
                unless_ended(db, (scope, id), &end).await
            })
        })
        .await
    }

    pub(crate) async fn interrupt_runs(&self, scope: Scope, now: Timestamp) -> Result<u64> {
        self.write_one(move |db| {
            Box::pin(async move {
                let interrupt = sqlx::query(INTERRUPT).bind(scope.owner()).bind(now.timestamp_micros());
                interrupt.execute(db).await.map(|done| done.rows_affected()).map_err(fault::of)
            })
        })
        .await
    }
}

async fn list(
    db: &mut SqliteConnection,
    statement: &'static str,
    (scope, state): (Scope, Option<RunState>),
    paging: Paging,
) -> Result<Page<Run>> {
    let (before, key) = paging.cursor();
    let list = sqlx::query_as(statement).bind(before).bind(row::uuid_key(key)?).bind(paging.look_ahead());
    let list = list.bind(scope.owner()).bind(state.map(RunState::as_str));
    let rows: Vec<Row> = list.fetch_all(db).await.map_err(fault::of)?;
    let runs = rows.into_iter().map(Run::try_from).collect::<Result<_>>()?;
    let place = |run: &Run| Cursor { number: run.created_at.timestamp_micros(), key: run.id.to_string() };
    Ok(paging.page(runs, place))
}

/// Why a change of an unfinished run changed nothing.
async fn unless_ended(
    db: &mut SqliteConnection,
    (scope, id): (Scope, RunId),
    done: &SqliteQueryResult,
) -> Result<()> {
    if done.rows_affected() > 0 {
        return Ok(());
    }
    let there = sqlx::query_scalar(IS_THERE).bind(id.uuid()).bind(scope.owner());
    let there: bool = there.fetch_one(db).await.map_err(fault::of)?;
    Err(if there { Error::AlreadyEnded } else { Error::NotFound })
}

#[cfg(test)]
mod tests;
