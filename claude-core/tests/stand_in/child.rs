//! The stand-in as a child process.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use claude_core::testing::StandIn;
use serde_json::{Value, json};

pub(crate) const PRINT: [&str; 4] = ["-p", "--verbose", "--output-format", "stream-json"];
pub(crate) const CONTROL: [&str; 8] = [
    "-p",
    "--verbose",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--permission-prompt-tool",
    "stdio",
];
pub(crate) const SESSION: &str = "c0b5feb6-7551-4e75-b81b-c3b5a743c25f";

pub(crate) fn command(plan: &StandIn) -> Command {
    let (name, value) = plan.to_env();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(name, value).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn start(plan: &StandIn, arguments: &[&str]) -> Child {
    command(plan).args(arguments).spawn().unwrap()
}

pub(crate) fn run(plan: &StandIn, arguments: &[&str], stdin: &str) -> Output {
    finish(command(plan).args(arguments), stdin)
}

pub(crate) fn finish(command: &mut Command, stdin: &str) -> Output {
    let mut child = command.spawn().unwrap();
    // One that doesn't read its stdin may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

pub(crate) fn with<'a>(arguments: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [arguments, more].concat()
}

pub(crate) fn send(child: &Child, signal: i32) {
    // SAFETY: plain numbers; the child is ours and not reaped yet.
    #[allow(unsafe_code)]
    unsafe {
        libc::kill(i32::try_from(child.id()).unwrap(), signal)
    };
}

pub(crate) fn read(stdout: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

pub(crate) fn lines(output: &Output) -> Vec<Value> {
    parse(&output.stdout)
}

pub(crate) fn parse(bytes: &[u8]) -> Vec<Value> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// A line's type, and its subtype if it has one.
pub(crate) fn kind(line: &Value) -> String {
    let parts = [&line["type"], &line["subtype"]];
    parts.iter().filter_map(|part| part.as_str()).collect::<Vec<_>>().join("/")
}

pub(crate) fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude-cli/cases")
}

pub(crate) fn recorded(case: &str, file: &str) -> Vec<u8> {
    std::fs::read(cases().join(case).join(file)).unwrap()
}

/// A conversation by the control protocol.
pub(crate) struct Talk {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) heard: Vec<Value>,
}

impl Talk {
    pub(crate) fn start(plan: &StandIn, arguments: &[&str]) -> Self {
        let mut child = start(plan, arguments);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout, heard: Vec::new() }
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn close(&mut self) {
        drop(self.child.stdin.take());
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.write(&format!("{message}\n"));
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.send(&json!({"type": "user", "message": {"role": "user", "content": text}, "session_id": ""}));
    }

    pub(crate) fn request(&mut self, request: &Value) {
        self.send(&json!({"type": "control_request", "request_id": "r", "request": request}));
    }

    pub(crate) fn answer(&mut self, question: &Value, response: &Value) {
        let id = &question["request_id"];
        let response = json!({"subtype": "success", "request_id": id, "response": response});
        self.send(&json!({"type": "control_response", "response": response}));
    }

    /// Reads on to a line of this type, or type and subtype.
    pub(crate) fn hear_until(&mut self, wanted: &str) -> Value {
        loop {
            let line = read(&mut self.stdout);
            self.heard.push(line.clone());
            if line["type"] == wanted || kind(&line) == wanted {
                return line;
            }
        }
    }

    pub(crate) fn end(mut self) -> Option<i32> {
        self.close();
        self.stdout.read_to_end(&mut Vec::new()).unwrap();
        self.child.wait().unwrap().code()
    }
}
