//! Deploys a stack so that neither a crash nor a lost reply leaves anything behind: the project `ai-stack-NAME` with one
//! application, on a Dokploy server of the crate's own, or on a real one. A journal, `./NAME.journal`, tells a second
//! start what a first one left.
//!
//! ```sh
//! cargo run -p examples --example deploy_a_stack -- shop
//! DOKPLOY_URL=https://dokploy.example.org DOKPLOY_API_TOKEN=… cargo run -p examples --example deploy_a_stack -- shop
//! ```
//!
//! | variable | what |
//! |---|---|
//! | `DOKPLOY_URL`, `DOKPLOY_API_TOKEN` | a real server; started again after a crash, it goes on or undoes |
//! | `STACK_IMAGE` | what runs: `stack:latest` |
//! | `STACK_DOMAIN_SUFFIX` | it is reached at `NAME.` and this: `example.test` |
//! | `STACK_HEALTH_URL` | where it must answer, with `{name}` and `{suffix}`; Dokploy's word is enough unless set |
//!
//! It writes JSON lines, and ends with 0 once the stack is there, else with 1.

use std::env::VarError;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dokploy_client::deployer::{
    DeployError, Deployer, Deployment, End, FileJournal, JournalError, Plan, State,
};
use dokploy_client::testing::{Dokploy, Version};
use dokploy_client::{Client, Image, KeySource, StackName};
use serde_json::{Value, json};

/// Names that belong to others.
const RESERVED: [&str; 8] = ["admin", "api", "www", "root", "system", "test", "demo", "portal"];
/// How often one name is tried before it is given up: each that failed is an attempt of its own.
const ATTEMPTS: u32 = 1000;
/// What a journal calls a server of the crate's own.
const OWN: &str = "loopback";
/// How long the last step may take when the program ends.
const LAST_STEP: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    match deploy().await {
        Ok(url) => {
            say(&json!({"type": "complete", "url": url}));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let Failure { code, error, leaks } = failure;
            say(&json!({"type": "error", "code": code, "error": error, "leaks": leaks}));
            ExitCode::FAILURE
        }
    }
}

/// Why there is no stack.
struct Failure {
    code: String,
    error: String,
    leaks: Value,
}

impl Failure {
    fn new(code: &str, error: impl std::fmt::Display) -> Self {
        Self { code: code.to_owned(), error: error.to_string(), leaks: json!([]) }
    }
}

impl From<DeployError> for Failure {
    fn from(error: DeployError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<dokploy_client::Error> for Failure {
    fn from(error: dokploy_client::Error) -> Self {
        Self::new(error.code(), error)
    }
}

async fn deploy() -> Result<String, Failure> {
    let plan = plan()?;
    let url = format!("https://{}", plan.host());
    let journal = PathBuf::from(format!("{}.journal", plan.name()));
    let (client, server, _own) = server()?;
    let journal = open(&journal, &server).map_err(|error| Failure::new("journal", error))?;
    let deployer = Deployer::builder(client, Arc::new(journal)).build()?;
    // What an earlier start left is finished or undone first.
    deployer.resume().await?;
    let deployment = begin(&deployer, &plan).await?;
    let mut progress = deployment.progress();
    while let Some(step) = progress.next().await {
        let (status, progress, words) = (step.status, step.progress, step.current_step);
        say(&json!({"type": "progress", "status": status, "progress": progress, "currentStep": words}));
    }
    let end = deployment.ended().await;
    deployer.shutdown(LAST_STEP).await;
    told(end).map(|()| url)
}

/// This plan's deployment: the one that is under way or complete, or a new one after those that failed.
async fn begin(deployer: &Deployer, plan: &Plan) -> Result<Deployment, Failure> {
    for attempt in 1..=ATTEMPTS {
        let key = format!("{} {attempt}", plan.name());
        match deployer.deploy(plan.clone(), Some(&key)).await {
            Ok(deployment) if has_failed(&deployment) => {}
            // With another image, say: a deployment of its own, if the name is free.
            Err(DeployError::KeyReused) => {}
            begun => return Ok(begun?),
        }
    }
    Err(Failure::new("name_taken", "this name has failed too often; remove its journal"))
}

fn has_failed(deployment: &Deployment) -> bool {
    matches!(deployment.state().status, State::Failed | State::Destroyed)
}

fn told(end: Option<End>) -> Result<(), Failure> {
    match end {
        Some(End::Completed) => Ok(()),
        Some(End::Failed(failed)) => {
            let (code, error) = (failed.reason.code().to_owned(), failed.reason.to_string());
            Err(Failure { code, error, leaks: json!(failed.leaks) })
        }
        _ => Err(Failure::new("unknown", "the deployment did not end here")),
    }
}

/// What is deployed.
fn plan() -> Result<Plan, Failure> {
    let mut names = std::env::args_os().skip(1).map(|name| name.to_string_lossy().into_owned());
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err(Failure::new("invalid_name", "say one NAME: deploy_a_stack NAME"));
    };
    let name = StackName::parse(&name, &RESERVED).map_err(|error| Failure::new("invalid_name", error))?;
    let suffix = variable("STACK_DOMAIN_SUFFIX")?.unwrap_or_else(|| "example.test".to_owned());
    let image = Image::parse(&variable("STACK_IMAGE")?.unwrap_or_else(|| "stack:latest".to_owned()))?;
    let health = variable("STACK_HEALTH_URL")?;
    let health = health.map(|url| url.replace("{name}", name.as_str()).replace("{suffix}", &suffix));
    let plan = Plan::new(name, image, &suffix)?;
    Ok(match health {
        Some(url) => plan.health(&url)?,
        None => plan,
    })
}

/// The server, its name in the journal, and the crate's own one if it is that.
fn server() -> Result<(Client, String, Option<Dokploy>), Failure> {
    if let Some(url) = variable("DOKPLOY_URL")? {
        if variable("DOKPLOY_API_TOKEN")?.is_none() {
            return Err(Failure::new("not_configured", "DOKPLOY_API_TOKEN is missing; set it"));
        }
        let client = Client::builder(&url).key(KeySource::Env("DOKPLOY_API_TOKEN")).build()?;
        return Ok((client, url.trim_end_matches('/').trim_end_matches("/api").to_owned(), None));
    }
    let own = Dokploy::start(Version::V0_30_2).map_err(|error| Failure::new("system", error))?;
    let client = Client::builder(own.url()).key(KeySource::Fixed(own.key().into())).build()?;
    Ok((client, OWN.to_owned(), Some(own)))
}

/// The journal of this server. One that tells of a server of the crate's own is over, as that server is.
fn open(path: &Path, server: &str) -> Result<FileJournal, JournalError> {
    let open = |server| FileJournal::open_of(path, server, Arc::new(SystemTime::now));
    let is_over = server == OWN && path.exists();
    let journal = match open(server) {
        Err(JournalError::OtherServer { server: known }) if known == OWN => None,
        opened => Some(opened?).filter(|_| !is_over),
    };
    if let Some(journal) = journal {
        return Ok(journal);
    }
    let failed = |error| JournalError::Unavailable { what: "removing an old one", source: Box::new(error) };
    std::fs::remove_file(path).map_err(failed)?;
    open(server)
}

/// A variable that is set; one that is empty is not.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::new("invalid_request", format!("{name} is no UTF-8"))),
    }
}

/// Whoever reads may be gone; the stack is deployed all the same.
fn say(line: &Value) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
