//! Runs in the store.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use store_core::run::{EventRow, Run};
use store_core::session::SessionId;
use store_core::{Cursor, Error, Paging, Store, Usd};

use crate::auth::UserId;
use crate::runs::{
    Archive, ArchiveError, Ending, Failure, ListPage, Outcome, PageQuery, Phase, RunId, RunInfo, RunState,
    Seq,
};

/// An [`Archive`] in the store.
#[derive(Debug, Clone)]
pub struct StoreArchive {
    store: Store,
}

impl StoreArchive {
    /// In this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    fn all(&self) -> store_core::run::Runs<'_> {
        self.store.system().runs()
    }

    fn of(&self, user: UserId) -> store_core::run::Runs<'_> {
        self.store.of(&user.into()).runs()
    }
}

#[async_trait]
impl Archive for StoreArchive {
    async fn open(&self, run: &RunInfo) -> Result<(), ArchiveError> {
        let mut new = store_core::run::NewRun::new(run.kind.clone()).id(stored(run.id));
        if run.state == RunState::Queued {
            new = new.queued();
        }
        if let Some(session) = &run.session_id {
            new = new.session(SessionId::parse(session)?);
        }
        if run.readable_by_id {
            new = new.readable_by_id();
        }
        self.of(run.owner).open(new).await?;
        Ok(())
    }

    async fn set_phase(&self, run: RunId, phase: Phase) -> Result<(), ArchiveError> {
        let phase = match phase {
            Phase::Queued => store_core::run::Phase::Queued,
            Phase::Running => store_core::run::Phase::Running,
            Phase::WaitingApproval => store_core::run::Phase::WaitingApproval,
        };
        Ok(self.all().set_state(stored(run), phase).await?)
    }

    async fn append(&self, run: RunId, events: Vec<(Seq, Bytes)>) -> Result<(), ArchiveError> {
        let row = |(seq, bytes): (Seq, Bytes)| EventRow { seq: seq.get(), bytes };
        let rows: Vec<EventRow> = events.into_iter().map(row).collect();
        Ok(self.all().append(stored(run), &rows).await?)
    }

    async fn read(
        &self,
        run: RunId,
        after: Seq,
        max_bytes: usize,
    ) -> Result<Vec<(Seq, Bytes)>, ArchiveError> {
        let rows = self.all().read(stored(run), after.get(), max_bytes).await?;
        Ok(rows.into_iter().map(|row| (Seq::new(row.seq), row.bytes)).collect())
    }

    async fn end(&self, run: RunId, ending: &Ending) -> Result<(), ArchiveError> {
        let outcome = match ending.outcome {
            Outcome::Completed => store_core::run::Outcome::Completed,
            Outcome::Failed(_) => store_core::run::Outcome::Failed,
            Outcome::Cancelled { .. } => store_core::run::Outcome::Cancelled,
        };
        let ending = store_core::run::Ending {
            cost: ending.cost_usd.map(Usd::from_dollars),
            error: ending.outcome.failure().and_then(|failure| serde_json::to_string(&failure).ok()),
            session_id: ending.session_id.as_deref().map(SessionId::parse).transpose()?,
            last_seq: ending.last_seq.get(),
            ..store_core::run::Ending::new(outcome)
        };
        match self.all().end(stored(run), ending).await {
            // An end that was stored though the answer said otherwise.
            Err(Error::AlreadyEnded) => Ok(()),
            ended => Ok(ended?),
        }
    }

    async fn get(&self, run: RunId, reader: UserId) -> Result<RunInfo, ArchiveError> {
        Ok(info(self.of(reader).get(stored(run)).await?))
    }

    async fn list(
        &self,
        user: UserId,
        state: Option<RunState>,
        page: PageQuery,
    ) -> Result<ListPage<RunInfo>, ArchiveError> {
        let mut paging = Paging::first();
        if let Some(limit) = page.limit {
            paging = paging.limit(limit);
        }
        if let Some(cursor) = &page.cursor {
            paging = paging.after(Cursor::parse(cursor)?);
        }
        let page = self.of(user).list(state.map(stored_state), paging).await?;
        let items = page.items.into_iter().map(info).collect();
        Ok(ListPage { items, next_cursor: page.next.map(|cursor| cursor.to_string()) })
    }

    async fn recover(&self) -> Result<u64, ArchiveError> {
        Ok(self.all().recover().await?)
    }
}

fn stored(run: RunId) -> store_core::RunId {
    store_core::RunId::from_uuid(run.as_uuid())
}

fn stored_state(state: RunState) -> store_core::run::RunState {
    use store_core::run::RunState as Stored;
    match state {
        RunState::Queued => Stored::Queued,
        RunState::Running => Stored::Running,
        RunState::WaitingApproval => Stored::WaitingApproval,
        RunState::Completed => Stored::Completed,
        RunState::Failed => Stored::Failed,
        RunState::Cancelled => Stored::Cancelled,
        RunState::Interrupted => Stored::Interrupted,
    }
}

fn shown_state(state: store_core::run::RunState) -> RunState {
    use store_core::run::RunState as Stored;
    match state {
        Stored::Queued => RunState::Queued,
        Stored::Running => RunState::Running,
        Stored::WaitingApproval => RunState::WaitingApproval,
        Stored::Completed => RunState::Completed,
        Stored::Failed => RunState::Failed,
        Stored::Cancelled => RunState::Cancelled,
        Stored::Interrupted => RunState::Interrupted,
    }
}

fn info(run: Run) -> RunInfo {
    let state = shown_state(run.state);
    let error = match run.error.as_deref().map(serde_json::from_str) {
        Some(Ok(failure)) => Some(failure),
        Some(Err(_)) => Some(Failure { code: "failed".into(), message: run.error.unwrap_or_default() }),
        None if state == RunState::Interrupted => Some(Failure::interrupted()),
        None => None,
    };
    RunInfo {
        id: RunId::from_uuid(run.id.as_uuid()),
        kind: run.kind,
        state,
        session_id: run.session_id.map(|id| id.to_string()),
        created_at: run.created_at,
        ended_at: run.ended_at,
        cost_usd: run.cost.map(Usd::dollars),
        error,
        last_seq: run.last_seq,
        owner: UserId::new(run.owner.as_uuid()),
        readable_by_id: run.readable_by_id,
    }
}

impl From<Error> for ArchiveError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::Invalid { field: "cursor", .. } => Self::BadCursor,
            Error::Full => Self::Full(Arc::new(error)),
            other => Self::Unavailable(Arc::new(other)),
        }
    }
}
