//! What a machine has done for it, and what it is told.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::reason::Reason;
use crate::id::{self, ApplicationId, EnvironmentId, ProjectId};

/// The one thing to do next. It names rows only: the rest is in the plan, so a record of it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Look for projects of the plan's name, and for those with the deployment's description.
    FindProjects,
    /// Make the project, with the deployment's description.
    CreateProject,
    /// Remove a project of ours that has no applications.
    RemoveProject(ProjectId),
    /// Make the application in this place.
    CreateApplication(Place),
    /// Delete an application with its service.
    DeleteApplication(ApplicationId),
    /// Set image and variables.
    Configure(ApplicationId),
    /// See to it that the host has its DNS record.
    CreateRecord,
    /// See to it that the host has no DNS record of ours.
    DeleteRecord,
    /// Count the application's domains of the host.
    FindDomains(ApplicationId),
    /// Make the domain.
    CreateDomain(ApplicationId),
    /// Queue a job with this description.
    Deploy {
        /// Of this application.
        application: ApplicationId,
        /// The job's description.
        mark: String,
        /// Whether it is a redeployment, which pulls no image.
        again: bool,
    },
    /// Look at an application's jobs: first the queue, then the rows. A job that leaves the one for the other in between
    /// is seen twice rather than not at all.
    FindJobs(ApplicationId),
    /// Read the reason from a failed job's log.
    ReadLog(id::DeploymentId),
    /// Drop an application's jobs that wait.
    CleanQueues(ApplicationId),
    /// Stop its service.
    Stop(ApplicationId),
    /// Start its service.
    Start(ApplicationId),
    /// Ask the stack whether it answers.
    CheckHealth,
}

/// Where a new application goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Into this project.
    pub project: ProjectId,
    /// Into this environment of it, since 0.25.
    pub environment: Option<EnvironmentId>,
}

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub seen: Seen,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Seen {
    /// The effect was done.
    Done,
    /// To [`Effect::FindProjects`].
    Projects(Projects),
    /// To [`Effect::FindDomains`]: how many.
    Domains(usize),
    /// To [`Effect::FindJobs`].
    Jobs(Jobs),
    /// To [`Effect::ReadLog`].
    Log(Reason),
    /// To [`Effect::CheckHealth`]: whether it answers.
    Health(bool),
    /// The effect failed.
    Failed(Failure),
    /// Whoever did the effects is another one now.
    Interrupted {
        /// Whether the effect had begun: then it may have been done.
        begun: bool,
    },
    /// Whoever asked for the deployment wants it no more. Heeded until it is complete or rolled back.
    Withdrawn,
    /// The wait is over.
    Waited,
}

/// How an effect failed, by what comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failure {
    /// It may have been done: look.
    MaybeDone {
        /// The least wait that was told, in milliseconds.
        after_ms: u64,
    },
    /// It was not done, or only reads: repeat.
    NotDone {
        /// The least wait that was told, in milliseconds.
        after_ms: u64,
    },
    /// There is no such row.
    Gone,
    /// It was refused, and would be again.
    Refused(Reason),
}

/// The projects of a name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Projects {
    /// Those with the deployment's description, oldest first.
    pub ours: Vec<OurProject>,
    /// How many others have the name.
    pub others: usize,
}

/// A project with the deployment's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OurProject {
    /// Where a new application goes.
    pub place: Place,
    /// Its applications, in the order of their ids.
    pub applications: Vec<ApplicationId>,
}

/// The jobs of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jobs {
    /// The name of the application's service.
    pub app_name: String,
    /// The descriptions of its jobs that wait or run; `None` before 0.30, which doesn't tell.
    pub queue: Option<Vec<String>>,
    /// Whether the server keeps descriptions: not before 0.26.
    pub keeps_descriptions: bool,
    /// Its runs, newest first.
    pub runs: Vec<Run>,
}

/// A run of a job: what Dokploy calls a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: id::DeploymentId,
    /// Its description.
    pub mark: Option<String>,
    /// How far it is.
    pub status: RunStatus,
}

/// How far a run is. A word that isn't known is `Running`: it is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It runs, or did when the server was restarted.
    Running,
    /// The service was made or changed.
    Done,
    /// It failed.
    Error,
    /// The server was restarted in the midst of it.
    Cancelled,
}

impl Effect {
    /// Whether it changes something, so that it is recorded before it is done.
    #[must_use]
    pub fn changes(&self) -> bool {
        !matches!(
            self,
            Self::FindProjects
                | Self::FindDomains(_)
                | Self::FindJobs(_)
                | Self::ReadLog(_)
                | Self::CheckHealth
        )
    }
}

impl Event {
    /// This happened now.
    #[must_use]
    pub fn new(at: Timestamp, seen: Seen) -> Self {
        Self { at, seen }
    }
}

impl Jobs {
    /// The newest run of a job: the one with its description, or, on a server that keeps none, one that was not there
    /// before it.
    pub(super) fn run_of(&self, mark: &str, before: &[id::DeploymentId]) -> Option<&Run> {
        self.runs.iter().find(|run| match self.keeps_descriptions {
            true => run.mark.as_deref() == Some(mark),
            false => !before.contains(&run.id),
        })
    }

    /// Whether some job runs, or waits as far as that is told.
    pub(super) fn are_busy(&self) -> bool {
        let has_queued = self.queue.as_ref().is_some_and(|queue| !queue.is_empty());
        has_queued || self.runs.iter().any(|run| run.status == RunStatus::Running)
    }
}
