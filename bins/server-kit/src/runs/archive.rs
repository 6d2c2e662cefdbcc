//! The port to what outlives the server: rows of runs, and the events of those that are archived.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::{RunId, Seq};
use crate::auth::UserId;
use crate::problem::{Problem, Source};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It waits for its turn.
    Queued,
    /// It works.
    Running,
    /// It waits for a person.
    WaitingApproval,
    /// It did what it was asked.
    Completed,
    /// It could not.
    Failed,
    /// It was stopped.
    Cancelled,
    /// Its server died.
    Interrupted,
}

/// Where an unfinished run may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its turn.
    Queued,
    /// It works.
    Running,
    /// It waits for a person.
    WaitingApproval,
}

impl From<Phase> for RunState {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Queued => Self::Queued,
            Phase::Running => Self::Running,
            Phase::WaitingApproval => Self::WaitingApproval,
        }
    }
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Failure {
    /// A stable name in snake case.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl Failure {
    /// The run's server died.
    #[must_use]
    pub fn interrupted() -> Self {
        Self { code: "interrupted".into(), message: "the server died during this run".into() }
    }
}

/// How the message of a cancelled run begins; who stopped it follows.
pub const STOPPED_BY: &str = "stopped: ";

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was asked.
    Completed,
    /// It could not.
    Failed(Failure),
    /// It was stopped, by `user`, `no_reader` or `shutdown`, or ended itself by `policy`.
    Cancelled {
        /// By whom.
        by: &'static str,
    },
}

impl Outcome {
    /// The state it leaves the run in.
    #[must_use]
    pub fn state(&self) -> RunState {
        match self {
            Self::Completed => RunState::Completed,
            Self::Failed(_) => RunState::Failed,
            Self::Cancelled { .. } => RunState::Cancelled,
        }
    }

    /// What is said of it in the run's `error`.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Completed => None,
            Self::Failed(failure) => Some(failure.clone()),
            Self::Cancelled { by } => {
                Some(Failure { code: "cancelled".into(), message: format!("{STOPPED_BY}{by}") })
            }
        }
    }
}

/// A run, as `GET /api/runs/{id}` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RunInfo {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: RunId,
    /// What it does: `claude`, `chat`, `deployment`.
    pub kind: String,
    /// Where it stands.
    pub state: RunState,
    /// The Claude Code session it works in, once it is known.
    pub session_id: Option<String>,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// US dollars; null: not known.
    pub cost_usd: Option<f64>,
    /// Why it did not complete.
    pub error: Option<Failure>,
    /// The number of its newest event.
    pub last_seq: u64,
    /// Who started it.
    #[serde(skip)]
    pub owner: UserId,
    /// Whether everyone who has its id may read it.
    #[serde(skip)]
    pub readable_by_id: bool,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// How.
    pub outcome: Outcome,
    /// US dollars; `None`: not known.
    pub cost_usd: Option<f64>,
    /// The session it worked in.
    pub session_id: Option<String>,
    /// The number of its last event.
    pub last_seq: Seq,
}

/// A list's page.
#[derive(Debug, Clone, Default)]
pub struct PageQuery {
    /// Where it goes on, as the page before said.
    pub cursor: Option<String>,
    /// Items at most.
    pub limit: Option<u32>,
}

/// Items, and where the list goes on.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ListPage<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// What `cursor` asks for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// What outlives the server. Each call is durable when it returns.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Notes a run that begins.
    async fn open(&self, run: &RunInfo) -> Result<(), ArchiveError>;
    /// Notes where an unfinished run stands.
    async fn set_phase(&self, run: RunId, phase: Phase) -> Result<(), ArchiveError>;
    /// Keeps events, in order, all or none; those that are kept already are passed over.
    async fn append(&self, run: RunId, events: Vec<(Seq, Bytes)>) -> Result<(), ArchiveError>;
    /// The kept events behind `after`: about `max_bytes`, at least one; empty at the end.
    async fn read(&self, run: RunId, after: Seq, max_bytes: usize)
    -> Result<Vec<(Seq, Bytes)>, ArchiveError>;
    /// Notes a run's end.
    async fn end(&self, run: RunId, ending: &Ending) -> Result<(), ArchiveError>;
    /// One run, if this reader may see it.
    async fn get(&self, run: RunId, reader: UserId) -> Result<RunInfo, ArchiveError>;
    /// A user's runs, newest first.
    async fn list(
        &self,
        owner: UserId,
        state: Option<RunState>,
        page: PageQuery,
    ) -> Result<ListPage<RunInfo>, ArchiveError>;
    /// At start: gives what died with an earlier server the state `interrupted`, and says how many.
    async fn recover(&self) -> Result<u64, ArchiveError>;
}

/// What an archive can't do.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// There is no such run, or it is somebody else's.
    #[error("there is no such run")]
    NotFound,
    /// The cursor is none of this list.
    #[error("the cursor is none of this list")]
    BadCursor,
    /// No space is left.
    #[error("no space is left")]
    Full(#[source] Source),
    /// It can't be reached, or failed.
    #[error("the archive is unavailable")]
    Unavailable(#[source] Source),
}

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::NotFound => Self::not_found(),
            ArchiveError::BadCursor => Self::invalid("cursor", "is none of this list"),
            ArchiveError::Full(_) => {
                let status = http::StatusCode::INSUFFICIENT_STORAGE;
                Self::new(status, "storage_full", "the server's disk is full").because(error)
            }
            ArchiveError::Unavailable(_) => Self::unavailable("the server's store is unavailable; try again")
                .retry_after(Duration::from_secs(1))
                .because(error),
        }
    }
}
