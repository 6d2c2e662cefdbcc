//! How a machine ends.

use serde::{Deserialize, Serialize};

use super::reason::Reason;
use super::state::State;
use crate::id::{ApplicationId, ProjectId};

/// The one end of a deployment, or of an operation on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// The stack is there.
    Completed,
    /// Its service is stopped.
    Stopped,
    /// All of it is gone.
    Destroyed,
    /// It failed.
    Failed(Failed),
}

/// How it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failed {
    /// What was being done.
    pub step: State,
    /// Why that failed.
    pub reason: Reason,
    /// What is left behind. Empty where all was deleted, and where nothing was to be.
    pub leaks: Vec<Leak>,
}

/// Something that was left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Leak {
    /// A project that could not be deleted.
    Project(ProjectId),
    /// An application that could not be deleted.
    Application(ApplicationId),
    /// The DNS record of the stack's host may be there.
    Record,
    /// Dokploy could not be asked what is there: a project with the deployment's description may be.
    Unseen,
    /// A service of this name may be there: its row was deleted while its job may have run, and nothing in Dokploy
    /// tells of it any more.
    Service(String),
}

impl End {
    /// The state that people see.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::Completed => State::Completed,
            Self::Stopped => State::Stopped,
            Self::Destroyed => State::Destroyed,
            Self::Failed(_) => State::Failed,
        }
    }

    /// Whether the name may be taken again. An operation that failed leaves the stack its name.
    #[must_use]
    pub fn frees_name(&self) -> bool {
        match self {
            Self::Destroyed => true,
            Self::Failed(failed) => {
                !matches!(failed.step, State::Redeploying | State::Stopping | State::Starting)
            }
            Self::Completed | Self::Stopped => false,
        }
    }

    /// What is left behind.
    #[must_use]
    pub fn leaks(&self) -> &[Leak] {
        match self {
            Self::Failed(failed) => &failed.leaks,
            _ => &[],
        }
    }

    /// Whether something is left that can still be deleted.
    #[must_use]
    pub fn has_work_left(&self) -> bool {
        self.leaks().iter().any(Leak::can_be_deleted)
    }
}

impl Failed {
    pub(super) fn new(step: State, reason: Reason, leaks: Vec<Leak>) -> Self {
        Self { step, reason, leaks }
    }
}

impl Leak {
    /// Whether deleting it is tried again.
    #[must_use]
    pub fn can_be_deleted(&self) -> bool {
        !matches!(self, Self::Service(_))
    }
}
