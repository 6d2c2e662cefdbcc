//! The real Claude Code CLI, served by the loopback API.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use claude_core::testing::{LoopbackApi, Plan, Reply, real_cli};
use serde_json::{Value, json};

const PRINT: [&str; 4] = ["-p", "--verbose", "--output-format", "stream-json"];
const CONTROL: [&str; 8] = [
    "-p",
    "--verbose",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--permission-prompt-tool",
    "stdio",
];

/// A run of the CLI with an empty home.
struct Run {
    child: Child,
    stdout: BufReader<ChildStdout>,
    lines: Vec<Value>,
    home: tempfile::TempDir,
}

impl Run {
    fn start(api: &LoopbackApi, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let work = home.path().join("work");
        std::fs::create_dir(&work).unwrap();
        let program = real_cli().unwrap_or_else(|missing| panic!("{missing}"));
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("ANTHROPIC_BASE_URL", api.url())
            .env("ANTHROPIC_API_KEY", "test")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("CLAUDE_CODE_MAX_RETRIES", "2")
            .env("IS_SANDBOX", "1")
            .current_dir(work)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout, lines: Vec::new(), home }
    }

    fn work(&self) -> std::path::PathBuf {
        self.home.path().join("work")
    }

    fn write(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn send(&mut self, message: &Value) {
        self.write(&format!("{message}\n"));
    }

    fn say(&mut self, text: &str) {
        let message = json!({"role": "user", "content": text});
        self.send(&json!({"type": "user", "message": message, "parent_tool_use_id": null, "session_id": ""}));
    }

    /// Reads on to a line of this type.
    fn until(&mut self, kind: &str) -> Value {
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line).unwrap() == 0 {
                let mut stderr = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
                panic!("no {kind} line among {:#?}; stderr: {stderr}", self.lines);
            }
            let line: Value = serde_json::from_str(&line).unwrap();
            self.lines.push(line.clone());
            if line["type"] == kind {
                return line;
            }
        }
    }

    /// Closes stdin and reads to the end; all lines and the exit code.
    fn end(mut self) -> (Vec<Value>, Option<i32>) {
        drop(self.child.stdin.take());
        for line in self.stdout.by_ref().lines() {
            self.lines.push(serde_json::from_str(&line.unwrap()).unwrap());
        }
        (std::mem::take(&mut self.lines), self.child.wait().unwrap().code())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs it with a prompt on stdin.
async fn run(api: &LoopbackApi, prompt: &str) -> (Vec<Value>, Option<i32>) {
    let mut run = Run::start(api, &PRINT);
    let prompt = prompt.to_owned();
    tokio::task::spawn_blocking(move || {
        run.write(&prompt);
        run.end()
    })
    .await
    .unwrap()
}

fn result(lines: &[Value]) -> &Value {
    lines.iter().rfind(|line| line["type"] == "result").expect("a result line")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gets_a_text() {
    let api = LoopbackApi::start(Reply::text("Hello from the loopback.")).await.unwrap();
    let (lines, code) = run(&api, "Say hello.").await;
    assert_eq!((result(&lines)["result"].as_str(), code), (Some("Hello from the loopback."), Some(0)));
    let requests = api.requests();
    let asked = requests.iter().find(|request| request.path == "/v1/messages").unwrap();
    assert_eq!((asked.header("anthropic-version"), asked.streams()), (Some("2023-06-01"), true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_a_tool_and_keeps_to_the_rules_of_the_api() {
    let api = LoopbackApi::start(Plan::scenarios().strict().require_key("test")).await.unwrap();
    let (lines, code) = run(&api, "scenario:tool_bash command='echo $((6 * 7))'").await;
    let results = lines.iter().filter(|line| line["type"] == "user");
    let outputs: Vec<_> = results.map(|line| line["message"]["content"][0]["content"].clone()).collect();
    assert_eq!(outputs, ["42"]);
    let done = "Done after 1 tool round(s); 1 result(s), 0 error(s).";
    assert_eq!((result(&lines)["result"].as_str(), code), (Some(done), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asks_for_permission() {
    let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
    let mut run = Run::start(&api, &CONTROL);
    let work = run.work();
    tokio::task::spawn_blocking(move || {
        run.say(&format!("scenario:tool_write path={}/new.txt content=hello", work.display()));
        let question = run.until("control_request");
        assert_eq!(question["request"]["tool_name"], "Write");
        let mut input = question["request"]["input"].clone();
        input["content"] = "changed".into();
        let response = json!({"subtype": "success", "request_id": question["request_id"],
            "response": {"behavior": "allow", "updatedInput": input}});
        run.send(&json!({"type": "control_response", "response": response}));
        run.until("result");
        assert_eq!(std::fs::read_to_string(work.join("new.txt")).unwrap(), "changed");
        assert_eq!(run.end().1, Some(0));
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_as_long_as_retry_after_says() {
    let replies = [Reply::status(429).retry_after(1), Reply::text("Fine after all.")];
    let api = LoopbackApi::start(replies).await.unwrap();
    let (lines, code) = run(&api, "Try.").await;
    let retry = lines.iter().find(|line| line["subtype"] == "api_retry").expect("an api_retry line");
    assert_eq!((&retry["error_status"], &retry["error"]), (&json!(429), &json!("rate_limit")));
    assert!(retry["retry_delay_ms"].as_f64().unwrap() >= 1000.0, "{retry}");
    assert_eq!((result(&lines)["result"].as_str(), code), (Some("Fine after all."), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tells_that_the_key_is_refused() {
    let api = LoopbackApi::start(Reply::status(401)).await.unwrap();
    let (lines, code) = run(&api, "Try.").await;
    let result = result(&lines);
    assert_eq!((&result["is_error"], &result["api_error_status"]), (&json!(true), &json!(401)));
    assert_eq!(
        (code, api.requests().iter().filter(|request| request.path == "/v1/messages").count()),
        (Some(1), 3)
    );
}

#[test]
fn the_program_lies_where_it_is_installed() {
    let program = real_cli().unwrap_or_else(|missing| panic!("{missing}"));
    assert!(Path::new(&program).is_file());
}
