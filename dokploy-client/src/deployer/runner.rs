//! Runs deployments: each has a task that holds it, does what its machine says, and records that.

mod builder;
mod drive;
mod error;
mod handle;
mod log;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::builder::{DeployerBuilder, DeployerLimits};
pub use self::error::DeployError;
pub use self::handle::Deployment;
pub use self::log::ProgressStream;

use self::drive::{Time, Work, drive};
use self::log::Log;
use super::Timestamp;
use super::effect::{Event, Seen};
use super::id::DeploymentId;
use super::journal::{Clock, Holder, Journal, JournalError, NewDeployment, Record};
use super::machine::{Machine, Next, Replayed};
use super::perform::Hands;
use super::plan::Plan;
use super::state::Operation;
use crate::client::Client;

/// Runs deployments. `Clone`; owns their tasks, which go on when each clone and handle is dropped, until
/// [`Deployer::shutdown`].
#[derive(Clone)]
pub struct Deployer {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    hands: Hands,
    journal: Arc<dyn Journal>,
    clock: Clock,
    holder: Holder,
    limits: DeployerLimits,
    active: Semaphore,
    /// Tasks end before their next effect.
    stop: CancellationToken,
    /// Tasks end at once.
    kill: CancellationToken,
    tasks: TaskTracker,
    /// Of those that have a task. Its sender belongs to the task.
    logs: Mutex<HashMap<DeploymentId, watch::Receiver<Log>>>,
}

impl Deployer {
    /// A deployer on this server, with this journal.
    #[must_use]
    pub fn builder(client: Client, journal: Arc<dyn Journal>) -> DeployerBuilder {
        DeployerBuilder::new(client, journal)
    }

    /// Takes over what a crash left unfinished, and what was left behind; looks for more of it from then on, also after an
    /// error. Call it at the start: without it nothing is ever taken over.
    ///
    /// # Errors
    /// [`DeployError::Journal`] with the first reason why something could not be taken over. All else was.
    pub async fn resume(&self) -> Result<(), DeployError> {
        let result = self.take_over().await;
        let deployer = self.clone();
        let look = async move {
            while deployer.is_awake_after(deployer.inner.limits.lease).await {
                if let Err(error) = deployer.take_over().await {
                    tracing::warn!(error = &error as &dyn Error, "not all that was left can be taken over");
                }
            }
        };
        self.inner.tasks.spawn(look);
        result
    }

    /// Begins a deployment. It is recorded when this returns. Asked twice with one key, which must be unique over all
    /// who ask, it is the same deployment. Beyond [`DeployerLimits::active`] it waits for its turn.
    ///
    /// Dropped before, it may have been recorded: then it begins when its lease is over. Ask again with the key.
    ///
    /// # Errors
    /// [`DeployError::NameTaken`], [`DeployError::KeyReused`], or why nothing was begun.
    pub async fn deploy(&self, plan: Plan, key: Option<&str>) -> Result<Deployment, DeployError> {
        if self.inner.stop.is_cancelled() {
            return Err(DeployError::ShuttingDown);
        }
        if plan.address().is_some() && self.inner.hands.dns.is_none() {
            return Err(DeployError::NoZone);
        }
        let time = Time::from(self.inner.now());
        let id = DeploymentId::new(time.now(), random()?);
        let new = NewDeployment { id: id.clone(), key: key.map(Into::into), plan };
        let (machine, next) = Machine::new(id.clone(), new.plan.clone());
        // Before it is recorded: whoever asks with the same key at the same time finds it.
        let log = self.inner.open_log(&machine);
        match self.inner.journal.create(&new, &self.inner.holder, self.inner.limits.lease).await {
            Ok(()) => Ok(self.begin(Work { machine, next, position: 1, begun: None, time }, log)),
            Err(error) => {
                self.inner.forget(&id, &log);
                match error {
                    JournalError::SameKey(known) => self.deployment(&known).await,
                    error => Err(error.into()),
                }
            }
        }
    }

    /// A deployment that is known. One that another deployer holds is shown as it is now; its progress ends there.
    ///
    /// # Errors
    /// [`DeployError::NotFound`], [`DeployError::Journal`].
    pub async fn deployment(&self, id: &DeploymentId) -> Result<Deployment, DeployError> {
        if let Some(log) = self.inner.log(id) {
            return Ok(Deployment::new(self.clone(), id.clone(), log));
        }
        let work = self.load(id).await?.0;
        let mut log = Log::of(&work.machine);
        if let Next::Ended(end) = work.next {
            log.end(work.machine.progress(), end);
        }
        Ok(Deployment::new(self.clone(), id.clone(), watch::channel(log).1))
    }

    /// How many deployments have a task: those that are worked on or wait for their turn, and those that left something
    /// behind.
    #[must_use]
    pub fn active(&self) -> usize {
        self.inner.with_logs(|logs| logs.values().filter(|log| is_open(log)).count())
    }

    /// Begins nothing more, and waits until each task is between two effects, but no longer than this. What isn't
    /// finished is left to the journal.
    pub async fn shutdown(&self, deadline: Duration) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(deadline, self.inner.tasks.wait()).await.is_err() {
            self.inner.kill.cancel();
            self.inner.tasks.wait().await;
        }
    }

    /// Begins an operation on what has ended.
    pub(super) async fn operate(
        &self,
        id: &DeploymentId,
        operation: Operation,
    ) -> Result<Deployment, DeployError> {
        if self.inner.stop.is_cancelled() {
            return Err(DeployError::ShuttingDown);
        }
        if self.inner.log(id).is_some() {
            return Err(DeployError::Busy);
        }
        // What has not ended is not held, so that it can be taken over.
        self.load_ended(id).await?;
        self.inner.journal.renew(id, &self.inner.holder, self.inner.limits.lease).await?;
        let work = self.load_ended(id).await?;
        let at = work.time.now();
        let (machine, next) = work.machine.follow(operation, at).map_err(|_| DeployError::NotNow)?;
        self.inner.journal.append(id, work.position, &Record::Asked { operation, at }).await?;
        let log = self.inner.open_log(&machine);
        Ok(self.begin(Work { machine, next, position: work.position + 1, ..work }, log))
    }

    /// Begins with all that can be; the first failure is told.
    async fn take_over(&self) -> Result<(), DeployError> {
        let claimed = self.inner.journal.claim(&self.inner.holder, self.inner.limits.lease).await?;
        let mut result = Ok(());
        for id in claimed {
            // One that has a task is held by it.
            if self.inner.log(&id).is_none() {
                result = result.and(self.take_over_one(&id).await);
            }
        }
        result
    }

    async fn take_over_one(&self, id: &DeploymentId) -> Result<(), DeployError> {
        let (mut work, begun) = self.load(id).await?;
        if !matches!(work.next, Next::Ended(_)) {
            let event = Event::new(work.time.now(), Seen::Interrupted { begun });
            self.inner.journal.append(id, work.position, &Record::Saw(event.clone())).await?;
            let (machine, next) = work.machine.on(event);
            work = Work { machine, next, position: work.position + 1, ..work };
        }
        let log = self.inner.open_log(&work.machine);
        self.begin(work, log);
        Ok(())
    }

    async fn load_ended(&self, id: &DeploymentId) -> Result<Work, DeployError> {
        let (work, _) = self.load(id).await?;
        if matches!(work.next, Next::Ended(_)) { Ok(work) } else { Err(DeployError::Busy) }
    }

    async fn load(&self, id: &DeploymentId) -> Result<(Work, bool), DeployError> {
        let records = self.inner.journal.load(id).await?;
        let replayed = Machine::replay(&records).map_err(|error| {
            tracing::error!(deployment = %id, error = &error as &dyn Error, "it can't be gone on with");
            JournalError::Unfit(id.clone())
        })?;
        let Replayed { machine, next, begun, position } = replayed;
        let time = Time::from(self.inner.now().max(machine.told_at()));
        Ok((Work { machine, next, position, begun: None, time }, begun))
    }

    fn begin(&self, work: Work, log: watch::Sender<Log>) -> Deployment {
        let deployment = Deployment::new(self.clone(), work.machine.id().clone(), log.subscribe());
        self.inner.tasks.spawn(drive(Arc::clone(&self.inner), work, log));
        deployment
    }

    /// Waits; `false` when it is time to stop.
    async fn is_awake_after(&self, wait: Duration) -> bool {
        tokio::select! {
            () = self.inner.stop.cancelled() => false,
            () = tokio::time::sleep(wait) => true,
        }
    }
}

impl Inner {
    fn now(&self) -> Timestamp {
        Timestamp::from((self.clock)())
    }

    fn log(&self, id: &DeploymentId) -> Option<watch::Receiver<Log>> {
        self.with_logs(|logs| logs.get(id).filter(|log| is_open(log)).cloned())
    }

    fn open_log(&self, machine: &Machine) -> watch::Sender<Log> {
        let (sender, receiver) = watch::channel(Log::of(machine));
        self.with_logs(|logs| logs.insert(machine.id().clone(), receiver));
        sender
    }

    /// Takes this log out, unless another one has its place.
    fn forget(&self, id: &DeploymentId, log: &watch::Sender<Log>) {
        self.with_logs(|logs| {
            if logs.get(id).is_some_and(|known| known.same_channel(&log.subscribe())) {
                logs.remove(id);
            }
        });
    }

    fn with_logs<T>(&self, work: impl FnOnce(&mut HashMap<DeploymentId, watch::Receiver<Log>>) -> T) -> T {
        work(&mut self.logs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether its sender is there: its task, or whoever is about to begin it.
fn is_open(log: &watch::Receiver<Log>) -> bool {
    log.has_changed().is_ok()
}

/// 128 random bits from the operating system.
fn random() -> Result<u128, DeployError> {
    let mut bytes = [0; 16];
    let filled = default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| crate::error::Error::System {
        what: "the system gave no random bits",
        source: "it failed".into(),
    })?;
    Ok(u128::from_be_bytes(bytes))
}

impl fmt::Debug for Deployer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployer").field("holder", &self.inner.holder).finish_non_exhaustive()
    }
}
