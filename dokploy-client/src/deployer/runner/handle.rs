//! What callers hold of a deployment.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::log::{Log, ProgressStream};
use super::{DeployError, Deployer};
use crate::client::Tail;
use crate::deployer::end::End;
use crate::deployer::id::DeploymentId;
use crate::deployer::plan::Plan;
use crate::deployer::state::{Operation, Progress, State};

/// A handle of one operation on a deployment. Dropping it stops nothing.
#[derive(Clone)]
pub struct Deployment {
    deployer: Deployer,
    id: DeploymentId,
    log: watch::Receiver<Log>,
}

impl Deployment {
    pub(super) fn new(deployer: Deployer, id: DeploymentId, log: watch::Receiver<Log>) -> Self {
        Self { deployer, id, log }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &DeploymentId {
        &self.id
    }

    /// What is deployed. Of one that ended before this deployer came, without variables.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        Arc::clone(self.log.borrow().plan())
    }

    /// All its states from the beginning of the operation on.
    #[must_use]
    pub fn progress(&self) -> ProgressStream {
        ProgressStream::new(self.log.clone())
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> Progress {
        self.log.borrow().last()
    }

    /// Waits for its end; `None` where the deployer stops before. Cancel safe.
    pub async fn ended(&self) -> Option<End> {
        let mut log = self.log.clone();
        let log = log.wait_for(|log| log.over().is_some()).await.ok()?;
        log.over().cloned().flatten()
    }

    /// Gives up a deployment that is not complete: what it made is removed. Returns when that is recorded, which is after
    /// the call that is under way; its end comes later, [`Failed`](crate::deployer::Failed) with
    /// [`Reason::Withdrawn`](crate::deployer::Reason::Withdrawn). One that fails already goes on with that.
    ///
    /// # Errors
    /// [`DeployError::NotNow`] where it is complete, or this is a further operation; [`DeployError::Busy`] where another
    /// deployer works on it; [`DeployError::ShuttingDown`] where this one stops before it is recorded.
    pub async fn withdraw(&self) -> Result<(), DeployError> {
        let mut log = self.log.clone();
        if log.borrow().over().is_none() && self.deployer.inner.log(&self.id).is_none() {
            return Err(DeployError::Busy);
        }
        log.borrow().withdrawal().cancel();
        let is_answer = |log: &Log| log.over().is_some() || !log.last().status.is_on_the_way();
        let log = log.wait_for(is_answer).await.map_err(|_| DeployError::ShuttingDown)?;
        match log.over() {
            Some(Some(end @ End::Failed(_))) if end.frees_name() => Ok(()),
            None | Some(None) if log.last().status == State::RollingBack => Ok(()),
            Some(None) => Err(DeployError::ShuttingDown),
            None | Some(Some(_)) => Err(DeployError::NotNow),
        }
    }

    /// Has Dokploy deploy it again, without a pull of the image. If that fails, the stack stays as it is.
    ///
    /// # Errors
    /// [`DeployError::Busy`], [`DeployError::NotNow`], or why nothing was begun.
    pub async fn redeploy(&self) -> Result<Self, DeployError> {
        self.deployer.operate(&self.id, Operation::Redeploy).await
    }

    /// Stops its service.
    ///
    /// # Errors
    /// As [`Deployment::redeploy`].
    pub async fn stop(&self) -> Result<Self, DeployError> {
        self.deployer.operate(&self.id, Operation::Stop).await
    }

    /// Starts its service, and waits until it answers.
    ///
    /// # Errors
    /// As [`Deployment::redeploy`].
    pub async fn start(&self) -> Result<Self, DeployError> {
        self.deployer.operate(&self.id, Operation::Start).await
    }

    /// Deletes all of it, with whatever else was put into its project. Its name is free then.
    ///
    /// # Errors
    /// As [`Deployment::redeploy`].
    pub async fn destroy(&self) -> Result<Self, DeployError> {
        self.deployer.operate(&self.id, Operation::Destroy).await
    }

    /// The end of its last job's log; `None` where there is none. It is what commands wrote: for whoever may see the
    /// stack.
    ///
    /// # Errors
    /// [`DeployError::Dokploy`], also where the server is older than 0.29.5; [`DeployError::Journal`].
    pub async fn logs(&self) -> Result<Option<String>, DeployError> {
        let (work, _) = self.deployer.load(&self.id).await?;
        let hands = &self.deployer.inner.hands;
        let projects = hands.projects(&self.id, work.machine.plan()).await?;
        let Some(application) = work.machine.application(&projects) else { return Ok(None) };
        let jobs = hands.jobs(application).await?;
        let Some(run) = jobs.runs.first() else { return Ok(None) };
        Ok(Some(hands.client.deployments().read_logs(&run.id, Tail::usual()).await?))
    }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment")
            .field("id", &self.id)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
