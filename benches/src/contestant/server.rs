//! A contestant that is running.

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Request, Stream, call};
use crate::process::{self, Pid, Stat};

/// What a server says on stdout once it listens, before its port.
pub(crate) const LISTENING: &str = "listening on ";

/// How long a server may take until it answers.
pub(crate) const START_MAX: Duration = Duration::from_secs(15);

/// Where a server's log lies in its directory.
const LOG: &str = "log.txt";

/// How much of a log an error tells, in bytes.
const LOG_TOLD: usize = 2000;

/// A server process; ended when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    address: SocketAddr,
    token: Option<String>,
}

/// CPU time in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cpu {
    /// Of the server process alone.
    pub(crate) own: f64,
    /// Of everybody below it too, CLIs that have ended and were waited for included.
    pub(crate) tree: f64,
}

impl Server {
    /// A process that says on stdout where it listens.
    pub(crate) fn announced(mut process: Process) -> anyhow::Result<Self> {
        let stdout = process.child.stdout.take().context("a server without stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().strip_prefix(LISTENING).and_then(|port| port.parse().ok());
        let port = port.with_context(|| format!("it doesn't listen: {line:?} {}", process.log()))?;
        Ok(Self::at(process, port, None))
    }

    /// A process that listens at this port of the loopback.
    pub(crate) fn at(process: Process, port: u16, token: Option<String>) -> Self {
        Self { process, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), token }
    }

    /// Starts a run of the CLI.
    pub(crate) fn ask(&self) -> anyhow::Result<Stream> {
        self.open("POST", "/api/claude", Some(&json!({ "prompt": "Say hello." })))
    }

    /// Opens an event stream.
    pub(crate) fn open(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Stream> {
        let request = Request { method, path, token: self.token.as_deref(), body };
        Stream::open(self.address, &request).with_context(|| self.process.log())
    }

    /// A plain answer; another status than a success is an error that tells it.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<String> {
        let request = Request { method, path, token: self.token.as_deref(), body };
        match call(self.address, &request).with_context(|| self.process.log())? {
            (200..=299, answer) => Ok(answer),
            (status, answer) => bail!("{method} {path}: status {status}: {answer}"),
        }
    }

    /// What its clients show, where it asks for that.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs the CLI and reads its answer to the end.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        self.ask()?.finish(&mut |_| {}).with_context(|| self.process.log())
    }

    pub(crate) fn pid(&self) -> Pid {
        self.process.child.id()
    }

    /// Resident memory of the server process in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        process::resident(self.pid())
    }

    /// CPU time up to now. What isn't waited for yet and what has moved away is missing in `tree`.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        let server = Stat::of(self.pid()).context("the server is gone")?;
        let below = process::descendants(self.pid());
        let below: f64 = below.iter().map(|stat| stat.own_cpu + stat.children_cpu).sum();
        let own = process::cpu_seconds(self.pid()).context("the server is gone")?;
        Ok(Cpu { own, tree: own + server.children_cpu + below })
    }

    /// Who is below the server and is not the CLI: its supervisors.
    pub(crate) fn supervisors(&self) -> Vec<Pid> {
        let below = process::descendants(self.pid()).into_iter();
        let alive = below.filter(|stat| !stat.is_zombie()).map(|stat| stat.pid);
        alive.filter(|pid| !is_cli(*pid)).collect()
    }
}

/// Whether this process is the stand-in for the CLI.
pub(crate) fn is_cli(pid: Pid) -> bool {
    let arguments = process::arguments(pid);
    let ours =
        env::current_exe().is_ok_and(|exe| arguments.first().is_some_and(|first| exe == Path::new(first)));
    ours && arguments.get(1).is_some_and(|argument| argument == "-p")
}

/// A process with a directory of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) child: Child,
    directory: TempDir,
}

impl Process {
    /// Starts a program with a fresh environment and a fresh directory: its home, and where its log lies.
    pub(crate) fn start(
        program: &Path,
        scratch: &Path,
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> anyhow::Result<Self> {
        let directory = TempDir::new_in(scratch)?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory.path());
        command.env("HOST", "127.0.0.1").env("CLAUDE_CODE_PATH", env::current_exe()?);
        let log = File::create(directory.path().join(LOG))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        // Ctrl-C reaches the benches alone, which end everybody.
        command.process_group(0);
        prepare(&mut command, directory.path());
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { child, directory })
    }

    /// Whether it is still there; an error tells its log.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("it ended ({status}): {}", self.log()),
            None => Ok(()),
        }
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        let mut text = String::new();
        let read =
            File::open(self.directory.path().join(LOG)).and_then(|mut file| file.read_to_string(&mut text));
        let told = text.len().saturating_sub(LOG_TOLD);
        let told = text.get(text.ceil_char_boundary(told)..).unwrap_or_default().trim();
        match read {
            Ok(_) if told.is_empty() => "(its log is empty)".to_owned(),
            Ok(_) => format!("its log: {told}"),
            Err(error) => format!("its log can't be read: {error}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
