//! The peers that run on Node.

use std::path::Path;
use std::process::{Command, Stdio};

use super::server::Process;
use super::{Server, Setup};

/// Where the peers' sources lie.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

pub(super) fn start(script: &str, setup: &Setup<'_>) -> anyhow::Result<Server> {
    let process = Process::start(Path::new("node"), setup.scratch, |command, _| {
        let (name, plan) = setup.plan.to_env();
        command.arg(Path::new(PEERS).join(script)).env("NODE_ENV", "production").env(name, plan);
    })?;
    Server::announced(process)
}

pub(super) fn lack() -> Option<String> {
    version().is_none().then(|| "node is not installed".to_owned())
}

/// What `node --version` says.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("node").arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
