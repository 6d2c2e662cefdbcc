//! claude-web, as it is released.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::server::{Process, START_MAX};
use super::{Reach, Server, Setup};
use crate::http::{Request, call};

/// How often a starting server is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(20);

pub(super) fn start(setup: &Setup<'_>) -> anyhow::Result<Server> {
    start_with(setup.scratch, |command| {
        let (name, plan) = setup.plan.to_env();
        command.env(name, plan);
        if setup.reach == Reach::Supervisors {
            command.env("PROCESS_TREE_REACH", "supervisor");
        }
    })
}

/// On a fresh data directory, limits off, with what else is in its environment.
pub(crate) fn start_with(scratch: &Path, prepare: impl FnOnce(&mut Command)) -> anyhow::Result<Server> {
    let (port, password) = (free_port()?, password());
    let mut process = Process::start(&program()?, scratch, |command, directory| {
        command.env("PORT", port.to_string()).env("ADMIN_PASSWORD", &password);
        command.env("DATA_DIR", directory.join("data")).env("WORKSPACES_DIR", directory.join("workspaces"));
        command.envs([("RATE_LIMIT_MAX_REQUESTS", "0"), ("MAX_STREAMS_PER_USER", "0"), ("MAX_RUNS", "512")]);
        // A run whose reader left is over at once, as it is with the peers.
        command.envs([("RUN_GRACE_MS", "0"), ("LOG_LEVEL", "warn")]);
        command.stdout(Stdio::null());
        prepare(command);
    })?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    wait_until_ready(&mut process, address)?;
    let token = log_in(address, &password)?;
    Ok(Server::at(process, port, Some(token)))
}

pub(crate) fn lack() -> Option<String> {
    match program() {
        Ok(program) if program.exists() => None,
        Ok(program) => Some(format!("{} is not built; --without-ours leaves it out", program.display())),
        Err(error) => Some(error.to_string()),
    }
}

/// It is built into the same directory as this program.
fn program() -> anyhow::Result<PathBuf> {
    Ok(env::current_exe()?.parent().unwrap_or(Path::new(".")).join("claude-web"))
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Twenty random characters.
fn password() -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(20).collect()
}

fn wait_until_ready(process: &mut Process, address: SocketAddr) -> anyhow::Result<()> {
    let health = Request { method: "GET", path: "/health", token: None, body: None };
    let deadline = Instant::now() + START_MAX;
    loop {
        process.check()?;
        match call(address, &health) {
            Ok((200, _)) => return Ok(()),
            other if Instant::now() > deadline => bail!("it doesn't become ready: {other:?}"),
            _ => thread::sleep(ASK_EVERY),
        }
    }
}

fn log_in(address: SocketAddr, password: &str) -> anyhow::Result<String> {
    let body = json!({ "username": "admin", "password": password });
    let request = Request { method: "POST", path: "/auth/login", token: None, body: Some(&body) };
    let (status, answer) = call(address, &request).context("cannot log in")?;
    let token = serde_json::from_str::<Value>(&answer)
        .ok()
        .and_then(|answer| Some(answer["token"].as_str()?.to_owned()));
    token.with_context(|| format!("cannot log in: status {status}: {answer}"))
}
