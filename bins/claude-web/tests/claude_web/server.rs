//! A running server, and how to talk to it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_core::testing::StandIn;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::events::Events;

/// The admin's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Held by tests that count grandchildren, which can't be told apart.
pub(crate) static GRANDCHILDREN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Runs a test's future.
pub(crate) fn block_on<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

/// A server's settings and data, whether it runs or not.
pub(crate) struct Place {
    pub(crate) data: Arc<TempDir>,
    variables: Vec<(String, String)>,
}

impl Place {
    /// With this very program as its Claude Code.
    pub(crate) fn new(plan: &StandIn) -> Self {
        let cli = std::env::current_exe().unwrap().display().to_string();
        let (name, plan) = plan.to_env();
        Self::with_cli(&cli).set(&name, &plan)
    }

    pub(crate) fn with_cli(cli: &str) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let place = Self { data, variables: Vec::new() };
        let home = place.data.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let working_dir = place.data.path().join("terminals").display().to_string();
        place
            .set("HOME", &home.display().to_string())
            .set("PATH", &std::env::var("PATH").unwrap())
            .set("PORT", "0")
            .set("ADMIN_PASSWORD", PASSWORD)
            .set("LOG_LEVEL", "error")
            .set("RATE_LIMIT_MAX_REQUESTS", "0")
            .set("MAX_STREAMS_PER_USER", "0")
            .set("CLAUDE_WORKING_DIR", &working_dir)
            .set("CLAUDE_CODE_PATH", cli)
    }

    /// Sets a variable; the last value counts.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    /// With this Messages API and a key for it.
    pub(crate) fn with_api(self, url: &str) -> Self {
        self.set("ANTHROPIC_BASE_URL", url).set("ANTHROPIC_API_KEY", "test-key-0123456789")
    }

    pub(crate) fn workspaces(&self) -> std::path::PathBuf {
        self.data.path().join("data/workspaces")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claude-web"));
        command.env_clear().envs(self.variables.iter().cloned());
        command.env("DATA_DIR", self.data.path().join("data")).stdin(Stdio::null());
        command
    }

    /// Starts the server and signs the admin in.
    pub(crate) async fn start(&self) -> Server {
        let mut server = self.start_unsigned();
        server.token = server.sign_in("admin", PASSWORD).await;
        server
    }

    pub(crate) fn start_unsigned(&self) -> Server {
        let mut child = self.command().stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("the server ended before it listened").unwrap();
            if let Some(url) = line.strip_prefix("claude-web listens on ") {
                break url.to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        let _data = self.data.clone();
        Server { child, url, token: String::new(), client: Client::new(), _data }
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) token: String,
    client: Client,
    /// Kept as long as it runs.
    _data: Arc<TempDir>,
}

impl Server {
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> String {
        let body = json!({"username": name, "password": password});
        let answer = self.client.post(format!("{}/auth/login", self.url)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// A request without a token.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_as(&self.token, method, path)
    }

    pub(crate) fn request_as(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(token)
    }

    pub(crate) fn ask(&self, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/api/claude").json(body)
    }

    pub(crate) fn chat(&self, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/api/chat").json(body)
    }

    /// A chat turn and its events.
    pub(crate) async fn turn(&self, body: &Value) -> Events {
        let answer = self.chat(body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        Events::of(answer)
    }

    /// A run and its events.
    pub(crate) async fn run(&self, body: &Value) -> Events {
        let answer = self.ask(body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        Events::of(answer)
    }

    pub(crate) async fn events(&self, run: &str, after: u64) -> Events {
        let request = self.request(Method::GET, &format!("/api/runs/{run}/events"));
        let answer = request.header("last-event-id", after.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        Events::of(answer)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// A run's state once it is one of these.
    pub(crate) async fn run_in(&self, run: &str, states: &[&str]) -> Value {
        let started = Instant::now();
        loop {
            let info = self.get(&format!("/api/runs/{run}")).await;
            if states.contains(&info["state"].as_str().unwrap()) {
                return info;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "not {states:?} within 30 s: {info}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(40), "the server does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The code of an error answer, which has our shape.
pub(crate) async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let header = answer.headers().get("x-request-id").map(|id| id.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text:?}"));
    let error = &body["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{text}");
    assert_eq!(error["request_id"].as_str(), header.as_deref(), "{text}");
    (status, error["code"].as_str().unwrap().to_owned())
}

/// Waits until `fine` holds; the cap is generous, since it only bounds a failure.
pub(crate) async fn eventually(what: &str, fine: impl Fn() -> bool) {
    let started = Instant::now();
    while !fine() {
        assert!(started.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until no run works any more.
pub(crate) async fn no_run_is_left(server: &Server) {
    let started = Instant::now();
    while server.get("/api/runs?state=running").await["items"] != json!([]) {
        assert!(started.elapsed() < Duration::from_secs(30), "runs go on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The names in a directory; none where there is no directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
