//! What is done next.

use serde::{Deserialize, Serialize};

use super::Next;
use super::job::Job;
use super::removal::Removal;
use crate::deployer::Timestamp;
use crate::deployer::effect::{Effect, Place};
use crate::deployer::end::End;
use crate::deployer::id::DeploymentId;
use crate::deployer::state::{Operation, State};
use crate::id::{ApplicationId, ProjectId};

/// What is done next. After each create comes a look, which decides all: whether it took effect, once or twice, and
/// whether someone else was there too. Of two deployers that want one name at once, each looks after its create, so at
/// least the one that creates later sees the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    Look,
    CreateProject,
    /// A create that took effect twice.
    RemoveExtra(ProjectId),
    CreateApplication(Place),
    /// The same; nothing was deployed from it.
    DeleteExtra(ApplicationId),
    Configure(ApplicationId),
    CreateRecord(ApplicationId),
    LookForDomain(ApplicationId),
    CreateDomain(ApplicationId),
    Job(Job),
    Stop(ApplicationId),
    Start(ApplicationId),
    /// Until the stack answers, or until then.
    Health(Timestamp),
    /// Look for what stands beside the stack: a create that took effect late.
    Sweep,
    /// Delete that.
    SweepAway(Effect),
    Remove(Removal),
    Ended(End),
}

impl Step {
    /// What to do, or that it is over.
    pub(super) fn next(&self, id: &DeploymentId) -> Next {
        Next::Do(match self {
            Self::Look | Self::Sweep => Effect::FindProjects,
            Self::CreateProject => Effect::CreateProject,
            Self::RemoveExtra(project) => Effect::RemoveProject(project.clone()),
            Self::SweepAway(effect) => effect.clone(),
            Self::CreateApplication(place) => Effect::CreateApplication(place.clone()),
            Self::DeleteExtra(application) => Effect::DeleteApplication(application.clone()),
            Self::Configure(application) => Effect::Configure(application.clone()),
            Self::CreateRecord(_) => Effect::CreateRecord,
            Self::LookForDomain(application) => Effect::FindDomains(application.clone()),
            Self::CreateDomain(application) => Effect::CreateDomain(application.clone()),
            Self::Job(job) => job.effect(id),
            Self::Stop(application) => Effect::Stop(application.clone()),
            Self::Start(application) => Effect::Start(application.clone()),
            Self::Health(_) => Effect::CheckHealth,
            Self::Remove(removal) => removal.effect(),
            Self::Ended(end) => return Next::Ended(end.clone()),
        })
    }

    /// Moves its deadline, so that whoever takes it over late looks before it is over.
    pub(super) fn allow_until(&mut self, at: Timestamp) {
        match self {
            Self::Job(job) => job.allow_until(at),
            Self::Health(until) => *until = at.max(*until),
            Self::Remove(removal) => removal.allow_until(at),
            _ => {}
        }
    }

    /// The state under which people see it; `None` where that stays.
    pub(super) fn state(&self, operation: Operation) -> Option<State> {
        Some(match self {
            Self::CreateProject => State::CreatingProject,
            Self::CreateApplication(_) => State::CreatingApplication,
            Self::Configure(_) => State::Configuring,
            Self::CreateRecord(_) | Self::LookForDomain(_) | Self::CreateDomain(_) => State::CreatingDomain,
            Self::Job(_) if operation == Operation::Deploy => State::Deploying,
            Self::Health(_) if operation == Operation::Deploy => State::HealthCheck,
            _ => return None,
        })
    }

    /// The step after this one was done.
    pub(super) fn after_done(self, has_record: bool) -> Self {
        match self {
            Self::Configure(application) if has_record => Self::CreateRecord(application),
            Self::Configure(application)
            | Self::CreateRecord(application)
            | Self::CreateDomain(application) => Self::LookForDomain(application),
            Self::CreateProject
            | Self::RemoveExtra(_)
            | Self::CreateApplication(_)
            | Self::DeleteExtra(_) => Self::Look,
            other => other,
        }
    }

    /// The look that tells whether it was done; `None` where it may simply be done twice.
    pub(super) fn look(&self) -> Option<Self> {
        match self {
            Self::CreateProject
            | Self::RemoveExtra(_)
            | Self::CreateApplication(_)
            | Self::DeleteExtra(_) => Some(Self::Look),
            Self::CreateDomain(application) => Some(Self::LookForDomain(application.clone())),
            _ => None,
        }
    }

    /// Whether it deletes what a create made too much.
    pub(super) fn is_extra(&self) -> bool {
        matches!(self, Self::RemoveExtra(_) | Self::DeleteExtra(_))
    }

    /// Whether it makes what may be found twice: a project, an application, a DNS record.
    pub(super) fn makes_a_row(&self) -> bool {
        matches!(self, Self::CreateProject | Self::CreateApplication(_) | Self::CreateRecord(_))
    }

    /// Whether it makes something that would have to be deleted.
    pub(super) fn makes(&self) -> bool {
        matches!(self, Self::CreateProject | Self::CreateApplication(_) | Self::Configure(_))
    }
}
