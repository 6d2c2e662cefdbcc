//! The handle of a running server.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::faults::Fault;
use super::jobs::Timing;
use super::life;
use super::request::Call;
use super::rows::{Row, Table, text};
use super::server::{Settings, Shared};
use super::state::{Service, State};
use super::versions::Version;

/// A Dokploy server on a free port of 127.0.0.1. When it was dropped, the port is closed and no call is carried out any
/// more; connections break off as soon as the runtime comes to them.
#[must_use = "the server stops when it is dropped"]
pub struct Dokploy {
    shared: Arc<Shared>,
}

/// How a server is to be, before it starts.
#[derive(Debug, Clone)]
pub struct DokployBuilder {
    version: Version,
    seed: Option<u64>,
    settings: Settings,
}

impl DokployBuilder {
    /// How long jobs take.
    #[must_use]
    pub fn timing(mut self, change: impl FnOnce(&mut Timing)) -> Self {
        change(&mut self.settings.timing);
        self
    }

    /// Jobs start and end only when [`Dokploy::start_job`], [`Dokploy::finish_job`] and [`Dokploy::finish_jobs`] say so.
    #[must_use]
    pub fn hold_jobs(mut self) -> Self {
        self.settings.holds_jobs = true;
        self
    }

    /// How long the server is down when it restarts. 50 ms.
    #[must_use]
    pub fn restart_takes(mut self, time: Duration) -> Self {
        self.settings.restart_takes = time;
        self
    }

    /// Decides the ids, names and keys that the server makes up. Chance does unless it is set, so that what belongs to one
    /// server is unknown to another.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// The socket can't be opened.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn start(self) -> io::Result<Dokploy> {
        let listener = life::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let state = State::new(self.version, self.seed.unwrap_or_else(|| fastrand::u64(..)));
        let shared = Arc::new(Shared::new(listener.local_addr()?, self.settings, state));
        life::begin(listener, &shared);
        Ok(Dokploy { shared })
    }
}

/// Starting, and who may call.
impl Dokploy {
    /// Starts a server that behaves like this version.
    ///
    /// # Errors
    /// The socket can't be opened.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn start(version: Version) -> io::Result<Self> {
        Self::builder(version).start()
    }

    /// A server that is to be otherwise than usual.
    #[must_use]
    pub fn builder(version: Version) -> DokployBuilder {
        let timing = Timing::default();
        let settings = Settings { timing, holds_jobs: false, restart_takes: Duration::from_millis(50) };
        DokployBuilder { version, seed: None, settings }
    }

    /// Where it listens: `http://127.0.0.1:PORT`. A restart keeps it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The version that it behaves like.
    #[must_use]
    pub fn version(&self) -> Version {
        self.shared.state().version
    }

    /// An API key that may do all, without limit.
    #[must_use]
    pub fn key(&self) -> String {
        self.shared.state().keys.owner.clone()
    }

    /// A key with the limit that Dokploy gives by default: it answers
    /// [`DEFAULT_KEY_CALLS`](super::DEFAULT_KEY_CALLS) calls, then 401.
    #[must_use]
    pub fn default_key(&self) -> String {
        self.shared.state().keys.limited.clone()
    }

    /// The key of a member who was granted nothing.
    #[must_use]
    pub fn member_key(&self) -> String {
        self.shared.state().keys.member.clone()
    }
}

/// What goes wrong.
impl Dokploy {
    /// Lets something go wrong. Of several of a [kind](Fault) that would strike one call, the one that was injected first
    /// does.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults().add(fault);
    }

    /// Forgets the faults that have not struck yet.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Jobs that are stuck go on.
    pub fn release_jobs(&self) {
        self.shared.state().queue.release();
        self.shared.jobs.notify_one();
    }

    /// Ends the server's process and starts it again: connections break, for a while none is accepted, and jobs fare as the
    /// version has it. Returns when it listens again; at once if it is down. Dropped before, it leaves the server down,
    /// until [`come_up`](Self::come_up).
    ///
    /// # Errors
    /// The port was taken meanwhile.
    pub async fn restart(&self) -> io::Result<()> {
        life::restart(&self.shared).await
    }

    /// Ends the server's process; connections are refused when this returns, until [`come_up`](Self::come_up). Jobs fare as
    /// the version has it. Dropped before it returns, it has ended the process all the same.
    pub async fn go_down(&self) {
        life::go_down(&self.shared).await;
    }

    /// Starts the server's process again.
    ///
    /// # Errors
    /// The port was taken meanwhile.
    pub fn come_up(&self) -> io::Result<()> {
        life::come_up(&self.shared)
    }
}

/// Jobs by hand, for a server that [holds](DokployBuilder::hold_jobs) them.
impl Dokploy {
    /// Starts the next job, unless one runs.
    pub fn start_job(&self) {
        self.shared.state().start_job();
    }

    /// Ends the job that runs, unless it is stuck.
    pub fn finish_job(&self) {
        self.shared.state().finish_job();
    }

    /// Starts and ends jobs until none is left but a stuck one with those behind it.
    pub fn finish_jobs(&self) {
        let mut state = self.shared.state();
        loop {
            let before = state.queue.length();
            state.start_job();
            state.finish_job();
            if state.queue.is_idle() || state.queue.length() == before {
                return;
            }
        }
    }
}

/// What the server has seen and holds. Rows are as the API shows them.
impl Dokploy {
    /// The calls that came, oldest first, whatever became of them; the newest [`CALLS_MAX`](super::CALLS_MAX).
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls().all()
    }

    /// Whether no job runs or waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.shared.state().queue.is_idle()
    }

    /// All projects.
    #[must_use]
    pub fn projects(&self) -> Vec<Value> {
        rows(&self.shared.state().projects)
    }

    /// All environments; none at 0.24.
    #[must_use]
    pub fn environments(&self) -> Vec<Value> {
        rows(&self.shared.state().environments)
    }

    /// All applications.
    #[must_use]
    pub fn applications(&self) -> Vec<Value> {
        rows(&self.shared.state().applications)
    }

    /// All domains.
    #[must_use]
    pub fn domains(&self) -> Vec<Value> {
        rows(&self.shared.state().domains)
    }

    /// All deployments that are kept: of each application the newest ten.
    #[must_use]
    pub fn deployments(&self) -> Vec<Value> {
        rows(&self.shared.state().deployments)
    }

    /// The log of a deployment.
    #[must_use]
    pub fn log(&self, deployment: &str) -> Option<String> {
        self.shared.state().logs.get(deployment).cloned()
    }

    /// The services of the Docker engine, by the application's name on the server. A service may outlive its application.
    #[must_use]
    pub fn services(&self) -> Vec<Service> {
        self.shared.state().services.values().cloned().collect()
    }

    /// The files for Traefik, by name. A file may outlive its application.
    #[must_use]
    pub fn traefik_files(&self) -> BTreeMap<String, String> {
        self.shared.state().traefik_files.clone()
    }

    /// Gives an application a status, as a person may by hand.
    pub fn set_status(&self, application: &str, status: &str) {
        self.shared.state().set_status(application, status);
    }

    /// The id of the only project of this name; `None` where there is none, or several.
    #[must_use]
    pub fn project_named(&self, name: &str) -> Option<String> {
        let state = self.shared.state();
        let mut named = state.projects.of("name", name);
        named.next().filter(|_| named.next().is_none()).map(|row| text(row, "projectId").to_owned())
    }
}

fn rows(table: &Table) -> Vec<Value> {
    table.all().cloned().map(|row: Row| row.into()).collect()
}

impl fmt::Debug for Dokploy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its state may hold what a test takes for a secret.
        f.debug_struct("Dokploy").field("url", &self.url()).field("version", &self.version()).finish()
    }
}

impl Drop for Dokploy {
    fn drop(&mut self) {
        life::end(&self.shared);
    }
}
