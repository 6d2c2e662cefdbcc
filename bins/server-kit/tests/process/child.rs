//! The server that the tests start: the test `child`, told by a variable to be one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser;
use http::HeaderMap;
use server_kit::auth::{Access, Authenticate, Digest, Identity, Proof, Role, Scope, UserId};
use server_kit::data_dir::DataDir;
use server_kit::guard::Gate;
use server_kit::problem::Problem;
use server_kit::routes::{About, Routes};
use server_kit::server::Server;
use server_kit::settings::{self, Program, ServerSettings};
use server_kit::shutdown::Shutdown;
use server_kit::{harden, logs};
use tokio::sync::watch;
use utoipa_axum::routes;

/// The variable that makes the test `child` a server.
const ROLE: &str = "TEST_IS_A_SERVER";
/// The arguments of the server, separated by spaces: the test harness keeps its own.
const ARGUMENTS: &str = "TEST_ARGUMENTS";
const PROGRAM: Program = Program { port: "0", also_known: &[ROLE, ARGUMENTS] };
/// What a server prints before its address.
const AT: &str = "listens on ";

/// A server's process; killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    /// Open as long as the server prints.
    _stdout: BufReader<ChildStdout>,
}

/// A command that becomes a server with these arguments.
pub(crate) fn server(arguments: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child::child", "--nocapture", "--test-threads=1"]).env_clear();
    command.env(ROLE, "1").env(ARGUMENTS, arguments).stdin(Stdio::null());
    command
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(AT) {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "the server ended before it listened");
        }
        let address = line.split(AT).nth(1).unwrap().trim().parse().unwrap();
        Self { child, address, _stdout: stdout }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// What a GET answers, to its end.
    pub(crate) fn get(&self, target: &str) -> String {
        self.get_with(target, "")
    }

    /// The same, with header lines.
    pub(crate) fn get_with(&self, target: &str, headers: &str) -> String {
        let mut stream = self.connect(target, headers);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    pub(crate) fn connect(&self, target: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head =
            format!("GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\r\n", self.address);
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    server: ServerSettings,
}

impl AsRef<ServerSettings> for Cli {
    fn as_ref(&self) -> &ServerSettings {
        &self.server
    }
}

/// Knows one user, whose name is made to forge the log.
struct OneForger;

#[async_trait]
impl Authenticate for OneForger {
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        if headers.get("x-api-key").is_none_or(|key| key != "forger") {
            return Err(Problem::unauthorized("sign in"));
        }
        let name = format!("\r\n\u{1b}[2J\u{202e}{}", "x".repeat(100_000));
        let proof = Proof::Key { scopes: vec![Scope::Admin], digest: Digest::of(&"x".into()) };
        Ok(Identity { user: UserId::new(uuid::Uuid::nil()), name, role: Role::Admin, proof })
    }

    async fn still_counts(&self, _: &Identity) -> bool {
        false
    }

    fn changes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

#[utoipa::path(get, path = "/hangs", responses((status = 200)))]
async fn hangs() -> &'static str {
    std::future::pending().await
}

#[utoipa::path(get, path = "/api/things/{id}", responses((status = 200)))]
async fn thing() -> &'static str {
    "a thing"
}

/// Not a test: the `main` of the servers that the tests start.
#[test]
fn child() {
    if std::env::var_os(ROLE).is_some() {
        let code = run();
        let code = if code == ExitCode::SUCCESS { 0 } else { 2 };
        #[expect(clippy::disallowed_methods, reason = "the harness would end with a code of its own")]
        std::process::exit(code);
    }
}

fn run() -> ExitCode {
    harden::process().unwrap();
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    let arguments = std::env::var(ARGUMENTS).unwrap_or_default();
    let arguments = std::iter::once("test").chain(arguments.split_whitespace());
    let settings = match settings::parse_from::<Cli>(&PROGRAM, arguments) {
        Ok(settings) => settings.server,
        Err(code) => return code,
    };
    logs::init(&settings.log_level, settings.format()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match runtime.block_on(serve(settings)) {
        Some(()) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

async fn serve(settings: ServerSettings) -> Option<()> {
    let _data = settings.data_dir.as_deref().map(|path| DataDir::open(path).unwrap());
    let shutdown = Shutdown::listen().unwrap();
    let listener = tokio::net::TcpListener::bind(settings.address()).await.unwrap();
    let routes = Routes::new().at(Access::Public, routes!(hangs)).at(Access::admin(), routes!(thing));
    let gate = Gate::new(Arc::new(OneForger), settings.rate());
    let server = Server::new(About { title: "test", version: "1" }, routes, gate).settings(&settings);
    println!("{AT}{}", listener.local_addr().unwrap());
    shutdown.over(server.serve(listener, shutdown.asked())).await.map(|served| served.unwrap())
}
