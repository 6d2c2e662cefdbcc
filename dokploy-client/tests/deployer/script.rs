//! Runs a machine by a script of answers.

use std::time::Duration;

use dokploy_client::Image;
use dokploy_client::StackName;
use dokploy_client::deployer::{
    DeploymentId, Effect, End, Event, Failed, Failure, Jobs, Machine, Next, OurProject, Place, Plan,
    Projects, Reason, Run, RunStatus, Seen, Timestamp,
};
use dokploy_client::id::{ApplicationId, DeploymentId as RunId, ProjectId};

/// A machine that ran to its end: what it had done, how long that took, and the end.
pub(crate) struct Ran {
    pub(crate) effects: Vec<Effect>,
    pub(crate) took: Duration,
    pub(crate) end: End,
    pub(crate) machine: Machine,
}

impl Ran {
    pub(crate) fn count(&self, wanted: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|effect| wanted(effect)).count()
    }

    pub(crate) fn failed(&self) -> &Failed {
        let End::Failed(failed) = &self.end else { panic!("it works") };
        failed
    }

    pub(crate) fn changes(&self) -> Vec<&Effect> {
        self.effects.iter().filter(|effect| effect.changes()).collect()
    }
}

pub(crate) fn plan() -> Plan {
    let nothing: [&str; 0] = [];
    let name = StackName::parse("alpha", &nothing).unwrap();
    Plan::new(name, Image::parse("acme/stack:1").unwrap(), "example.test").unwrap()
}

/// Runs a deployment; each effect is answered by the script, and takes 100 ms.
pub(crate) fn run(plan: Plan, mut script: impl FnMut(&Effect) -> Seen) -> Ran {
    let began = 1_700_000_000_000;
    let (mut now, mut effects, mut reached) = (began, Vec::new(), 0);
    let (mut machine, mut next) = Machine::new(DeploymentId::new(Timestamp::from_millis(now), 1), plan);
    loop {
        let seen = match next {
            Next::Ended(end) => {
                return Ran { effects, took: Duration::from_millis(now - began), end, machine };
            }
            Next::WaitUntil(until) => {
                now = now.max(until.as_millis());
                Seen::Waited
            }
            Next::Do(effect) => {
                now += 100;
                let seen = script(&effect);
                effects.push(effect);
                seen
            }
        };
        assert!(effects.len() < 1_000, "it does not end: {:?}", &effects[990..]);
        (machine, next) = machine.on(Event::new(Timestamp::from_millis(now), seen));
        let percent = machine.progress().progress;
        assert!(percent >= reached, "progress fell from {reached} to {percent}");
        reached = percent;
    }
}

pub(crate) fn application(id: &str) -> ApplicationId {
    ApplicationId::parse(id).unwrap()
}

pub(crate) fn project(id: &str, applications: &[&str]) -> OurProject {
    let place = Place { project: ProjectId::parse(id).unwrap(), environment: None };
    OurProject { place, applications: applications.iter().map(|id| application(id)).collect() }
}

pub(crate) fn ours(projects: &[OurProject]) -> Seen {
    Seen::Projects(Projects { ours: projects.to_vec(), others: 0 })
}

pub(crate) fn jobs(queue: Option<Vec<String>>, runs: Vec<Run>) -> Seen {
    Seen::Jobs(Jobs { app_name: "alpha-1a2b3c".into(), queue, keeps_descriptions: true, runs })
}

pub(crate) fn a_run(mark: &str, status: RunStatus) -> Run {
    Run { id: RunId::parse("run").unwrap(), mark: Some(mark.into()), status }
}

pub(crate) fn not_done() -> Seen {
    Seen::Failed(Failure::NotDone { after_ms: 0 })
}

pub(crate) fn maybe_done() -> Seen {
    Seen::Failed(Failure::MaybeDone { after_ms: 0 })
}

pub(crate) fn refused() -> Seen {
    Seen::Failed(Failure::Refused(Reason::Rejected(400)))
}

/// A server on which all goes well, but a job is as it is told. What is deleted is gone.
pub(crate) struct Good {
    pub(crate) is_there: bool,
    pub(crate) has_application: bool,
}

impl Good {
    pub(crate) fn new() -> Self {
        Self { is_there: false, has_application: false }
    }

    pub(crate) fn answer(&mut self, effect: &Effect) -> Seen {
        match effect {
            Effect::FindProjects if !self.is_there => return ours(&[]),
            Effect::FindProjects if !self.has_application => return ours(&[project("p", &[])]),
            Effect::FindProjects => return ours(&[project("p", &["a"])]),
            Effect::FindDomains(_) => return Seen::Domains(1),
            Effect::FindJobs(_) => return jobs(Some(vec![]), vec![]),
            Effect::CreateProject => self.is_there = true,
            Effect::RemoveProject(_) => self.is_there = false,
            Effect::CreateApplication(_) => self.has_application = true,
            Effect::DeleteApplication(_) => self.has_application = false,
            _ => {}
        }
        Seen::Done
    }
}
