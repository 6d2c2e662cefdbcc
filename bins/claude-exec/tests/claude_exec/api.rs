//! `--backend api`, with a Messages API on this machine.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use claude_core::testing::{LoopbackApi, Plan};
use serde_json::Value;

use crate::support::{PROGRAM, Ran, run, run_with_input};

/// An API of a test's own.
struct Api {
    api: LoopbackApi,
    _runtime: tokio::runtime::Runtime,
}

impl Api {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let api = runtime.block_on(LoopbackApi::start(Plan::scenarios())).unwrap();
        Self { api, _runtime: runtime }
    }

    /// Without anything of this machine's environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().stdin(Stdio::null());
        command.env("ANTHROPIC_BASE_URL", self.api.url()).env("ANTHROPIC_API_KEY", "test");
        command.args(["run", "--backend=api"]).args(arguments);
        command
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }
}

pub(crate) fn an_answer_of_the_api_comes_in_each_form() {
    let api = Api::new();
    let text = api.ask(&["scenario:text n=6"]);
    assert_eq!((text.code, text.out.as_str()), (0, "stream every token as it comes\n"), "{text:?}");
    assert!(text.err.contains("done · 100 tokens in, 6 out"), "{}", text.err);

    let json = api.ask(&["--output=json", "scenario:text n=6"]);
    let object: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(object["result"], "stream every token as it comes", "{json:?}");
    assert_eq!(
        (&object["is_error"], &object["session_id"], &object["usage"]["output_tokens"]),
        (&false.into(), &Value::Null, &6.into())
    );

    let lines = api.ask(&["--output=stream-json", "scenario:text n=6"]);
    let events: Vec<Value> = lines.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let deltas: String = events.iter().filter_map(|it| it["text"].as_str()).collect();
    assert_eq!(deltas, "stream every token as it comes", "{lines:?}");
    assert_eq!((&events[0]["type"], &events[0]["backend"]), (&"started".into(), &"api".into()));
    assert_eq!(events.last().unwrap()["type"], "completed");
}

pub(crate) fn what_is_asked_of_the_api_is_what_was_said() {
    let api = Api::new();
    let mut command = api.command(&["--model=claude-haiku-5-5", "--system-prompt=Be brief.", "-"]);
    let ran = run_with_input(&mut command, b"scenario:text n=3");
    assert_eq!(ran.code, 0, "{ran:?}");
    let asked = api.api.requests().last().unwrap().body.clone();
    assert_eq!(asked["model"], "claude-haiku-5-5");
    assert!(asked["system"].to_string().contains("Be brief."), "{asked}");
    assert!(asked["messages"].to_string().contains("scenario:text n=3"), "{asked}");
    assert!(asked["tools"].as_array().is_none_or(Vec::is_empty), "{asked}");
}

pub(crate) fn failures_of_the_api_end_with_their_codes() {
    let api = Api::new();
    for (code, status) in [(1, 400), (4, 401), (5, 429), (5, 529)] {
        // Told to wait longer than anybody would: nothing is repeated.
        let ran = api.ask(&[&format!("scenario:error status={status} retry_after=3600 message=planned")]);
        assert_eq!(ran.code, code, "{status}: {ran:?}");
        assert!(ran.out.is_empty() && ran.err.contains("planned"), "{status}: {ran:?}");
    }
    let ran = run(api.command(&["hi"]).env_remove("ANTHROPIC_API_KEY"));
    assert!(ran.code == 4 && ran.err.contains("key"), "{ran:?}");
    let cut = api.ask(&["--output=json", "scenario:cut"]);
    let object: Value = serde_json::from_str(&cut.out).unwrap();
    assert_eq!((cut.code, &object["is_error"]), (1, &true.into()), "a cut answer is no success: {cut:?}");
    for flag in ["--timeout=400ms", "--idle-timeout=400ms"] {
        let ran = api.ask(&[flag, "scenario:stall"]);
        assert!(ran.code == 124 && ran.err.contains("timed out"), "{flag}: {ran:?}");
    }
}

pub(crate) fn what_the_api_has_no_use_for_is_refused() {
    let api = Api::new();
    let refused: [(&[&str], &str); 8] = [
        (&["--resume=00000000-0000-4000-8000-000000000000", "hi"], "--resume"),
        (&["--allowed-tools=Read", "hi"], "--allowed-tools"),
        (&["--approve=deny", "hi"], "--approve"),
        (&["--include-partial-messages", "hi"], "--include-partial-messages"),
        (&["--max-turns=0", "hi"], "it is 0"),
        (&["--max-cost=-1", "hi"], "no amount above 0"),
        (&[""], "it is empty"),
        (&["--model=--settings={}", "hi"], "no model's name"),
    ];
    for (arguments, message) in refused {
        let ran = api.ask(arguments);
        assert!(ran.code == 2 && ran.err.contains(message), "{arguments:?}: {ran:?}");
    }
    assert!(api.api.requests().is_empty());
}

pub(crate) fn ctrl_c_interrupts_the_api_and_keeps_what_came() {
    let api = Api::new();
    let mut command = api.command(&["scenario:slow n=5000 delay=20"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut some = Vec::new();
    reader.read_until(b' ', &mut some).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    reader.read_until(0, &mut some).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    assert!(some.starts_with(b"stream "), "{some:?}");
}

pub(crate) fn a_reader_that_leaves_ends_the_call() {
    let api = Api::new();
    let mut command = api.command(&["--output=stream-json", "scenario:slow n=5000 delay=2"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("started"), "{line}");
    let started = std::time::Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(started.elapsed() < Duration::from_secs(8), "it did not wait for the end of the answer");
}
