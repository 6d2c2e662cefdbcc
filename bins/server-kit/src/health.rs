//! Whether the server lives, and whether it can do its work.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::routes::Routes;

/// The paths of probes; free of the rate limit.
pub(crate) const PATHS: [&str; 2] = ["/health", "/health/ready"];

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a report is good for: probes of strangers don't become load on what is checked.
const FRESH: Duration = Duration::from_secs(1);

type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;

/// Something that must work before the server is ready.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    ask: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl Check {
    /// A check of this name; `ask` says whether it works, within 2 s. Why it doesn't belongs in the log: the report is
    /// public.
    #[must_use]
    pub fn new<A>(name: &'static str, ask: impl Fn() -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = bool> + Send + 'static,
    {
        Self { name, ask: Arc::new(move || Box::pin(ask())) }
    }

    async fn run(&self) -> Checked {
        let state = match timeout(PATIENCE, (self.ask)()).await {
            Ok(true) => CheckState::Ok,
            Ok(false) => CheckState::Failed,
            Err(_) => CheckState::TimedOut,
        };
        Checked { name: self.name, state }
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the probes ask.
pub(crate) struct Health {
    version: &'static str,
    checks: Vec<Check>,
    shutdown: CancellationToken,
    latest: Mutex<Option<(Instant, Vec<Checked>)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HealthState {
    Ok,
    Draining,
    NotReady,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CheckState {
    Ok,
    Failed,
    TimedOut,
}

/// Whether the server lives.
#[derive(Debug, Serialize, ToSchema)]
struct HealthReport {
    status: HealthState,
    version: &'static str,
}

/// Whether the server can do its work.
#[derive(Debug, Serialize, ToSchema)]
struct ReadyReport {
    status: HealthState,
    checks: Vec<Checked>,
}

/// One thing that must work.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Checked {
    name: &'static str,
    state: CheckState,
}

impl Health {
    pub(crate) fn new(version: &'static str, checks: Vec<Check>, shutdown: CancellationToken) -> Arc<Self> {
        Arc::new(Self { version, checks, shutdown, latest: Mutex::new(None) })
    }

    pub(crate) fn routes(self: Arc<Self>) -> Routes<()> {
        Routes::new().uncounted(routes!(health)).uncounted(routes!(ready)).with_state(self)
    }

    fn state(&self) -> HealthState {
        if self.shutdown.is_cancelled() { HealthState::Draining } else { HealthState::Ok }
    }

    /// What the checks say; asked once for all who wait.
    async fn report(&self) -> Vec<Checked> {
        let mut latest = self.latest.lock().await;
        if let Some((_, report)) = latest.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return report.clone();
        }
        let mut report = Vec::with_capacity(self.checks.len());
        for check in &self.checks {
            report.push(check.run().await);
        }
        *latest = Some((Instant::now(), report.clone()));
        report
    }
}

/// Whether the server lives: 503 while it is shutting down.
#[utoipa::path(get, path = "/health", tag = "server",
    responses((status = 200, body = HealthReport), (status = 503, body = HealthReport)))]
async fn health(State(health): State<Arc<Health>>) -> (StatusCode, Json<HealthReport>) {
    let status = health.state();
    (code(status), Json(HealthReport { status, version: health.version }))
}

/// Whether the server can do its work, and what keeps it from that.
#[utoipa::path(get, path = "/health/ready", tag = "server",
    responses((status = 200, body = ReadyReport), (status = 503, body = ReadyReport)))]
async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, Json<ReadyReport>) {
    let checks = health.report().await;
    let works = checks.iter().all(|check| check.state == CheckState::Ok);
    let status = match health.state() {
        HealthState::Ok if !works => HealthState::NotReady,
        state => state,
    };
    (code(status), Json(ReadyReport { status, checks }))
}

const fn code(status: HealthState) -> StatusCode {
    match status {
        HealthState::Ok => StatusCode::OK,
        HealthState::Draining | HealthState::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    }
}
