//! The task of one deployment.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Inner;
use super::log::Log;
use crate::deployer::effect::{Effect, Event, Failure, Seen};
use crate::deployer::id::DeploymentId;
use crate::deployer::journal::{JournalError, Record};
use crate::deployer::machine::{Machine, Next};
use crate::deployer::state::Operation;
use crate::deployer::timestamp::Timestamp;

/// How often within its time a lease is renewed.
const RENEWALS: u32 = 3;

/// For a look for what was left behind, so that it is not still waited for when the server answers again.
const TIDY_LOOK: Duration = Duration::from_secs(3);

/// A machine and how many records it has.
pub(super) struct Work {
    pub(super) machine: Machine,
    pub(super) next: Next,
    pub(super) position: usize,
    /// The effect of the last record, if that says that it begins.
    pub(super) begun: Option<Effect>,
    pub(super) time: Time,
}

/// The time of a machine: from a wall time on it goes as fast as time does, whatever becomes of the wall clock.
#[derive(Clone, Copy)]
pub(super) struct Time {
    from: Timestamp,
    since: Instant,
}

impl Time {
    pub(super) fn from(at: Timestamp) -> Self {
        Self { from: at, since: Instant::now() }
    }

    pub(super) fn now(self) -> Timestamp {
        self.from.after(self.since.elapsed())
    }
}

/// Works on a deployment to its end, until the deployer stops, the journal fails, or someone else has it. In the last
/// three cases whoever claims it next goes on.
pub(super) async fn drive(inner: Arc<Inner>, work: Work, log: watch::Sender<Log>) {
    let id = work.machine.id().clone();
    let task = Task { inner: &inner, id: &id, log: &log, held_since: Mutex::new(Instant::now()) };
    // What is dropped here in the midst of an effect is known to have begun.
    tokio::select! {
        () = inner.kill.cancelled() => {}
        result = task.run(work) => if let Err(error) = result {
            tracing::error!(deployment = %id, error = &error as &dyn Error, "it is left to the journal");
        },
        () = task.hold() => tracing::warn!(deployment = %id, "someone else goes on with it"),
    }
    inner.forget(&id, &log);
    log.send_modify(Log::leave);
}

/// What works on one deployment.
struct Task<'a> {
    inner: &'a Inner,
    id: &'a DeploymentId,
    log: &'a watch::Sender<Log>,
    /// When the lease was renewed last.
    held_since: Mutex<Instant>,
}

impl Task<'_> {
    /// Holds the deployment; returns when it is lost.
    async fn hold(&self) {
        loop {
            tokio::time::sleep(self.inner.limits.lease / RENEWALS).await;
            if matches!(self.renew().await, Err(JournalError::Lost)) {
                return;
            }
        }
    }

    async fn renew(&self) -> Result<(), JournalError> {
        let now = Instant::now();
        self.inner.journal.renew(self.id, &self.inner.holder, self.inner.limits.lease).await?;
        *self.held_since.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// Where this process stood still for most of a lease: makes sure that nobody went on with the deployment meanwhile.
    async fn still_hold(&self, position: usize) -> Result<(), JournalError> {
        let since = *self.held_since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.elapsed() < self.inner.limits.lease / RENEWALS * 2 {
            return Ok(());
        }
        self.renew().await?;
        let records = self.inner.journal.load(self.id).await?;
        if Record::next_position(&records) == position { Ok(()) } else { Err(JournalError::Lost) }
    }

    async fn run(&self, mut work: Work) -> Result<(), JournalError> {
        if work.machine.failed_before().is_some() {
            // What was left behind keeps nobody waiting.
            work = self.until_end(work).await?;
        } else if !matches!(work.next, Next::Ended(_)) {
            let withdrawal = self.log.borrow().withdrawal().clone();
            let turn = tokio::select! {
                () = self.inner.stop.cancelled() => return Ok(()),
                turn = self.inner.active.acquire() => Some(turn),
                // What began nothing ends without a turn.
                () = withdrawal.cancelled(), if work.machine.has_begun_nothing() => None,
            };
            work = self.until_end(work).await?;
            drop(turn);
        }
        // Each round has deleted all that can be, or the deployer stops.
        while let Next::Ended(end) = &work.next {
            let end = end.clone();
            self.still_hold(work.position).await?;
            // Recording an end once more after a crash does no harm.
            self.inner.journal.finish(self.id, &end).await?;
            let is_over = !end.has_work_left();
            if is_over {
                // Before the end is told: whoever hears of it may ask for an operation.
                self.inner.forget(self.id, self.log);
            }
            self.log.send_modify(|log| log.end(work.machine.progress(), end));
            if is_over {
                return Ok(());
            }
            work = self.tidy(work).await?;
        }
        Ok(())
    }

    /// Works to the end, or until the deployer stops.
    async fn until_end(&self, mut work: Work) -> Result<Work, JournalError> {
        let withdrawal = self.log.borrow().withdrawal().clone();
        loop {
            if !matches!(work.next, Next::Ended(_)) {
                self.log.send_if_modified(|log| log.note(work.machine.progress()));
            }
            let can_be_withdrawn = work.machine.can_be_withdrawn();
            let seen = match &work.next {
                Next::Ended(_) => return Ok(work),
                _ if can_be_withdrawn && withdrawal.is_cancelled() => Seen::Withdrawn,
                Next::WaitUntil(until) => {
                    let wait = until.since(work.time.now());
                    tokio::select! {
                        () = self.inner.stop.cancelled() => return Ok(work),
                        () = withdrawal.cancelled(), if can_be_withdrawn => Seen::Withdrawn,
                        () = tokio::time::sleep(wait) => Seen::Waited,
                    }
                }
                Next::Do(_) if self.inner.stop.is_cancelled() => return Ok(work),
                Next::Do(effect) => {
                    let effect = effect.clone();
                    self.perform(&mut work, &effect).await?
                }
            };
            work = self.saw(work, seen).await?;
        }
    }

    /// Does an effect, after the record that it begins; one record is enough where it is tried in vain.
    async fn perform(&self, work: &mut Work, effect: &Effect) -> Result<Seen, JournalError> {
        if effect.changes() {
            if work.begun.as_ref() != Some(effect) {
                self.record(work, &Record::Began(effect.clone())).await?;
                work.begun = Some(effect.clone());
            }
            self.still_hold(work.position).await?;
        }
        let done = self.inner.hands.perform(&work.machine, effect);
        if *effect == Effect::FindProjects && work.machine.failed_before().is_some() {
            let seen = tokio::time::timeout(TIDY_LOOK, done).await;
            return Ok(seen.unwrap_or(Seen::Failed(Failure::NotDone { after_ms: 0 })));
        }
        Ok(done.await)
    }

    /// Tells the machine, after the record of it.
    async fn saw(&self, mut work: Work, seen: Seen) -> Result<Work, JournalError> {
        let event = Event::new(work.time.now(), seen);
        if work.machine.needs_record(&event) {
            self.record(&mut work, &Record::Saw(event.clone())).await?;
            work.begun = None;
        }
        let (machine, next) = work.machine.on(event);
        Ok(Work { machine, next, ..work })
    }

    async fn record(&self, work: &mut Work, record: &Record) -> Result<(), JournalError> {
        self.inner.journal.append(self.id, work.position, record).await?;
        work.position += 1;
        Ok(())
    }

    /// Goes on with what was left behind.
    async fn tidy(&self, mut work: Work) -> Result<Work, JournalError> {
        self.renew().await?;
        let at = work.time.now();
        let asked = Record::Asked { operation: Operation::Tidy, at };
        self.record(&mut work, &asked).await?;
        work = match work.machine.follow(Operation::Tidy, at) {
            Ok((machine, next)) => Work { machine, next, ..work },
            Err(machine) => Work { next: machine.next(), machine: *machine, ..work },
        };
        self.until_end(work).await
    }
}
