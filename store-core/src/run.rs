//! Runs and their event logs.

mod log;

use crate::clock::Timestamp;
use crate::cost::Usd;
use crate::error::{Error, Result};
use crate::id::{RunId, UserId};
use crate::page::{Page, Paging};
use crate::session::SessionId;
use crate::store::{Store, on};
use crate::text;

pub use self::log::{EventRow, MAX_EVENTS_READ};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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

impl RunState {
    const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::WaitingApproval,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// Its name in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::WaitingApproval => "waiting_approval",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads what [`RunState::as_str`] gives.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::WaitingApproval)
    }
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

/// How a run may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was asked.
    Completed,
    /// It could not.
    Failed,
    /// It was stopped.
    Cancelled,
    /// Its server died.
    Interrupted,
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

impl From<Outcome> for RunState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Failed => Self::Failed,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Interrupted => Self::Interrupted,
        }
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// Its id, for good.
    pub id: RunId,
    /// Who started it.
    pub owner: UserId,
    /// What it does, in the server's words: `chat`, `claude`, `deployment`.
    pub kind: String,
    /// Where it stands.
    pub state: RunState,
    /// The Claude Code session it works in.
    pub session_id: Option<SessionId>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it cost; `None`: not known.
    pub cost: Option<Usd>,
    /// Why it failed.
    pub error: Option<String>,
    /// The number of its newest stored event, 0 before the first; once it ended, of its last one, stored or not.
    pub last_seq: u64,
    /// Whether everyone who has its id may read it.
    pub readable_by_id: bool,
}

/// A run to be opened.
#[derive(Debug, Clone)]
pub struct NewRun {
    id: RunId,
    kind: String,
    phase: Phase,
    session_id: Option<SessionId>,
    readable_by_id: bool,
}

impl NewRun {
    /// A run of this kind, which works at once.
    #[must_use]
    pub fn new(kind: impl Into<String>) -> Self {
        let kind = kind.into();
        Self { id: RunId::new(), kind, phase: Phase::Running, session_id: None, readable_by_id: false }
    }

    /// Under an id that is known already.
    #[must_use]
    pub fn id(mut self, id: RunId) -> Self {
        self.id = id;
        self
    }

    /// Waits for its turn first.
    #[must_use]
    pub fn queued(mut self) -> Self {
        self.phase = Phase::Queued;
        self
    }

    /// Works in this session.
    #[must_use]
    pub fn session(mut self, id: SessionId) -> Self {
        self.session_id = Some(id);
        self
    }

    /// Everyone who has its id may read it.
    #[must_use]
    pub fn readable_by_id(mut self) -> Self {
        self.readable_by_id = true;
        self
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// How.
    pub outcome: Outcome,
    /// What it cost; `None`: not known.
    pub cost: Option<Usd>,
    /// Why it failed.
    pub error: Option<String>,
    /// The session it worked in; `None` leaves what stands there.
    pub session_id: Option<SessionId>,
    /// The number of its last event, stored or not; a smaller one than the last stored leaves that.
    pub last_seq: u64,
}

impl Ending {
    /// An end without cost and error.
    #[must_use]
    pub const fn new(outcome: Outcome) -> Self {
        Self { outcome, cost: None, error: None, session_id: None, last_seq: 0 }
    }
}

/// Whose runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    Owner(UserId),
    All,
}

impl Scope {
    pub(crate) fn owner(self) -> Option<uuid::Uuid> {
        match self {
            Self::Owner(owner) => Some(owner.uuid()),
            Self::All => None,
        }
    }
}

/// Runs: one owner's, or all.
#[derive(Debug, Clone, Copy)]
pub struct Runs<'a> {
    pub(crate) store: &'a Store,
    pub(crate) scope: Scope,
}

impl Runs<'_> {
    /// One run. An owner also gets another's that is readable by its id.
    ///
    /// # Errors
    /// [`NotFound`](Error::NotFound).
    pub async fn get(self, id: RunId) -> Result<Run> {
        on!(self.store, db => db.run(self.scope, id).await)
    }

    /// The runs, newest first; those in one state, if it is given.
    ///
    /// # Errors
    /// [`Invalid`](Error::Invalid) for a cursor of another list.
    pub async fn list(self, state: Option<RunState>, paging: Paging) -> Result<Page<Run>> {
        on!(self.store, db => db.runs(self.scope, state, paging).await)
    }

    /// Opens a run.
    ///
    /// # Errors
    /// [`Taken`](Error::Taken) if the id is; [`NotFound`](Error::NotFound) if the owner is gone;
    /// [`Invalid`](Error::Invalid) for the kind, or across owners, where a run would be nobody's.
    pub async fn open(self, new: NewRun) -> Result<Run> {
        let Scope::Owner(owner) = self.scope else {
            return Err(Error::Invalid { field: "owner", reason: "is missing" });
        };
        text::name("kind", &new.kind)?;
        let run = Run {
            id: new.id,
            owner,
            kind: new.kind,
            state: new.phase.into(),
            session_id: new.session_id,
            created_at: self.store.now(),
            ended_at: None,
            cost: None,
            error: None,
            last_seq: 0,
            readable_by_id: new.readable_by_id,
        };
        on!(self.store, db => db.open_run(run).await)
    }

    /// Notes where an unfinished run stands.
    ///
    /// # Errors
    /// [`AlreadyEnded`](Error::AlreadyEnded), [`NotFound`](Error::NotFound).
    pub async fn set_state(self, id: RunId, phase: Phase) -> Result<()> {
        on!(self.store, db => db.set_run_phase(self.scope, id, phase).await)
    }

    /// Ends a run, once.
    ///
    /// # Errors
    /// [`AlreadyEnded`](Error::AlreadyEnded), [`NotFound`](Error::NotFound), [`Invalid`](Error::Invalid).
    pub async fn end(self, id: RunId, ending: Ending) -> Result<()> {
        text::text("error", ending.error.as_deref().unwrap_or_default())?;
        let now = self.store.now();
        on!(self.store, db => db.end_run((self.scope, id), ending, now).await)
    }
}
