//! The task of one deployment.

use std::error::Error;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Inner;
use super::log::Log;
use crate::deployer::effect::{Effect, Event, Seen};
use crate::deployer::id::DeploymentId;
use crate::deployer::journal::{JournalError, Record};
use crate::deployer::machine::{Machine, Next};
use crate::deployer::state::Operation;
use crate::deployer::timestamp::Timestamp;

/// How often within its time a lease is renewed.
const RENEWALS: u32 = 3;

/// A machine and how many records it has.
pub(super) struct Work {
    pub(super) machine: Machine,
    pub(super) next: Next,
    pub(super) position: usize,
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
    // What is dropped here in the midst of an effect is known to have begun.
    tokio::select! {
        () = inner.kill.cancelled() => {}
        result = run(&inner, work, &log) => if let Err(error) = result {
            tracing::error!(deployment = %id, error = &error as &dyn Error, "it is left to the journal");
        },
        () = hold(&inner, &id) => tracing::warn!(deployment = %id, "someone else goes on with it"),
    }
    inner.forget(&id, &log);
    log.send_modify(|log| log.end(None));
}

/// Holds the deployment; returns when it is lost.
async fn hold(inner: &Inner, id: &DeploymentId) {
    loop {
        tokio::time::sleep(inner.limits.lease / RENEWALS).await;
        let renewed = inner.journal.renew(id, &inner.holder, inner.limits.lease).await;
        if matches!(renewed, Err(JournalError::Lost)) {
            return;
        }
    }
}

async fn run(inner: &Inner, mut work: Work, log: &watch::Sender<Log>) -> Result<(), JournalError> {
    if !matches!(work.next, Next::Ended(_)) {
        let withdrawal = log.borrow().withdrawal().clone();
        let turn = tokio::select! {
            () = inner.stop.cancelled() => return Ok(()),
            turn = inner.active.acquire() => Some(turn),
            // What began nothing ends without a turn.
            () = withdrawal.cancelled(), if work.machine.has_begun_nothing() => None,
        };
        work = work.until_end(inner, log).await?;
        drop(turn);
    }
    // Each round has deleted all that can be, or the deployer stops.
    while let Next::Ended(end) = &work.next {
        let end = end.clone();
        // Recording an end once more after a crash does no harm.
        inner.journal.finish(work.machine.id(), &end).await?;
        let is_over = !end.has_work_left();
        if is_over {
            // Before the end is told: whoever hears of it may ask for an operation.
            inner.forget(work.machine.id(), log);
        }
        log.send_modify(|log| log.end(Some(end)));
        if is_over {
            return Ok(());
        }
        work = work.tidy(inner).await?.until_end(inner, log).await?;
    }
    Ok(())
}

impl Work {
    /// Works to the end, or until the deployer stops.
    async fn until_end(mut self, inner: &Inner, log: &watch::Sender<Log>) -> Result<Self, JournalError> {
        let withdrawal = log.borrow().withdrawal().clone();
        loop {
            log.send_if_modified(|log| log.note(self.machine.progress()));
            let can_be_withdrawn = self.machine.can_be_withdrawn();
            let seen = match &self.next {
                Next::Ended(_) => return Ok(self),
                _ if can_be_withdrawn && withdrawal.is_cancelled() => Seen::Withdrawn,
                Next::WaitUntil(until) => {
                    let wait = until.since(self.time.now());
                    tokio::select! {
                        () = inner.stop.cancelled() => return Ok(self),
                        () = withdrawal.cancelled(), if can_be_withdrawn => Seen::Withdrawn,
                        () = tokio::time::sleep(wait) => Seen::Waited,
                    }
                }
                Next::Do(_) if inner.stop.is_cancelled() => return Ok(self),
                Next::Do(effect) => {
                    let effect = effect.clone();
                    self.perform(inner, &effect).await?
                }
            };
            self = self.saw(inner, seen).await?;
        }
    }

    /// Does an effect, after the record that it begins.
    async fn perform(&mut self, inner: &Inner, effect: &Effect) -> Result<Seen, JournalError> {
        if effect.changes() {
            self.record(inner, &Record::Began(effect.clone())).await?;
        }
        Ok(inner.hands.perform(&self.machine, effect).await)
    }

    /// Tells the machine, after the record of it.
    async fn saw(mut self, inner: &Inner, seen: Seen) -> Result<Self, JournalError> {
        let event = Event::new(self.time.now(), seen);
        if self.machine.needs_record(&event.seen) {
            self.record(inner, &Record::Saw(event.clone())).await?;
        }
        let (machine, next) = self.machine.on(event);
        Ok(Self { machine, next, ..self })
    }

    async fn record(&mut self, inner: &Inner, record: &Record) -> Result<(), JournalError> {
        inner.journal.append(self.machine.id(), self.position, record).await?;
        self.position += 1;
        Ok(())
    }

    /// Goes on with what was left behind.
    async fn tidy(mut self, inner: &Inner) -> Result<Self, JournalError> {
        inner.journal.renew(self.machine.id(), &inner.holder, inner.limits.lease).await?;
        let at = self.time.now();
        let asked = Record::Asked { operation: Operation::Tidy, at };
        self.record(inner, &asked).await?;
        match self.machine.follow(Operation::Tidy, at) {
            Ok((machine, next)) => Ok(Self { machine, next, ..self }),
            Err(machine) => Ok(Self { next: machine.next(), machine: *machine, ..self }),
        }
    }
}
