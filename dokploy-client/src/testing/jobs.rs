//! The queue of jobs: one at a time, in order. What a job does is decided here, when it does it by [`run`].

mod outcome;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use outcome::Outcome;

use super::rows::{Row, row, text};
use super::server::Shared;
use super::state::{State, stamp};

/// How long jobs take. They wait by tokio's clock, so that a test can pause it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// From the call until the job starts and its deployment has a row. 1 ms.
    pub start: Duration,
    /// A job. 5 ms.
    pub usual: Duration,
    /// A job of an image whose name contains `slow`. 200 ms.
    pub slow: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self { start: millis(1), usual: millis(5), slow: millis(200) }
    }
}

/// How many deployments of an application are kept, with the one that starts; older ones go with their logs.
const DEPLOYMENTS_KEPT: usize = 10;

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Deploy,
    /// Without a pull.
    Redeploy,
}

/// A job as it is asked for. What is empty is told in the usual words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) kind: Kind,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) application: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) kind: Kind,
    queued: DateTime<Utc>,
    is_stuck: bool,
}

/// The job that runs.
#[derive(Debug)]
struct Active {
    job: Job,
    since: DateTime<Utc>,
    deployment: String,
    /// Decided by the application as it was when the job started; a change or removal meanwhile changes nothing.
    outcome: Outcome,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Job>,
    active: Option<Active>,
    made: u64,
}

impl Queue {
    pub(super) fn is_idle(&self) -> bool {
        self.active.is_none() && self.waiting.is_empty()
    }

    /// How many jobs run or wait.
    pub(super) fn length(&self) -> usize {
        self.waiting.len() + usize::from(self.active.is_some())
    }

    /// Forgets the waiting jobs of an application.
    pub(super) fn clean(&mut self, application: &str) {
        self.waiting.retain(|job| job.application != application);
    }

    /// How many jobs were queued since the process started.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// The job that was queued last never ends.
    pub(super) fn stick_last(&mut self) {
        if let Some(job) = self.waiting.back_mut() {
            job.is_stuck = true;
        }
    }

    /// Jobs that never end go on.
    pub(super) fn release(&mut self) {
        let running = self.active.iter_mut().map(|active| &mut active.job);
        self.waiting.iter_mut().chain(running).for_each(|job| job.is_stuck = false);
    }

    /// How long the running job takes; `None` without an end. `Err` without one that runs.
    fn pace(&self, timing: &Timing) -> Result<Option<Duration>, NoJob> {
        let active = self.active.as_ref().ok_or(NoJob)?;
        let length = if active.outcome.is_slow { timing.slow } else { timing.usual };
        Ok((!active.job.is_stuck).then_some(length))
    }
}

struct NoJob;

impl State {
    /// Queues a job. Nothing shows of it but in the queue until it starts.
    pub(super) fn enqueue(&mut self, application: &str, order: Order<'_>) {
        let Order { kind, title, description } = order;
        self.queue.made += 1;
        let keeps = self.version.keeps_descriptions();
        let usual = match kind {
            Kind::Deploy => "Manual deployment",
            Kind::Redeploy => "Rebuild deployment",
        };
        let title = if keeps && !title.is_empty() { title } else { usual };
        let job = Job {
            number: self.queue.made,
            application: application.to_owned(),
            title: title.to_owned(),
            description: if keeps { description.to_owned() } else { String::new() },
            kind,
            queued: self.now(),
            is_stuck: false,
        };
        self.queue.waiting.push_back(job);
    }

    /// Starts the next job, unless one runs: makes the row of its deployment.
    pub(super) fn start_job(&mut self) {
        while self.queue.active.is_none() {
            let Some(job) = self.queue.waiting.pop_front() else { return };
            // One whose application is gone does nothing.
            let Some(application) = self.applications.get(&job.application).cloned() else { continue };
            let outcome = self.decide(&application, &job);
            let (deployment, since) = (self.id(), self.now());
            self.logs.insert(deployment.clone(), outcome.log_at_start.clone());
            let row = self.deployment_row(&deployment, &job, since);
            self.deployments.insert(row);
            for old in self.told_deployments(&job.application).iter().skip(DEPLOYMENTS_KEPT) {
                let id = text(old, "deploymentId");
                self.deployments.remove(id);
                self.logs.remove(id);
            }
            self.set_status(&job.application, "running");
            self.queue.active = Some(Active { job, since, deployment, outcome });
        }
    }

    /// Ends the job that runs, unless it is stuck. Its service is there then, whether its application still is or not.
    pub(super) fn finish_job(&mut self) {
        let Some(Active { job, deployment, outcome, .. }) =
            self.queue.active.take_if(|active| !active.job.is_stuck)
        else {
            return;
        };
        let status = if outcome.service.is_some() { "done" } else { "error" };
        if let Some(service) = outcome.service {
            self.services.insert(service.app_name.clone(), service);
        }
        let finished = self.stamp();
        self.deployments.update(&deployment, row([("status", status.into()), ("finishedAt", finished)]));
        if let Some(log) = self.logs.get_mut(&deployment) {
            log.push_str(&outcome.log_at_end);
        }
        self.set_status(&job.application, status);
    }

    /// What is left of the jobs when the server's process ends.
    pub(super) fn restart(&mut self) {
        let running = self.queue.active.take();
        if self.version.is_strict() {
            self.queue = Queue::default();
        }
        let Some(Active { job, deployment, .. }) = running else { return };
        if self.version.cancels_deployments() {
            self.deployments.update(&deployment, row([("status", "cancelled".into())]));
        }
        if self.version.is_strict() {
            self.set_status(&job.application, "idle");
        }
    }

    /// As `deployment.queueList` tells it: the newest first.
    pub(super) fn jobs(&self) -> Vec<Value> {
        let active = self.queue.active.iter().map(|active| (&active.job, Some(active.since)));
        let waiting = self.queue.waiting.iter().map(|job| (job, None));
        let jobs: Vec<_> = active.chain(waiting).map(|(job, since)| self.told(job, since)).collect();
        jobs.into_iter().rev().collect()
    }

    fn told(&self, job: &Job, since: Option<DateTime<Utc>>) -> Value {
        let kind = if job.kind == Kind::Deploy { "deploy" } else { "redeploy" };
        let mut told = json!({
            "id": format!("job-{}", job.number),
            "name": "deployments",
            "data": {
                "applicationId": job.application, "titleLog": job.title, "descriptionLog": job.description,
                "type": kind, "applicationType": "application", "server": false,
            },
            "timestamp": job.queued.timestamp_millis(),
            "state": if since.is_some() { "active" } else { "waiting" },
            "servicePath": { "href": null, "label": "—" },
        });
        if let Some(since) = since {
            told["processedOn"] = since.timestamp_millis().into();
        }
        if let Some(application) = self.applications.get(&job.application) {
            let project = self.project_of(application).map(|row| text(row, "projectId")).unwrap_or_default();
            let (environment, id) = (text(application, "environmentId"), &job.application);
            let href =
                format!("/dashboard/project/{project}/environment/{environment}/services/application/{id}");
            told["servicePath"] = json!({ "href": href, "label": "Application" });
        }
        told
    }

    fn deployment_row(&self, id: &str, job: &Job, since: DateTime<Utc>) -> Row {
        let application = self.applications.get(&job.application);
        let app_name = application.map(|row| text(row, "appName")).unwrap_or_default();
        let log_name = format!("{app_name}-{}", since.format("%Y-%m-%d:%H:%M:%S"));
        let mut deployment = self.template.deployment.clone();
        deployment.extend(row([
            ("deploymentId", id.into()),
            ("title", job.title.clone().into()),
            ("description", job.description.clone().into()),
            ("status", "running".into()),
            ("logPath", format!("/etc/dokploy/logs/{app_name}/{log_name}.log").into()),
            ("applicationId", job.application.clone().into()),
            ("createdAt", stamp(since)),
            ("startedAt", stamp(since)),
        ]));
        deployment
    }
}

/// Runs jobs in their time, until their process ends.
pub(super) async fn run(shared: Arc<Shared>, epoch: u64) {
    let timing = &shared.settings.timing;
    while let Some(is_idle) = shared.state_of(epoch).map(|state| state.queue.is_idle()) {
        if is_idle {
            shared.jobs.notified().await;
            continue;
        }
        tokio::time::sleep(timing.start).await;
        let started = shared.state_of(epoch).map(|mut state| {
            state.start_job();
            state.queue.pace(timing)
        });
        match started {
            Some(Ok(Some(length))) => {
                tokio::time::sleep(length).await;
                if let Some(mut state) = shared.state_of(epoch) {
                    state.finish_job();
                }
            }
            Some(Ok(None)) => shared.jobs.notified().await,
            Some(Err(NoJob)) => {}
            None => return,
        }
    }
}
