//! All that the server knows: its tables, the queue of jobs, and what lies beside the database.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::Value;
use tokio::time::Instant;

use super::jobs::Queue;
use super::keys::Keys;
use super::rows::{Row, Table, Template, row, text};
use super::versions::Version;

/// As the recordings have it, where the real one was removed.
pub(super) const ORGANIZATION: &str = "ORG0000000000000000000";

/// A service of the Docker engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// The application's name on the server, such as `web-1a2b3c`.
    pub app_name: String,
    /// What it runs.
    pub image: String,
    /// `NAME=VALUE`, as the container gets them: read from the application's variables, with references replaced.
    pub env: Vec<String>,
    /// 0 once it was stopped.
    pub replicas: u32,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) version: Version,
    pub(super) template: Template,
    pub(super) keys: Keys,
    pub(super) projects: Table,
    pub(super) environments: Table,
    pub(super) applications: Table,
    pub(super) domains: Table,
    pub(super) deployments: Table,
    /// By deployment.
    pub(super) logs: BTreeMap<String, String>,
    pub(super) queue: Queue,
    /// By the application's name on the server.
    pub(super) services: BTreeMap<String, Service>,
    /// By name.
    pub(super) traefik_files: BTreeMap<String, String>,
    /// Counted by the database, for failures too.
    pub(super) domains_made: u64,
    pub(super) random: fastrand::Rng,
    clock: Clock,
}

/// Wall time that goes with tokio's: it stands where that is paused. No moment is told twice, so that orders are certain.
#[derive(Debug)]
struct Clock {
    began: (DateTime<Utc>, Instant),
    last: DateTime<Utc>,
}

impl State {
    pub(super) fn new(version: Version, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let owner = format!("loopback-{}", random_text(&mut random, 24, ALPHANUMERIC));
        let now = Utc::now();
        Self {
            version,
            template: Template::of(version),
            keys: Keys::new(owner, |name| format!("loopback-{name}-{seed}")),
            projects: Table::new("projectId"),
            environments: Table::new("environmentId"),
            applications: Table::new("applicationId"),
            domains: Table::new("domainId"),
            deployments: Table::new("deploymentId"),
            logs: BTreeMap::new(),
            queue: Queue::default(),
            services: BTreeMap::new(),
            traefik_files: BTreeMap::new(),
            domains_made: 0,
            random,
            clock: Clock { began: (now, Instant::now()), last: now },
        }
    }

    /// A fresh id: 21 characters.
    pub(super) fn id(&mut self) -> String {
        random_text(&mut self.random, 21, IDS)
    }

    /// What is hung on a name to make it unique: 6 characters.
    pub(super) fn suffix(&mut self) -> String {
        random_text(&mut self.random, 6, ALPHANUMERIC)
    }

    pub(super) fn now(&mut self) -> DateTime<Utc> {
        let (wall, began) = self.clock.began;
        let passed = Duration::from_std(began.elapsed()).unwrap_or_default();
        let now = (wall + passed).max(self.clock.last + Duration::milliseconds(1));
        self.clock.last = now;
        now
    }

    /// Now, as a row tells it.
    pub(super) fn stamp(&mut self) -> Value {
        stamp(self.now())
    }

    /// The project that an application belongs to.
    pub(super) fn project_of(&self, application: &Row) -> Option<&Row> {
        let environment = self.environment_of(application);
        self.projects.get(text(environment.unwrap_or(application), "projectId"))
    }

    /// The environment that an application belongs to, where the version has them.
    pub(super) fn environment_of(&self, application: &Row) -> Option<&Row> {
        self.environments.get(text(application, "environmentId"))
    }

    /// The applications of a project, with those of its environments.
    pub(super) fn applications_of(&self, project: &str) -> Vec<Row> {
        let of_project = |application: &&Row| {
            self.project_of(application).is_some_and(|row| text(row, "projectId") == project)
        };
        self.applications.all().filter(of_project).cloned().collect()
    }

    /// Removes an application's rows, and nothing else of it.
    pub(super) fn remove_application_rows(&mut self, id: &str) {
        self.applications.remove(id);
        self.domains.remove_of("applicationId", id);
        for deployment in self.deployments.remove_of("applicationId", id) {
            self.logs.remove(text(&deployment, "deploymentId"));
        }
    }

    pub(super) fn set_status(&mut self, application: &str, status: &str) {
        self.applications.update(application, row([("applicationStatus", status.into())]));
    }
}

/// A moment as a row tells it.
pub(super) fn stamp(at: DateTime<Utc>) -> Value {
    at.to_rfc3339_opts(SecondsFormat::Millis, true).into()
}

const ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const IDS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

fn random_text(random: &mut fastrand::Rng, length: usize, of: &[u8]) -> String {
    (0..length).filter_map(|_| random.choice(of)).map(|byte| char::from(*byte)).collect()
}
