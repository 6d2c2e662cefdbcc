//! Deletes all that is ours: for a roll-back, a destroy, and what was left behind.
//!
//! The DNS record goes first. Then, as long as a look finds something: an application's waiting jobs are dropped, the one
//! that runs is waited for, since it would make the service afterwards; the application is deleted, which takes the
//! service with it; and a project without applications is removed. The last look, which finds nothing, is the proof; it
//! comes when a create whose reply was lost has had its time.

use serde::{Deserialize, Serialize};

use super::patience::POLL;
use super::{Machine, Step};
use crate::deployer::Timestamp;
use crate::deployer::effect::{Effect, Failure, Jobs, OurProject, Projects, Seen};
use crate::deployer::end::{End, Failed, Leak};
use crate::deployer::reason::Reason;
use crate::deployer::state::State;
use crate::id::{ApplicationId, ProjectId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Removal {
    /// What failed before, and why. A destroy has none.
    why: Option<(State, Reason)>,
    /// Until when a job's end is waited for.
    until: Timestamp,
    /// Whether it goes on until all is gone.
    is_patient: bool,
    phase: Phase,
    /// What was there at the last look; `None` while there was none.
    left: Option<Vec<OurProject>>,
    /// Whether the last change was done, as the server says.
    was_done: bool,
    /// Whether something may be there that no look has seen.
    has_unseen: bool,
    /// Whether creates whose replies were lost have had their time.
    is_settled: bool,
    /// Whether the application was shown, or asked for.
    has_asked: bool,
    has_record: bool,
    /// Applications whose jobs are not waited for any more.
    quiet: Vec<ApplicationId>,
    /// Applications whose waiting jobs could not be dropped.
    unclean: Vec<ApplicationId>,
    given_up: Vec<Leak>,
    services: Vec<Leak>,
    /// Why something could not be deleted.
    trouble: Option<Reason>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Record,
    Look,
    /// Drop the jobs that wait.
    Clean(ApplicationId),
    /// Wait for the job that runs.
    Quiet(ApplicationId),
    /// Ask for the application that was set up and that no look shows.
    Ask(ApplicationId),
    Delete(ApplicationId),
    Remove(ProjectId),
}

impl Removal {
    /// All of a stack.
    pub(super) fn new(until: Timestamp, has_record: bool) -> Self {
        Self {
            why: None,
            until,
            is_patient: false,
            phase: if has_record { Phase::Record } else { Phase::Look },
            left: None,
            was_done: false,
            has_unseen: false,
            is_settled: false,
            has_asked: false,
            has_record,
            quiet: Vec::new(),
            unclean: Vec::new(),
            given_up: Vec::new(),
            services: Vec::new(),
            trouble: None,
        }
    }

    /// Because this failed.
    pub(super) fn because(self, step: State, reason: Reason) -> Self {
        Self { why: Some((step, reason)), ..self }
    }

    pub(super) fn allow_until(&mut self, at: Timestamp) {
        self.until = at.max(self.until);
    }

    /// What is left of a failed removal.
    pub(super) fn of_leaks(mut self, end: &End) -> Self {
        if let End::Failed(failed) = end {
            // A destroy that gets done in the end is done.
            self.why = (failed.step != State::Destroying).then_some((failed.step, failed.reason));
            self.services = failed.leaks.iter().filter(|leak| !leak.can_be_deleted()).cloned().collect();
        }
        Self { is_patient: true, ..self }
    }

    pub(super) fn effect(&self) -> Effect {
        match &self.phase {
            Phase::Record => Effect::DeleteRecord,
            Phase::Look => Effect::FindProjects,
            Phase::Clean(application) => Effect::CleanQueues(application.clone()),
            Phase::Quiet(application) | Phase::Ask(application) => Effect::FindJobs(application.clone()),
            Phase::Delete(application) => Effect::DeleteApplication(application.clone()),
            Phase::Remove(project) => Effect::RemoveProject(project.clone()),
        }
    }

    /// The next thing to delete; `None` if all is gone or given up.
    fn choose(&self) -> Option<Phase> {
        let left = self.left.as_deref().unwrap_or_default();
        let has_given_up = |leak: Leak| self.given_up.contains(&leak);
        let mut applications = left.iter().flat_map(|project| &project.applications);
        if let Some(application) = applications.find(|it| !has_given_up(Leak::Application((*it).clone()))) {
            let phase = if self.quiet.contains(application) { Phase::Delete } else { Phase::Clean };
            return Some(phase(application.clone()));
        }
        let mut empty = left.iter().filter(|project| project.applications.is_empty());
        let project = empty.find(|it| !has_given_up(Leak::Project(it.place.project.clone())));
        project.map(|project| Phase::Remove(project.place.project.clone()))
    }

    fn leaks(&self) -> Vec<Leak> {
        let record = self.has_record.then_some(Leak::Record);
        let unseen = self.has_unseen.then_some(Leak::Unseen);
        let rows = self.left.iter().flatten().flat_map(|project| {
            let applications = project.applications.iter().cloned().map(Leak::Application);
            applications.chain([Leak::Project(project.place.project.clone())])
        });
        record.into_iter().chain(unseen).chain(rows).chain(self.services.clone()).collect()
    }

    fn end(&self) -> End {
        let leaks = self.leaks();
        match self.why {
            Some((step, reason)) => End::Failed(Failed::new(step, reason, leaks)),
            None if leaks.is_empty() => End::Destroyed,
            None => {
                let reason = self.trouble.unwrap_or(Reason::TimedOut);
                End::Failed(Failed::new(State::Destroying, reason, leaks))
            }
        }
    }

    /// Whether this changes nothing, so that the same is tried again: what was left behind may stay for days.
    pub(super) fn is_in_vain(&self, seen: &Seen) -> bool {
        match (&self.phase, seen) {
            (Phase::Record, Seen::Failed(failure)) => *failure != Failure::Gone,
            (Phase::Ask(_), Seen::Failed(failure)) => *failure != Failure::Gone,
            (Phase::Look | Phase::Delete(_) | Phase::Remove(_), Seen::Failed(_)) => true,
            (Phase::Look, Seen::Projects(projects)) => {
                let goes_on = self.choose().is_some() || self.has_record;
                self.left.as_ref() == Some(&projects.ours) && goes_on
            }
            _ => false,
        }
    }

    /// The name of a service whose application can't be asked for it, where it is known; else the application's id has to
    /// do.
    fn note_unseen_service(&mut self, known: Option<String>) {
        if let Phase::Quiet(application) = &self.phase {
            let application = application.as_str().to_owned();
            self.note_service(known.unwrap_or(application));
        }
    }

    /// Whether a job may wait in a queue that the server doesn't show, and begin before its application is deleted.
    fn may_begin_unseen(&self, jobs: &Jobs) -> bool {
        let Phase::Quiet(application) = &self.phase else { return false };
        jobs.queue.is_none() && self.unclean.contains(application)
    }

    fn note_service(&mut self, name: String) {
        let leak = Leak::Service(name);
        if !self.services.contains(&leak) {
            self.services.push(leak);
        }
    }
}

impl Machine {
    pub(super) fn remove(&mut self, mut removal: Removal, seen: Seen, at: Timestamp) {
        match (removal.phase.clone(), seen) {
            // Where the look came from is not always recorded.
            (_, Seen::Projects(projects)) => self.left(removal, projects, at),
            (Phase::Ask(application), Seen::Jobs(_)) => {
                // Its project was renamed by someone; what we made is ours by its id.
                self.delete_next(Removal { phase: Phase::Clean(application), ..removal }, at);
            }
            (Phase::Ask(_), Seen::Failed(Failure::Gone)) => self.go(removal, Phase::Look),
            (Phase::Quiet(_), Seen::Jobs(jobs)) => self.wait_for_jobs(removal, &jobs, at),
            (Phase::Quiet(_), Seen::Failed(failure)) => self.cannot_see_jobs(removal, &failure, at),
            (Phase::Record, Seen::Done | Seen::Failed(Failure::Gone)) => {
                (removal.has_record, self.may_have_record) = (false, false);
                self.go(removal, Phase::Look);
            }
            (Phase::Clean(application), Seen::Done) => self.go(removal, Phase::Quiet(application)),
            (_, Seen::Done) => {
                removal.was_done = true;
                self.go(removal, Phase::Look);
            }
            (Phase::Clean(_) | Phase::Delete(_) | Phase::Remove(_), Seen::Failed(Failure::Gone)) => {
                // It is gone if the look says so too.
                self.patience.pause_for(at, 0);
                self.go(removal, Phase::Look);
            }
            (_, Seen::Failed(failure)) => self.not_removed(removal, &failure, at),
            _ => {}
        }
    }

    /// Goes on by what is left.
    fn left(&mut self, mut removal: Removal, projects: Projects, at: Timestamp) {
        let unshown = self.application.clone().filter(|_| self.application(&projects).is_none());
        removal.left = Some(projects.ours);
        let has_asked = std::mem::replace(&mut removal.has_asked, true);
        if let Some(application) = unshown {
            // What is shown is waited for before it is deleted.
            self.making.take().into_iter().for_each(|service| removal.note_service(service));
            if !has_asked {
                return self.go(removal, Phase::Ask(application));
            }
        }
        match (removal.choose(), self.unsettled_until) {
            (Some(phase), _) => self.delete_next(Removal { phase, ..removal }, at),
            // Something may come yet, or came after it was looked for.
            (None, Some(until)) if !removal.is_settled => {
                self.patience.wait(at, until.since(at));
                removal.is_settled = true;
                removal.has_record = self.plan.address().is_some();
                let phase = if removal.has_record { Phase::Record } else { Phase::Look };
                self.go(removal, phase);
            }
            (None, _) if removal.is_patient && removal.has_record => {
                self.patience.pause_for(at, 0);
                self.go(removal, Phase::Record);
            }
            (None, _) => {
                self.unsettled_until = None;
                self.end(removal.end());
            }
        }
    }

    /// Deletes what a look has shown: only so often, and not at once again what the server says it has deleted.
    fn delete_next(&mut self, mut removal: Removal, at: Timestamp) {
        let is_known = self.patience.has_tried(&removal.effect());
        if !self.patience.try_again(&removal.effect()) && !removal.is_patient {
            return self.give_up(removal, &Failure::MaybeDone { after_ms: 0 });
        }
        if is_known && removal.was_done {
            self.patience.pause_for(at, 0);
        }
        removal.was_done = false;
        self.step = Step::Remove(removal);
    }

    /// Deletes an application whose jobs have ended, or have had their time.
    fn wait_for_jobs(&mut self, mut removal: Removal, jobs: &Jobs, at: Timestamp) {
        if jobs.are_busy() && at < removal.until {
            return self.patience.wait(at, POLL);
        }
        let may_begin = self.making.is_some() && removal.may_begin_unseen(jobs);
        if jobs.are_busy() || may_begin {
            removal.note_service(jobs.app_name.clone());
        }
        self.delete(removal, at);
    }

    fn cannot_see_jobs(&mut self, mut removal: Removal, failure: &Failure, at: Timestamp) {
        match failure {
            Failure::Gone => return self.nothing_to_wait_for(removal, at),
            Failure::NotDone { after_ms } | Failure::MaybeDone { after_ms } if at < removal.until => {
                return self.patience.pause_for(at, *after_ms);
            }
            Failure::Refused(_) if at < removal.until => return self.patience.pause_for(at, 0),
            _ => removal.note_unseen_service(self.making.clone()),
        }
        self.delete(removal, at);
    }

    /// An application that can't be asked is gone, or is deleted without a wait if the next look shows it.
    fn nothing_to_wait_for(&mut self, mut removal: Removal, at: Timestamp) {
        if let Phase::Quiet(application) = removal.phase.clone() {
            removal.quiet.push(application);
        }
        self.patience.pause_for(at, 0);
        self.go(removal, Phase::Look);
    }

    /// Deletes the application whose jobs were waited for.
    fn delete(&mut self, mut removal: Removal, at: Timestamp) {
        let Phase::Quiet(application) = removal.phase.clone() else { return };
        self.making = None;
        removal.quiet.push(application.clone());
        self.delete_next(Removal { phase: Phase::Delete(application), ..removal }, at);
    }

    /// Repeats what failed, or gives it up.
    fn not_removed(&mut self, removal: Removal, failure: &Failure, at: Timestamp) {
        if !self.may_repeat(&removal, failure, at) {
            return self.give_up(removal, failure);
        }
        if removal.is_patient && removal.phase == Phase::Record {
            // The rest does not wait for the zone.
            return self.go(removal, Phase::Look);
        }
        let after_ms = match failure {
            Failure::MaybeDone { after_ms } | Failure::NotDone { after_ms } => *after_ms,
            Failure::Gone | Failure::Refused(_) => 0,
        };
        self.patience.pause_for(at, after_ms);
        // What was not done is done again without a look: a look that succeeds would count as a new beginning.
        let may_be_gone = removal.is_patient || matches!(failure, Failure::MaybeDone { .. });
        if may_be_gone && matches!(removal.phase, Phase::Delete(_) | Phase::Remove(_)) {
            self.go(removal, Phase::Look);
        }
    }

    fn give_up(&mut self, mut removal: Removal, failure: &Failure) {
        let reason = match failure {
            Failure::Refused(reason) => *reason,
            Failure::Gone => Reason::NotFound,
            Failure::MaybeDone { .. } | Failure::NotDone { .. } => Reason::Unavailable,
        };
        removal.trouble = Some(reason);
        self.patience.forgive();
        let phase = match removal.phase.clone() {
            Phase::Look => {
                let is_unsettled = self.unsettled_until.is_some();
                removal.has_unseen |= removal.left.as_ref().is_none_or(Vec::is_empty) || is_unsettled;
                removal.has_record |= is_unsettled && self.plan.address().is_some();
                self.may_have_record |= removal.has_record;
                return self.end(removal.end());
            }
            Phase::Clean(application) => {
                removal.unclean.push(application.clone());
                Phase::Quiet(application)
            }
            Phase::Delete(application) => {
                removal.given_up.push(Leak::Application(application));
                Phase::Look
            }
            Phase::Remove(project) => {
                removal.given_up.push(Leak::Project(project));
                Phase::Look
            }
            // It may be there all the same.
            Phase::Ask(_) => {
                removal.has_unseen = true;
                Phase::Look
            }
            Phase::Record | Phase::Quiet(_) => Phase::Look,
        };
        self.go(removal, phase);
    }

    fn may_repeat(&mut self, removal: &Removal, failure: &Failure, at: Timestamp) -> bool {
        let is_over = self.patience.is_over(at, self.plan.waits().step);
        if removal.is_patient && !matches!(removal.phase, Phase::Clean(_)) {
            return true;
        }
        match failure {
            Failure::NotDone { .. } if removal.phase == Phase::Look => !is_over || at < removal.until,
            Failure::NotDone { .. } => !is_over,
            // A look comes first, and counts.
            Failure::MaybeDone { .. } if matches!(removal.phase, Phase::Delete(_) | Phase::Remove(_)) => true,
            Failure::MaybeDone { .. } => self.patience.try_again(&removal.effect()),
            Failure::Gone | Failure::Refused(_) => false,
        }
    }

    /// Comes to what was begun by a look that showed nothing new, which is not recorded.
    pub(super) fn pass_look(&mut self, begun: &Effect) {
        let Step::Remove(removal) = &self.step else { return };
        let record = removal.has_record.then_some(Phase::Record);
        let known = removal.left.is_some() && removal.phase == Phase::Look;
        let phases = removal.choose().into_iter().chain(record).filter(|_| known);
        let with = |phase| Removal { phase, ..removal.clone() };
        let mut removals = phases.map(with);
        if let Some(found) = removals.find(|removal| removal.effect() == *begun) {
            self.step = Step::Remove(found);
        }
    }

    fn go(&mut self, removal: Removal, phase: Phase) {
        self.step = Step::Remove(Removal { phase, ..removal });
    }
}
