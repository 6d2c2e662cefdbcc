//! What these tests share.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use claude_core::testing::{LoopbackApi, Plan, StandIn, real_cli};
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_claude-exec");

/// `claude-exec` with this very program as its Claude Code.
pub(crate) fn with_stand_in(plan: &StandIn) -> Command {
    let mut command = clean();
    let (name, plan) = plan.to_env();
    command.env(name, plan).env("CLAUDE_CODE_PATH", std::env::current_exe().unwrap());
    command
}

/// Without what this machine's environment would add.
fn clean() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
    command
}

pub(crate) fn run(command: &mut Command) -> Ran {
    Ran::from(command.output().unwrap())
}

pub(crate) fn run_with_input(command: &mut Command, input: &[u8]) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may refuse the prompt before it has read all of it.
    let writer = std::thread::spawn(move || _ = stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran::from(output)
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

/// The real CLI with a home of its own and an API on this machine.
pub(crate) struct Real {
    pub(crate) api: LoopbackApi,
    pub(crate) home: TempDir,
    pub(crate) work: TempDir,
    cli: PathBuf,
    _runtime: tokio::runtime::Runtime,
}

impl Real {
    pub(crate) fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let api = runtime.block_on(LoopbackApi::start(Plan::scenarios())).unwrap();
        let cli = real_cli().unwrap_or_else(|missing| panic!("{missing}"));
        Self {
            api,
            home: tempfile::tempdir().unwrap(),
            work: tempfile::tempdir().unwrap(),
            cli,
            _runtime: runtime,
        }
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", self.home.path().display().to_string()),
            ("ANTHROPIC_BASE_URL", self.api.url()),
            ("ANTHROPIC_API_KEY", "test".into()),
            ("CLAUDE_CODE_PATH", self.cli.display().to_string()),
            ("CLAUDE_CODE_MAX_RETRIES", "1".into()),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".into()),
        ]
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean();
        command.envs(self.environment()).arg("run").arg("--cwd").arg(self.work.path()).args(arguments);
        command
    }

    /// The texts of the newest user message that reached the API.
    pub(crate) fn last_prompt(&self) -> String {
        let requests = self.api.requests();
        let messages = requests.last().unwrap().messages().to_vec();
        let user = messages.iter().rfind(|message| message["role"] == "user").unwrap();
        match &user["content"] {
            serde_json::Value::String(text) => text.clone(),
            blocks => blocks.as_array().unwrap().iter().filter_map(|it| it["text"].as_str()).collect(),
        }
    }
}

/// Waits until `fine` holds; the cap is generous, since it only bounds a failure.
pub(crate) fn eventually(what: &str, fine: impl Fn() -> bool) {
    let started = Instant::now();
    while !fine() {
        assert!(started.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
