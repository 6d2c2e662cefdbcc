//! A Dokploy server in memory, with the traps that were recorded: nothing is unique, jobs wait and run, a restart treats
//! them by version, and a job that runs makes its service even if its application is deleted meanwhile.

use std::collections::BTreeMap;

use dokploy_client::deployer::{
    Effect, Failure, Jobs, OurProject, Place, Projects, Reason, Run, RunStatus, Seen,
};
use dokploy_client::id::{ApplicationId, DeploymentId as RunId, EnvironmentId, ProjectId};

/// How a server treats its jobs in a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V24,
    V26,
    V30,
}

/// How the next job goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    pub(crate) waits_ms: u64,
    /// `None`: it never ends.
    pub(crate) runs_ms: Option<u64>,
    pub(crate) works: bool,
}

pub(crate) struct World {
    pub(crate) now: u64,
    version: Version,
    pub(crate) projects: Vec<Project>,
    jobs: Vec<Job>,
    /// Services by name, with the description of the project they came from.
    pub(crate) services: BTreeMap<String, String>,
    pub(crate) record_of: Option<String>,
    late: Vec<(u64, Order)>,
    made: u32,
}

pub(crate) struct Project {
    pub(crate) id: ProjectId,
    pub(crate) description: String,
    pub(crate) applications: Vec<Application>,
}

pub(crate) struct Application {
    pub(crate) id: ApplicationId,
    app_name: String,
    domains: usize,
    pub(crate) runs: Vec<Run>,
}

struct Job {
    application: ApplicationId,
    app_name: String,
    description: String,
    mark: String,
    starts: u64,
    fate: Fate,
    run: Option<RunId>,
}

/// An effect, of whom, and how its job would go.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) effect: Effect,
    pub(crate) description: String,
    pub(crate) fate: Fate,
}

impl World {
    pub(crate) fn new(version: Version) -> Self {
        Self {
            now: 1_700_000_000_000,
            version,
            projects: Vec::new(),
            jobs: Vec::new(),
            services: BTreeMap::new(),
            record_of: None,
            late: Vec::new(),
            made: 0,
        }
    }

    /// Lets time pass, with all that happens in it, in order.
    pub(crate) fn pass_to(&mut self, to: u64) {
        while let Some(at) = self.next_happening().filter(|at| *at <= to) {
            self.now = self.now.max(at);
            if let Some(index) = self.late.iter().position(|(due, _)| *due == at) {
                let (_, order) = self.late.remove(index);
                let _ = self.apply(&order);
            } else {
                self.work(at);
            }
        }
        self.now = self.now.max(to);
    }

    fn next_happening(&self) -> Option<u64> {
        let jobs = self.jobs.iter().filter_map(Job::next);
        jobs.chain(self.late.iter().map(|(due, _)| *due)).min()
    }

    /// The next step of the job that has one now.
    fn work(&mut self, at: u64) {
        let Some(index) = self.jobs.iter().position(|job| job.next() == Some(at)) else { return };
        if self.jobs[index].run.is_none() {
            let run = RunId::parse(&self.name("run")).unwrap();
            let job = &mut self.jobs[index];
            (job.run, job.starts) = (Some(run.clone()), at);
            let mark = (self.version != Version::V24).then(|| job.mark.clone());
            let application = job.application.clone();
            if let Some(application) = self.application(&application) {
                application.runs.insert(0, Run { id: run, mark, status: RunStatus::Running });
            }
            return;
        }
        let job = self.jobs.remove(index);
        let status = if job.fate.works { RunStatus::Done } else { RunStatus::Error };
        self.set_status(&job, status);
        if job.fate.works {
            self.services.insert(job.app_name, job.description);
        }
    }

    fn set_status(&mut self, job: &Job, status: RunStatus) {
        let Some(application) = self.application(&job.application) else { return };
        let run = application.runs.iter_mut().find(|run| Some(&run.id) == job.run.as_ref());
        run.unwrap().status = status;
    }

    /// SIGTERM and a new start.
    pub(crate) fn restart(&mut self) {
        let jobs = std::mem::take(&mut self.jobs);
        for job in jobs {
            match (job.run.is_some(), self.version) {
                (true, Version::V24) => {}
                (true, _) => self.set_status(&job, RunStatus::Cancelled),
                (false, Version::V30) => {}
                (false, _) => self.jobs.push(job),
            }
        }
    }

    /// Has an effect take effect later than its reply came.
    pub(crate) fn apply_later(&mut self, order: &Order, after_ms: u64) {
        self.late.push((self.now + after_ms, order.clone()));
    }

    pub(crate) fn add_foreign(&mut self) {
        let id = ProjectId::parse(&self.name("project")).unwrap();
        self.projects.push(Project { id, description: "of a person".into(), applications: Vec::new() });
    }

    pub(crate) fn apply(&mut self, order: &Order) -> Seen {
        let gone = Seen::Failed(Failure::Gone);
        match &order.effect {
            Effect::FindProjects => self.find_projects(&order.description),
            Effect::CreateProject => self.create_project(&order.description),
            Effect::RemoveProject(id) => {
                let before = self.projects.len();
                self.projects.retain(|project| project.id != *id);
                if self.projects.len() < before { Seen::Done } else { gone }
            }
            Effect::CreateApplication(place) => self.create_application(&place.project),
            Effect::DeleteApplication(id) => self.delete_application(id),
            Effect::Configure(id) => self.application(id).map_or(gone, |_| Seen::Done),
            Effect::CreateRecord => match &self.record_of {
                Some(owner) if *owner != order.description => {
                    Seen::Failed(Failure::Refused(Reason::RecordTaken))
                }
                _ => {
                    self.record_of = Some(order.description.clone());
                    Seen::Done
                }
            },
            Effect::DeleteRecord => {
                self.record_of = self.record_of.take().filter(|owner| *owner != order.description);
                Seen::Done
            }
            Effect::FindDomains(id) => self.application(id).map_or(gone, |it| Seen::Domains(it.domains)),
            Effect::CreateDomain(id) => self.application(id).map_or(gone, |it| {
                it.domains += 1;
                Seen::Done
            }),
            Effect::Deploy { application, mark, .. } => self.queue(application, mark, order),
            Effect::FindJobs(id) => self.find_jobs(id),
            Effect::ReadLog(_) => Seen::Log(Reason::ImagePull),
            Effect::CleanQueues(id) => {
                self.drop_waiting(id);
                Seen::Done
            }
            Effect::Stop(id) | Effect::Start(id) => self.application(id).map_or(gone, |_| Seen::Done),
            other => panic!("the world has no {other:?}"),
        }
    }

    fn find_projects(&self, description: &str) -> Seen {
        let is_ours = |project: &&Project| project.description == description;
        let ours = self.projects.iter().filter(is_ours).map(|project| OurProject {
            place: Place {
                project: project.id.clone(),
                environment: (self.version != Version::V24).then(|| EnvironmentId::parse("env").unwrap()),
            },
            applications: project.applications.iter().map(|it| it.id.clone()).collect(),
        });
        let ours: Vec<_> = ours.collect();
        Seen::Projects(Projects { others: self.projects.len() - ours.len(), ours })
    }

    fn create_project(&mut self, description: &str) -> Seen {
        let id = ProjectId::parse(&self.name("project")).unwrap();
        self.projects.push(Project { id, description: description.into(), applications: Vec::new() });
        Seen::Done
    }

    fn create_application(&mut self, project: &ProjectId) -> Seen {
        let id = ApplicationId::parse(&self.name("application")).unwrap();
        let app_name = self.name("app");
        let Some(project) = self.projects.iter_mut().find(|it| it.id == *project) else {
            return Seen::Failed(Failure::Gone);
        };
        project.applications.push(Application { id, app_name, domains: 0, runs: Vec::new() });
        Seen::Done
    }

    /// With its service and waiting jobs. One that runs goes on.
    fn delete_application(&mut self, id: &ApplicationId) -> Seen {
        let Some(application) = self.application(id) else { return Seen::Failed(Failure::Gone) };
        let app_name = application.app_name.clone();
        self.services.remove(&app_name);
        self.drop_waiting(id);
        for project in &mut self.projects {
            project.applications.retain(|it| it.id != *id);
        }
        Seen::Done
    }

    fn drop_waiting(&mut self, id: &ApplicationId) {
        self.jobs.retain(|job| job.application != *id || job.run.is_some());
    }

    fn queue(&mut self, id: &ApplicationId, mark: &str, order: &Order) -> Seen {
        let Some(application) = self.application(id) else { return Seen::Failed(Failure::Gone) };
        let app_name = application.app_name.clone();
        self.jobs.push(Job {
            application: id.clone(),
            app_name,
            description: order.description.clone(),
            mark: mark.into(),
            starts: self.now + order.fate.waits_ms,
            fate: order.fate,
            run: None,
        });
        Seen::Done
    }

    fn find_jobs(&mut self, id: &ApplicationId) -> Seen {
        let of_it = self.jobs.iter().filter(|job| job.application == *id).map(|job| job.mark.clone());
        let queue = (self.version == Version::V30).then(|| of_it.collect());
        let keeps_descriptions = self.version != Version::V24;
        let Some(application) = self.application(id) else { return Seen::Failed(Failure::Gone) };
        let (app_name, runs) = (application.app_name.clone(), application.runs.clone());
        Seen::Jobs(Jobs { app_name, queue, keeps_descriptions, runs })
    }

    fn application(&mut self, id: &ApplicationId) -> Option<&mut Application> {
        self.projects.iter_mut().flat_map(|project| &mut project.applications).find(|it| it.id == *id)
    }

    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}-{}", self.made)
    }
}

impl Job {
    fn next(&self) -> Option<u64> {
        match self.run {
            None => Some(self.starts),
            Some(_) => self.fate.runs_ms.map(|length| self.starts + length),
        }
    }
}
