//! Where deployments are recorded, so that a restart finds them.

mod book;
mod file;
mod memory;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::file::FileJournal;
pub use self::memory::MemoryJournal;

use super::Timestamp;
use super::effect::{Effect, Event};
use super::end::End;
use super::id::DeploymentId;
use super::plan::Plan;
use super::state::Operation;
use crate::error::Source;
use crate::id::ApplicationId;

/// Tells the wall time.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Durable records of deployments. What a method has returned is on disk.
///
/// It also says who works on what: one that works on a deployment holds it for the time of a lease, and renews that. A
/// name is taken from [`Journal::create`] until its deployment has failed or was destroyed.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Records a new deployment with [`Record::Planned`] at position 0, and holds it.
    ///
    /// # Errors
    /// [`JournalError::SameKey`] where its key and plan are known: it is that deployment; [`JournalError::KeyReused`]
    /// where the key is known with another plan; [`JournalError::NameTaken`].
    async fn create(&self, new: &NewDeployment, by: &Holder, lease: Duration) -> Result<(), JournalError>;

    /// Records the next thing of a deployment, at this position. After its end only [`Record::Asked`] is taken, and
    /// makes it unfinished.
    ///
    /// # Errors
    /// [`JournalError::Lost`] where the position isn't the next: someone else goes on with it.
    async fn append(&self, id: &DeploymentId, at: usize, record: &Record) -> Result<(), JournalError>;

    /// All records of a deployment, in order. In place of those before an end it may give one [`Record::Reached`].
    ///
    /// # Errors
    /// [`JournalError::NotFound`].
    async fn load(&self, id: &DeploymentId) -> Result<Vec<Record>, JournalError>;

    /// Holds all that nobody holds and that has work left: unfinished ones, and those that left something behind.
    ///
    /// # Errors
    /// Why it can't be said.
    async fn claim(&self, by: &Holder, lease: Duration) -> Result<Vec<DeploymentId>, JournalError>;

    /// Holds one deployment further on, or takes it if nobody holds it.
    ///
    /// # Errors
    /// [`JournalError::Lost`] where someone else holds it.
    async fn renew(&self, id: &DeploymentId, by: &Holder, lease: Duration) -> Result<(), JournalError>;

    /// Records the end, lets the deployment go, and frees its name if [`End::frees_name`].
    ///
    /// # Errors
    /// [`JournalError::NotFound`].
    async fn finish(&self, id: &DeploymentId, end: &End) -> Result<(), JournalError>;
}

/// A deployment to record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewDeployment {
    /// Its id.
    pub id: DeploymentId,
    /// What whoever asked for it calls it, so that asking twice makes one: unique over all who ask.
    pub key: Option<String>,
    /// What is deployed.
    pub plan: Plan,
}

/// Who holds deployments: one Deployer, from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder(Box<str>);

/// One thing that is recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// It is to be deployed. With the values of its variables.
    Planned {
        /// Its id.
        id: DeploymentId,
        /// What.
        plan: Box<Plan>,
    },
    /// A further operation was asked for.
    Asked {
        /// Which.
        operation: Operation,
        /// When.
        at: Timestamp,
    },
    /// This is done now. Only for what changes something.
    Began(Effect),
    /// This happened.
    Saw(Event),
    /// So it ended. It stands for all records up to here, so that a journal need not keep them.
    Reached(Box<Reached>),
}

/// How a deployment ended, and what is to be known of it for what comes next.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reached {
    /// For how many records it stands.
    pub records: usize,
    /// Its id.
    pub id: DeploymentId,
    /// Its plan without variables: nothing sends them any more.
    pub plan: Plan,
    /// How it ended.
    pub end: End,
    /// How far it was, in percent.
    pub progress: u8,
    /// When it was told something last.
    pub told_at: Timestamp,
    /// Its application, if it came so far.
    #[serde(default)]
    pub application: Option<ApplicationId>,
    /// Whether its host may have a DNS record.
    #[serde(default)]
    pub may_have_record: bool,
    /// Until when a create whose reply was lost may still take effect.
    #[serde(default)]
    pub unsettled_until: Option<Timestamp>,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A deployment of this name is there.
    #[error("the name is taken; take another")]
    NameTaken,
    /// The same was asked for before.
    #[error("that is deployment {0}")]
    SameKey(DeploymentId),
    /// The key was used for another plan.
    #[error("the idempotency key was used for another plan; take a new one")]
    KeyReused,
    /// Someone else goes on with the deployment.
    #[error("someone else works on this deployment")]
    Lost,
    /// There is no such deployment.
    #[error("there is no such deployment")]
    NotFound,
    /// Another process has the file.
    #[error("another process uses this journal; stop it, or choose another file")]
    InUse,
    /// What it tells is of another server.
    #[error("this journal is of another server, {server}; choose another file")]
    OtherServer {
        /// Which.
        server: String,
    },
    /// What is there isn't what was written.
    #[error("line {line} of the journal can't be read; restore the file from a copy")]
    Corrupt {
        /// Which line, from 1.
        line: usize,
    },
    /// The records of a deployment don't fit each other: another version of this crate may have written them.
    #[error("the records of {0} do not fit each other; go on with the version that wrote them")]
    Unfit(DeploymentId),
    /// It can't be written or read.
    #[error("the journal can't be used: {what}")]
    Unavailable {
        /// Doing what.
        what: &'static str,
        /// What the system said.
        source: Source,
    },
}

impl Record {
    /// How many records it is, or stands for.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Reached(reached) => reached.records,
            _ => 1,
        }
    }

    /// At which position the next one comes after these.
    pub(super) fn next_position(records: &[Self]) -> usize {
        records.iter().map(Self::count).sum()
    }
}

impl Holder {
    /// A holder of this name, which nobody else has.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
