//! Deployments, their logs and the queue.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Client;
use super::call::Call;
use super::version::Version;
use crate::error::{Error, Result};
use crate::id::{ApplicationId, DeploymentId, JobId};
use crate::open_enum::open_enum;
use crate::time;

/// The calls about deployments.
#[derive(Debug, Clone, Copy)]
pub struct Deployments<'a> {
    pub(super) client: &'a Client,
}

/// A deployment: one run of a job. There is none until its job starts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Deployment {
    /// Its id.
    #[serde(rename = "deploymentId")]
    pub id: DeploymentId,
    /// The title it was asked for with; 0.24 has its own.
    pub title: String,
    /// The description it was asked for with, by which it is found again; 0.24 drops it.
    pub description: Option<String>,
    /// How far it is. It may stay `running` for ever where the server was restarted.
    pub status: DeploymentStatus,
    /// The application.
    pub application_id: Option<ApplicationId>,
    /// When it was made.
    #[serde(deserialize_with = "time::rfc3339")]
    pub created_at: SystemTime,
    /// When it started.
    #[serde(default, deserialize_with = "time::rfc3339_or_null")]
    pub started_at: Option<SystemTime>,
    /// When it ended.
    #[serde(default, deserialize_with = "time::rfc3339_or_null")]
    pub finished_at: Option<SystemTime>,
}

open_enum! {
    /// How far a deployment is.
    DeploymentStatus {
        /// It runs, or did when the server was restarted.
        Running = "running",
        /// The service was made or changed; whether its container runs and answers is another matter.
        Done = "done",
        /// It failed; only the log says why.
        Error = "error",
        /// The server was restarted in the midst of it.
        Cancelled = "cancelled",
    }
}

/// A job that waits or runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct QueuedJob {
    /// Its id.
    pub id: JobId,
    /// Whether it waits or runs.
    pub state: JobState,
    /// When it was queued.
    #[serde(default, rename = "timestamp", deserialize_with = "time::millis_or_null")]
    pub queued_at: Option<SystemTime>,
    /// When it started.
    #[serde(default, rename = "processedOn", deserialize_with = "time::millis_or_null")]
    pub started_at: Option<SystemTime>,
    data: Option<JobData>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobData {
    application_id: Option<ApplicationId>,
    title_log: Option<String>,
    description_log: Option<String>,
}

open_enum! {
    /// Whether a job waits or runs.
    JobState {
        /// It waits: one job runs at a time.
        Waiting = "waiting",
        /// It runs.
        Active = "active",
    }
}

/// How many lines of a log are read, from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tail(Option<u16>);

impl Deployments<'_> {
    /// Those of an application, newest first; Dokploy keeps about ten. For an application that there isn't, there are
    /// none since 0.30; before, it is [`Error::NotFound`].
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn all(&self, application: &ApplicationId) -> Result<Vec<Deployment>> {
        self.client.ask(Call::query("deployment.all").with("applicationId", application)).await
    }

    /// Ends the process of a run, and the run with it as `error`. Only runs of schedules have one that Dokploy knows:
    /// for the deployment of an application it is [`Error::Rejected`].
    ///
    /// # Errors
    /// [`Error::MaybeDone`] where it may have been ended, or why it was not.
    pub async fn kill_process(&self, id: &DeploymentId) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            deployment_id: &'a DeploymentId,
        }
        let body = Body { deployment_id: id };
        self.client.order(Call::mutation("deployment.killProcess", &body, self.client.limits())?).await
    }

    /// The end of a deployment's log. It is what commands wrote: for whoever may see the application.
    ///
    /// # Errors
    /// [`Error::Unsupported`] before 0.29.5, [`Error::NotFound`], or why there is no answer.
    pub async fn read_logs(&self, id: &DeploymentId, tail: Tail) -> Result<String> {
        let call = Call::query("deployment.readLogs").with("deploymentId", id);
        self.client.ask(tail.of(call).needing(Version::has_logs)).await
    }

    /// The jobs of the whole server that wait or run, newest first.
    ///
    /// # Errors
    /// [`Error::Unsupported`] before 0.30, or why there is no answer.
    pub async fn queue(&self) -> Result<Vec<QueuedJob>> {
        self.client.ask(Call::query("deployment.queueList").needing(Version::has_queue)).await
    }
}

impl DeploymentStatus {
    /// Whether it will stay so.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done | Self::Error | Self::Cancelled)
    }
}

impl QueuedJob {
    /// The application, where it is one that the job is for.
    #[must_use]
    pub fn application_id(&self) -> Option<&ApplicationId> {
        self.data.as_ref()?.application_id.as_ref()
    }

    /// The title it was asked for with.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.data.as_ref()?.title_log.as_deref()
    }

    /// The description it was asked for with, which its deployment will have.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.data.as_ref()?.description_log.as_deref()
    }
}

impl Tail {
    /// As many lines as the server tells by itself: 100.
    #[must_use]
    pub fn usual() -> Self {
        Self(None)
    }

    /// So many lines, 1 to 10,000.
    ///
    /// # Errors
    /// [`Error::Invalid`] beyond that.
    pub fn lines(lines: u16) -> Result<Self> {
        if !(1..=10_000).contains(&lines) {
            return Err(Error::invalid("tail", "it must be 1 to 10,000 lines"));
        }
        Ok(Self(Some(lines)))
    }

    pub(super) fn of(self, call: Call) -> Call {
        match self.0 {
            Some(lines) => call.with("tail", lines),
            None => call,
        }
    }
}
