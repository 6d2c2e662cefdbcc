//! Decides what a deployment does next.
//!
//! A [`Machine`] has no clock and does nothing itself: [`Machine::on`] takes what happened and tells the one next thing to
//! do. It trusts no reply. Before and after each create it looks at what is there ([`step`]), so a create whose reply
//! was lost is found, one that took effect twice is mended, and two deployers that want one name see each other.
//!
//! - `step`: what is done next, and under which state people see it
//! - `job`: orders a job and waits for its end
//! - `removal`: deletes all that is ours, for a roll-back, a destroy, and what was left behind
//! - `patience`: how often, how long and with which pauses something is tried

mod job;
mod patience;
mod removal;
mod replay;
mod step;

use serde::{Deserialize, Serialize};

pub use self::replay::{Replayed, Unfit};

use self::job::Job;
use self::patience::{POLL, Patience, SETTLES};
use self::removal::Removal;
use self::step::Step;
use super::Timestamp;
use super::effect::{Effect, Event, Failure, Projects, Seen};
use super::end::{End, Failed};
use super::id::DeploymentId;
use super::journal::Reached;
use super::plan::Plan;
use super::reason::Reason;
use super::state::{Operation, Progress, State};
use crate::id::ApplicationId;

/// How often the project is made at most: someone may remove it each time.
const MAX_PROJECTS: u32 = 10;

/// One operation on one deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    id: DeploymentId,
    plan: Plan,
    operation: Operation,
    step: Step,
    patience: Patience,
    state: State,
    percent: u8,
    /// Whether something may have been made.
    has_touched: bool,
    may_have_record: bool,
    /// The application that was set up. An empty one may stand beside it: a create that took effect much later.
    application: Option<ApplicationId>,
    /// The service, or its application, that a job which has no end yet may make.
    making: Option<String>,
    /// Until when a create whose reply was lost may still take effect.
    unsettled_until: Option<Timestamp>,
    /// When it was told something last.
    told_at: Timestamp,
    /// How it failed, while what that left is deleted: nothing of that is progress.
    failed: Option<End>,
    /// How often the project was made.
    projects: u32,
}

/// The one next thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Do this, and say what came of it.
    Do(Effect),
    /// Wait until then, and say [`Seen::Waited`].
    WaitUntil(Timestamp),
    /// Nothing: it is over.
    Ended(End),
}

impl Machine {
    /// A deployment that begins.
    #[must_use]
    pub fn new(id: DeploymentId, plan: Plan) -> (Self, Next) {
        let (step, state) = (Step::Look, State::Initializing);
        let machine = Self {
            id,
            plan,
            operation: Operation::Deploy,
            step,
            patience: Patience::default(),
            state,
            percent: state.percent(),
            has_touched: false,
            may_have_record: false,
            application: None,
            making: None,
            unsettled_until: None,
            told_at: Timestamp::from_millis(0),
            failed: None,
            projects: 0,
        };
        let next = machine.next();
        (machine, next)
    }

    /// The machine of a further operation, on what this one left.
    ///
    /// # Errors
    /// This machine as it is, where it has not ended or the operation is none for its end: what is gone can't be
    /// stopped, and only what is left behind can be tidied up.
    pub fn follow(mut self, operation: Operation, at: Timestamp) -> Result<(Self, Next), Box<Self>> {
        let Step::Ended(end) = self.step.clone() else { return Err(Box::new(self)) };
        let removal = Removal::new(at.after(self.plan.waits().rollback_wait), self.may_have_record);
        let (state, step) = match operation {
            Operation::Tidy if end.has_work_left() => (State::Failed, Step::Remove(removal.of_leaks(&end))),
            Operation::Tidy | Operation::Deploy => return Err(Box::new(self)),
            _ if end.frees_name() => return Err(Box::new(self)),
            Operation::Destroy => (State::Destroying, Step::Remove(removal)),
            Operation::Redeploy => (State::Redeploying, Step::Look),
            Operation::Stop => (State::Stopping, Step::Look),
            Operation::Start => (State::Starting, Step::Look),
        };
        (self.operation, self.step, self.patience) = (operation, step, Patience::default());
        self.told_at = at;
        self.state = state;
        if operation == Operation::Tidy {
            self.failed = Some(end);
        } else {
            (self.failed, self.percent) = (None, state.percent());
        }
        let next = self.next();
        Ok((self, next))
    }

    /// Takes what happened. What doesn't belong to the step is ignored.
    #[must_use]
    pub fn on(mut self, event: Event) -> (Self, Next) {
        let Event { at, seen } = event;
        self.told_at = at;
        match seen {
            Seen::Waited => self.patience.wake(at),
            Seen::Interrupted { begun } => {
                self.patience.forgive();
                self.step.allow_until(at.after(self.plan.waits().step));
                if !begun {
                    let next = self.next();
                    return (self, next);
                }
                self.advance(Seen::Failed(Failure::MaybeDone { after_ms: 0 }), at);
            }
            Seen::Withdrawn => {
                // That a wait was over is not recorded.
                self.patience.wake(at);
                if self.can_be_withdrawn() {
                    self.fail(Reason::Withdrawn, at);
                }
            }
            seen => {
                self.patience.end_pause();
                self.advance(seen, at);
            }
        }
        let next = self.next();
        (self, next)
    }

    /// The one next thing, told again.
    #[must_use]
    pub fn next(&self) -> Next {
        match (self.step.next(&self.id), self.patience.pause()) {
            (Next::Do(_), Some(until)) => Next::WaitUntil(until),
            (next, _) => next,
        }
    }

    /// Whether this has to be recorded before it is told. The end of a wait need not be, since whatever comes next says the
    /// same; nor a look at a job or at the stack's health that shows nothing new; nor a try in vain to delete what was
    /// left behind, which may go on for days.
    #[must_use]
    pub fn needs_record(&self, event: &Event) -> bool {
        match (&self.step, &event.seen) {
            (_, Seen::Waited) => false,
            (_, Seen::Jobs(_) | Seen::Health(_)) if !self.patience.has_failures() => {
                let (after, _) = self.clone().on(event.clone());
                (after.step, after.making) != (self.step.clone(), self.making.clone())
            }
            (Step::Remove(removal), seen) if self.operation == Operation::Tidy => !removal.is_in_vain(seen),
            _ => true,
        }
    }

    /// Whether it is a deployment that still becomes a stack, and so heeds [`Seen::Withdrawn`].
    #[must_use]
    pub fn can_be_withdrawn(&self) -> bool {
        let is_ending = matches!(self.step, Step::Remove(_) | Step::Ended(_));
        self.operation == Operation::Deploy && !is_ending
    }

    /// Where it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::new(self.state, self.percent)
    }

    /// Whose machine it is.
    #[must_use]
    pub fn id(&self) -> &DeploymentId {
        &self.id
    }

    /// How it failed, if it deletes what that left.
    pub(super) fn failed_before(&self) -> Option<&End> {
        self.failed.as_ref()
    }

    /// Whether it has made nothing, and would end at once if it was withdrawn.
    pub(super) fn has_begun_nothing(&self) -> bool {
        self.can_be_withdrawn() && !self.has_touched
    }

    /// When it was told something last: its time does not go back behind that.
    pub(super) fn told_at(&self) -> Timestamp {
        self.told_at
    }

    /// Its application among those that are there.
    pub(super) fn application<'a>(&self, projects: &'a Projects) -> Option<&'a ApplicationId> {
        let mut all = projects.ours.iter().flat_map(|project| &project.applications);
        match &self.application {
            Some(application) => all.find(|it| *it == application),
            None => all.next(),
        }
    }

    /// What is deployed.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What a journal need keep of it in place of so many records, where it has ended.
    #[must_use]
    pub fn reached(&self, records: usize) -> Option<Reached> {
        let Step::Ended(end) = &self.step else { return None };
        Some(Reached {
            records,
            id: self.id.clone(),
            plan: self.plan.clone().without_values(),
            end: end.clone(),
            progress: self.percent,
            told_at: self.told_at,
            application: self.application.clone(),
            may_have_record: self.may_have_record,
            unsettled_until: self.unsettled_until,
        })
    }

    /// The machine that ended so.
    fn of_end(reached: &Reached) -> (Self, Next) {
        let (machine, _) = Self::new(reached.id.clone(), reached.plan.clone());
        let machine = Self {
            step: Step::Ended(reached.end.clone()),
            state: reached.end.state(),
            percent: reached.progress,
            told_at: reached.told_at,
            application: reached.application.clone(),
            may_have_record: reached.may_have_record,
            unsettled_until: reached.unsettled_until,
            ..machine
        };
        let next = machine.next();
        (machine, next)
    }

    fn advance(&mut self, seen: Seen, at: Timestamp) {
        if !matches!(seen, Seen::Failed(_)) {
            self.patience.forgive();
        }
        match (self.step.clone(), seen) {
            (Step::Remove(removal), seen) => self.remove(removal, seen, at),
            (Step::Job(job), seen) => self.work(job, seen, at),
            (Step::Health(until), Seen::Health(false) | Seen::Failed(_)) => self.unhealthy(until, at),
            (Step::Health(_), Seen::Health(true)) => self.complete(),
            (Step::Sweep | Step::SweepAway(_), seen) => self.sweep(&seen, at),
            (step, Seen::Failed(failure)) => self.failed(&step, &failure, at),
            (Step::Look, Seen::Projects(projects)) => self.looked(&projects, at),
            (Step::LookForDomain(application), Seen::Domains(0)) => {
                self.attempt(Step::CreateDomain(application), at);
            }
            (Step::LookForDomain(application), Seen::Domains(_)) => {
                self.order(Job::first(application, at, self.plan.waits().deploy), at);
            }
            (Step::Stop(_), Seen::Done) => self.end(End::Stopped),
            (Step::Start(_), Seen::Done) => self.check_health(at),
            (step, Seen::Done) => self.attempt(step.after_done(self.plan.address().is_some()), at),
            _ => {}
        }
    }

    /// Compares what is there with what is to be there.
    fn looked(&mut self, projects: &Projects, at: Timestamp) {
        if self.operation != Operation::Deploy {
            return self.operate(projects, at);
        }
        if projects.others > 0 {
            return self.fail(Reason::NameTaken, at);
        }
        match &*projects.ours {
            [] => self.attempt(Step::CreateProject, at),
            [project] => match &*project.applications {
                [] => self.attempt(Step::CreateApplication(project.place.clone()), at),
                [application] => self.attempt(Step::Configure(application.clone()), at),
                [.., extra] => self.attempt(Step::DeleteExtra(extra.clone()), at),
            },
            [.., extra] => match extra.applications.last() {
                Some(application) => self.attempt(Step::DeleteExtra(application.clone()), at),
                None => self.attempt(Step::RemoveExtra(extra.place.project.clone()), at),
            },
        }
    }

    /// Begins an operation on the application that is there.
    fn operate(&mut self, projects: &Projects, at: Timestamp) {
        let application = self.application(projects).cloned();
        let Some(application) = application else { return self.fail(Reason::NotFound, at) };
        match self.operation {
            Operation::Stop => self.attempt(Step::Stop(application), at),
            Operation::Start => self.attempt(Step::Start(application), at),
            _ => self.enter(Step::Job(Job::again(application, at, self.plan.waits().deploy))),
        }
    }

    fn failed(&mut self, step: &Step, failure: &Failure, at: Timestamp) {
        match failure {
            Failure::Refused(reason) => {
                // A record that is someone else's is not ours to delete.
                self.may_have_record &= *reason != Reason::RecordTaken;
                self.fail(*reason, at);
            }
            Failure::Gone if step.is_extra() => self.enter(Step::Look),
            Failure::Gone => self.fail(Reason::NotFound, at),
            Failure::NotDone { after_ms } => {
                if matches!(step, Step::CreateRecord(_)) {
                    self.settle_after(at);
                }
                if self.patience.is_over(at, self.plan.waits().step) {
                    return self.fail(Reason::Unavailable, at);
                }
                self.patience.pause_for(at, *after_ms);
            }
            Failure::MaybeDone { after_ms } => {
                self.patience.pause_for(at, *after_ms);
                if step.makes_a_row() {
                    self.settle_after(at);
                }
                match step.look() {
                    Some(look) => self.enter(look),
                    None => self.attempt(step.clone(), at),
                }
            }
        }
    }

    /// Notes that a create may have been done, and may still be.
    fn settle_after(&mut self, at: Timestamp) {
        self.unsettled_until = Some(at.after(SETTLES));
    }

    fn unhealthy(&mut self, until: Timestamp, at: Timestamp) {
        if at >= until {
            return self.fail(Reason::Unhealthy, at);
        }
        self.patience.wait(at, POLL);
    }

    /// After the job's or the start's end.
    fn check_health(&mut self, at: Timestamp) {
        match self.plan.health_url() {
            Some(_) => self.enter(Step::Health(at.after(self.plan.waits().health))),
            None => self.complete(),
        }
    }

    /// The stack is there. Beside it may be what came of a create whose reply was lost. Nobody is kept waiting for what may
    /// come later yet: that stays, without a service, until the stack is destroyed.
    fn complete(&mut self) {
        if self.operation == Operation::Deploy && self.unsettled_until.is_some() {
            return self.enter(Step::Sweep);
        }
        self.end(End::Completed);
    }

    /// Removes what stands beside the stack. What can't be seen or removed stays until the stack is destroyed.
    fn sweep(&mut self, seen: &Seen, at: Timestamp) {
        let beside = match seen {
            Seen::Projects(projects) => self.beside(projects),
            Seen::Done | Seen::Failed(Failure::Gone) => return self.enter(Step::Sweep),
            Seen::Failed(Failure::NotDone { after_ms } | Failure::MaybeDone { after_ms })
                if !self.patience.is_over(at, self.plan.waits().step) =>
            {
                self.patience.pause_for(at, *after_ms);
                return self.enter(Step::Sweep);
            }
            _ => None,
        };
        match beside {
            Some(effect) if self.patience.try_again(&effect) => self.enter(Step::SweepAway(effect)),
            _ => self.end(End::Completed),
        }
    }

    /// How something of ours that is not the stack is deleted, where the stack is shown.
    fn beside(&self, projects: &Projects) -> Option<Effect> {
        let stack = self.application(projects)?;
        let mut applications = projects.ours.iter().flat_map(|project| &project.applications);
        let application = applications.find(|application| *application != stack);
        let empty = projects.ours.iter().find(|project| project.applications.is_empty());
        let application = application.map(|application| Effect::DeleteApplication(application.clone()));
        application.or_else(|| empty.map(|project| Effect::RemoveProject(project.place.project.clone())))
    }

    /// Enters a step, if what it changes may be tried once more.
    fn attempt(&mut self, step: Step, at: Timestamp) {
        self.projects += u32::from(step == Step::CreateProject);
        if self.projects > MAX_PROJECTS {
            return self.fail(Reason::NotFound, at);
        }
        match step.next(&self.id) {
            Next::Do(effect) if effect.changes() && !self.patience.try_again(&effect) => {
                self.fail(Reason::Unavailable, at);
            }
            _ => self.enter(step),
        }
    }

    fn enter(&mut self, step: Step) {
        if let Some(state) = step.state(self.operation) {
            self.show(state);
        }
        self.has_touched |= step.makes();
        self.may_have_record |= matches!(step, Step::CreateRecord(_));
        if let Step::Configure(application) = &step {
            self.application = Some(application.clone());
        }
        self.step = step;
    }

    /// A state of less progress is not shown: a project that is made once more.
    fn show(&mut self, state: State) {
        if state.percent() >= self.percent {
            (self.state, self.percent) = (state, state.percent());
        }
    }

    /// Ends a deployment that made something by deleting that; an operation leaves all as it is.
    fn fail(&mut self, reason: Reason, at: Timestamp) {
        let step = self.state;
        if self.operation != Operation::Deploy || !self.has_touched {
            return self.end(End::Failed(Failed::new(step, reason, Vec::new())));
        }
        let until = at.after(self.plan.waits().rollback_wait);
        self.patience.forgive();
        self.step = Step::Remove(Removal::new(until, self.may_have_record).because(step, reason));
        self.state = State::RollingBack;
    }

    fn end(&mut self, end: End) {
        self.state = end.state();
        self.percent = self.percent.max(self.state.percent());
        self.step = Step::Ended(end);
    }
}
