//! Orders a job and waits for its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::patience::POLL;
use super::{Machine, Step};
use crate::deployer::Timestamp;
use crate::deployer::effect::{Effect, Failure, Jobs, RunStatus, Seen};
use crate::deployer::id::DeploymentId;
use crate::deployer::reason::Reason;
use crate::deployer::state::Operation;
use crate::id::{self, ApplicationId};

/// How often a job is ordered, where a restart of the server loses it.
const ORDERS: u32 = 2;

/// A job. It is found again by its mark, the description, which differs by each order.
///
/// A server that shows its queue (0.30) loses waiting jobs in a restart and cancels the running one; what neither queue
/// nor rows know is lost, and is ordered once more. The others keep their queue, but don't show it: there an order that
/// was answered for is never repeated, since it may wait behind others' jobs for as long as those take. One that was not
/// is repeated when no run shows for the time of a step: two jobs make the same stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    application: ApplicationId,
    is_again: bool,
    since: Timestamp,
    until: Timestamp,
    order: u32,
    is_acknowledged: bool,
    /// When it was sent last.
    sent: Timestamp,
    /// Runs that were there before, for servers that keep no description.
    before: Vec<id::DeploymentId>,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// Look which runs are there before.
    Note,
    Send,
    Await,
    /// Look why this run failed.
    Explain(id::DeploymentId),
}

impl Job {
    /// The first job of an application that only we know.
    pub(super) fn first(application: ApplicationId, at: Timestamp, limit: Duration) -> Self {
        Self {
            application,
            is_again: false,
            since: at,
            until: at.after(limit),
            order: 1,
            is_acknowledged: false,
            sent: at,
            before: Vec::new(),
            phase: Phase::Send,
        }
    }

    /// A further one.
    pub(super) fn again(application: ApplicationId, at: Timestamp, limit: Duration) -> Self {
        Self { is_again: true, phase: Phase::Note, ..Self::first(application, at, limit) }
    }

    pub(super) fn allow_until(&mut self, at: Timestamp) {
        self.until = at.max(self.until);
    }

    pub(super) fn effect(&self, id: &DeploymentId) -> Effect {
        let application = self.application.clone();
        match &self.phase {
            Phase::Note | Phase::Await => Effect::FindJobs(application),
            Phase::Send => Effect::Deploy { application, mark: self.mark(id), again: self.is_again },
            Phase::Explain(run) => Effect::ReadLog(run.clone()),
        }
    }

    fn mark(&self, id: &DeploymentId) -> String {
        format!("{} job {}-{}", id.description(), self.since.as_millis(), self.order)
    }

    fn with(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }
}

impl Machine {
    /// Sends the order.
    pub(super) fn order(&mut self, mut job: Job, at: Timestamp) {
        if at >= job.until {
            return self.fail(Reason::TimedOut, at);
        }
        job.sent = at;
        self.attempt(Step::Job(job.with(Phase::Send)), at);
    }

    pub(super) fn work(&mut self, mut job: Job, seen: Seen, at: Timestamp) {
        match (job.phase.clone(), seen) {
            (Phase::Note, Seen::Jobs(jobs)) => {
                job.before = jobs.runs.into_iter().map(|run| run.id).collect();
                self.order(job, at);
            }
            (Phase::Send, Seen::Done) => {
                self.may_make(&job);
                job.is_acknowledged = true;
                self.enter(Step::Job(job.with(Phase::Await)));
            }
            (Phase::Send, Seen::Failed(Failure::MaybeDone { after_ms })) => {
                self.may_make(&job);
                self.patience.pause_for(at, after_ms);
                self.patience.pause_until_at_most(job.until);
                self.enter(Step::Job(job.with(Phase::Await)));
            }
            (Phase::Await, Seen::Jobs(jobs)) => self.judge(job, &jobs, at),
            (Phase::Await, Seen::Failed(Failure::NotDone { after_ms } | Failure::MaybeDone { after_ms })) => {
                self.wait_for(&job, at);
                if matches!(self.step, Step::Job(_)) {
                    self.patience.pause_for(at, after_ms);
                }
            }
            (Phase::Explain(_), Seen::Log(reason)) => self.fail(reason, at),
            (Phase::Explain(_), Seen::Failed(failure)) => self.unexplained(&failure, at),
            (_, Seen::Failed(failure)) => self.failed(&Step::Job(job), &failure, at),
            _ => {}
        }
    }

    /// Decides by what is seen of the job.
    fn judge(&mut self, job: Job, jobs: &Jobs, at: Timestamp) {
        let mark = job.mark(&self.id);
        let run = jobs.run_of(&mark, &job.before);
        let has_ended = run.is_some_and(|run| run.status != RunStatus::Running);
        self.making = (!has_ended).then(|| jobs.app_name.clone());
        match run.map(|run| (run.status, &run.id)) {
            Some((RunStatus::Done, _)) => self.worked(at),
            Some((RunStatus::Error, run)) => {
                let phase = Phase::Explain(run.clone());
                self.enter(Step::Job(job.with(phase)));
            }
            Some((RunStatus::Running, _)) => self.wait_for(&job, at),
            Some((RunStatus::Cancelled, _)) if jobs.queue.is_some() => self.order_once_more(job, at),
            Some((RunStatus::Cancelled, _)) => self.fail(Reason::Cancelled, at),
            None => match &jobs.queue {
                Some(queue) if queue.contains(&mark) => self.wait_for(&job, at),
                Some(_) if job.is_acknowledged => self.order_once_more(job, at),
                Some(_) => self.order(job, at),
                None if self.is_order_lost(&job, at) => self.order(job, at),
                None => self.wait_for(&job, at),
            },
        }
    }

    /// Notes that a job may make the service.
    fn may_make(&mut self, job: &Job) {
        self.making.get_or_insert_with(|| job.application.as_str().to_owned());
    }

    /// Whether an order that was not answered for is taken for lost, where no queue tells. Who asks twice gets the same
    /// stack, who never asked gets none.
    fn is_order_lost(&self, job: &Job, at: Timestamp) -> bool {
        let is_due = at >= job.sent.after(self.plan.waits().step) && at < job.until;
        let order = job.clone().with(Phase::Send).effect(&self.id);
        !job.is_acknowledged && is_due && self.patience.may_try_again(&order)
    }

    /// A restart lost the job.
    fn order_once_more(&mut self, mut job: Job, at: Timestamp) {
        if job.order >= ORDERS {
            return self.fail(Reason::Cancelled, at);
        }
        (job.order, job.is_acknowledged) = (job.order + 1, false);
        self.order(job, at);
    }

    fn wait_for(&mut self, job: &Job, at: Timestamp) {
        if at >= job.until {
            return self.fail(Reason::TimedOut, at);
        }
        self.patience.wait(at, POLL);
    }

    fn unexplained(&mut self, failure: &Failure, at: Timestamp) {
        match failure {
            Failure::NotDone { after_ms } if !self.patience.is_over(at, self.plan.waits().step) => {
                self.patience.pause_for(at, *after_ms);
            }
            _ => self.fail(Reason::Unknown, at),
        }
    }

    fn worked(&mut self, at: Timestamp) {
        match self.operation {
            Operation::Deploy => self.check_health(at),
            _ if self.plan.health_url().is_some() => self.check_health(at),
            _ => self.complete(),
        }
    }
}
