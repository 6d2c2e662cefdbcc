//! Does what a machine says, and tells it what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, Failure, Jobs, OurProject, Place, Projects, Run, RunStatus, Seen};
use super::health;
use super::id::DeploymentId;
use super::machine::Machine;
use super::plan::Plan;
use super::reason::Reason;
use crate::app_name::AppName;
use crate::client::{
    self, ApplicationUpdate, Client, Deploy, DeploymentStatus, NewApplication, NewDomain, NewProject,
    Project, Tail,
};
use crate::dns::{Dns, DnsError, Owner, Presence};
use crate::error::{Error, Result};
use crate::id::ApplicationId;
use crate::name::{Description, Name};

/// The hands of a deployer.
pub(super) struct Hands {
    pub(super) client: Client,
    pub(super) dns: Option<Arc<dyn Dns>>,
}

impl Hands {
    /// Does an effect. Nothing of what servers say goes on, but ids, marks and states.
    pub(super) async fn perform(&self, machine: &Machine, effect: &Effect) -> Seen {
        let (id, plan) = (machine.id(), machine.plan());
        match effect {
            Effect::CheckHealth => {
                let url = plan.health_url().unwrap_or_default();
                Seen::Health(health::answers(url).await)
            }
            Effect::CreateRecord | Effect::DeleteRecord => self.change_record(id, plan, effect).await,
            Effect::ReadLog(run) => match self.client.deployments().read_logs(run, Tail::usual()).await {
                Ok(log) => Seen::Log(Reason::read(&log)),
                Err(Error::Unsupported { .. }) => Seen::Log(Reason::Unknown),
                Err(error) => Seen::Failed(failure(&error)),
            },
            _ => {
                let seen = match effect.changes() {
                    true => self.change(id, plan, effect).await.map(|()| Seen::Done),
                    false => self.look(id, plan, effect).await,
                };
                seen.unwrap_or_else(|error| Seen::Failed(failure(&error)))
            }
        }
    }

    async fn look(&self, id: &DeploymentId, plan: &Plan, effect: &Effect) -> Result<Seen> {
        match effect {
            Effect::FindDomains(application) => {
                let domains = self.client.domains().by_application(application).await?;
                let of_host = domains.iter().filter(|domain| domain.host == plan.host().as_str());
                Ok(Seen::Domains(of_host.count()))
            }
            Effect::FindJobs(application) => Ok(Seen::Jobs(self.jobs(application).await?)),
            _ => Ok(Seen::Projects(self.projects(id, plan).await?)),
        }
    }

    pub(super) async fn projects(&self, id: &DeploymentId, plan: &Plan) -> Result<Projects> {
        let all = self.client.projects().all().await?;
        let description = id.description();
        let (mut ours, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|project| project.description.as_deref() == Some(&*description));
        let others = rest.iter().filter(|project| project.name == plan.project().as_str()).count();
        ours.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(Projects { ours: ours.iter().map(our_project).collect(), others })
    }

    /// The queue first: a job that leaves it for the rows in between is seen in both.
    pub(super) async fn jobs(&self, application: &ApplicationId) -> Result<Jobs> {
        let version = self.client.version().await?;
        let queue = match version.has_queue() {
            true => Some(self.client.deployments().queue().await?),
            false => None,
        };
        let of_it = |queue: Vec<client::QueuedJob>| {
            let jobs = queue.iter().filter(|job| job.application_id() == Some(application));
            jobs.map(|job| job.description().unwrap_or_default().to_owned()).collect()
        };
        let row = self.client.applications().one(application).await?;
        let runs = row.deployments.into_iter().map(|run| Run {
            id: run.id,
            mark: run.description,
            status: match run.status {
                DeploymentStatus::Done => RunStatus::Done,
                DeploymentStatus::Error => RunStatus::Error,
                DeploymentStatus::Cancelled => RunStatus::Cancelled,
                DeploymentStatus::Running | DeploymentStatus::Unknown(_) => RunStatus::Running,
            },
        });
        Ok(Jobs {
            app_name: row.app_name,
            queue: queue.map(of_it),
            keeps_descriptions: version.keeps_descriptions(),
            runs: runs.collect(),
        })
    }

    async fn change(&self, id: &DeploymentId, plan: &Plan, effect: &Effect) -> Result<()> {
        let (projects, applications) = (self.client.projects(), self.client.applications());
        match effect {
            Effect::CreateProject => {
                let new = NewProject::new(plan.project().clone());
                projects.create(&new.description(Description::parse(&id.description())?)).await.map(drop)
            }
            Effect::RemoveProject(project) => projects.remove(project).await.map(drop),
            Effect::CreateApplication(place) => {
                applications.create(&new_application(plan, place)?).await.map(drop)
            }
            Effect::DeleteApplication(application) => applications.delete(application).await.map(drop),
            Effect::Configure(application) => {
                let update = ApplicationUpdate::new().image(plan.image().clone());
                applications.update(application, &update.environment(plan.environment())).await
            }
            Effect::CreateDomain(application) => {
                let (port, tls) = plan.served();
                let new = NewDomain::new(application.clone(), plan.host().clone(), port).tls(tls);
                self.client.domains().create(&new).await.map(drop)
            }
            Effect::Deploy { application, mark, again } => {
                let deploy = Deploy::new().description(Description::parse(mark)?);
                match again {
                    true => applications.redeploy(application, &deploy).await,
                    false => applications.deploy(application, &deploy).await,
                }
            }
            Effect::CleanQueues(application) => applications.clean_queues(application).await,
            Effect::Stop(application) => applications.stop(application).await.map(drop),
            Effect::Start(application) => applications.start(application).await.map(drop),
            other => {
                debug_assert!(!other.changes(), "{other:?} is done elsewhere");
                Ok(())
            }
        }
    }

    async fn change_record(&self, id: &DeploymentId, plan: &Plan, effect: &Effect) -> Seen {
        let (Some(dns), Some(address)) = (&self.dns, plan.address()) else {
            return Seen::Failed(Failure::Refused(Reason::Invalid));
        };
        let changed = async {
            let owner = Owner::parse(id.as_str())?;
            if *effect == Effect::DeleteRecord {
                return dns.absent(plan.host(), &owner).await.map(|()| Seen::Done);
            }
            Ok(match dns.present(plan.host(), address, &owner).await? {
                Presence::Created | Presence::AlreadyThere => Seen::Done,
                Presence::Taken(_) => Seen::Failed(Failure::Refused(Reason::RecordTaken)),
            })
        };
        match tokio::time::timeout(plan.waits().step, changed).await {
            Ok(changed) => changed.unwrap_or_else(|error| Seen::Failed(dns_failure(&error))),
            Err(_) => Seen::Failed(Failure::NotDone { after_ms: 0 }),
        }
    }
}

/// Its place is where Dokploy's own page would put an application.
fn our_project(project: &Project) -> OurProject {
    let default = project.default_environment();
    let mut applications: Vec<_> = project.applications().map(|it| it.id.clone()).collect();
    applications.sort();
    let place = Place { project: project.id.clone(), environment: default.map(|it| it.id.clone()) };
    OurProject { place, applications }
}

/// Its service is named for the project, where that makes a name.
fn new_application(plan: &Plan, place: &Place) -> Result<NewApplication> {
    let into = client::Place::new(place.project.clone());
    let into = place.environment.clone().into_iter().fold(into, client::Place::environment);
    let long = AppName::parse(plan.project().as_str()).ok();
    let long = long.filter(|name| name.with_room_for_suffix().is_ok());
    let app_name = long.map_or_else(|| AppName::parse(plan.name().as_str()), Ok)?;
    Ok(NewApplication::new(Name::parse(plan.name().as_str())?, into).app_name(app_name))
}

/// What comes next after an error.
fn failure(error: &Error) -> Failure {
    let after_ms = millis(error.retry_after());
    match error {
        Error::MaybeDone { .. } => Failure::MaybeDone { after_ms },
        Error::NotFound { .. } => Failure::Gone,
        Error::Unauthorized { .. } | Error::NotConfigured { .. } => Failure::Refused(Reason::Unauthorized),
        Error::WrongEndpoint { .. } => Failure::Refused(Reason::WrongEndpoint),
        Error::Rejected { status, .. } => Failure::Refused(Reason::Rejected(*status)),
        Error::Unavailable { .. }
        | Error::TimedOut { .. }
        | Error::Protocol { .. }
        | Error::LimitReached { .. }
        | Error::System { .. } => Failure::NotDone { after_ms },
        Error::Invalid { .. } | Error::Unsupported { .. } | Error::TooOld { .. } => {
            Failure::Refused(Reason::Invalid)
        }
    }
}

/// Both changes of a record look by themselves, so what may have been done is simply done again.
fn dns_failure(error: &DnsError) -> Failure {
    match error {
        DnsError::Unauthorized { .. } | DnsError::Forbidden { .. } | DnsError::NotConfigured { .. } => {
            Failure::Refused(Reason::Unauthorized)
        }
        DnsError::Rejected { status, .. } => Failure::Refused(Reason::Rejected(*status)),
        DnsError::Invalid { .. } | DnsError::OutsideZone { .. } | DnsError::NoSuchZone { .. } => {
            Failure::Refused(Reason::Invalid)
        }
        _ => Failure::NotDone { after_ms: millis(error.retry_after()) },
    }
}

fn millis(wait: Option<Duration>) -> u64 {
    wait.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Mismatch, Upstream};

    #[test]
    fn a_wrong_set_up_is_no_reason_to_wait() {
        for cause in [Mismatch::Certificate, Mismatch::NoTls, Mismatch::NoHttp] {
            let error = Error::WrongEndpoint { call: "x", cause, source: Box::new(Upstream("".into())) };
            assert_eq!(failure(&error), Failure::Refused(Reason::WrongEndpoint));
        }
    }
}
