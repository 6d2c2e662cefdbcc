//! The plan: what the stand-in does, as it travels through the environment.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LINE_SIZE_MIN, PLAN_VARIABLE};

/// What a stand-in for the Claude Code CLI does, built step by step.
///
/// Each turn is an `init` line, the steps in their order, and a `result` line. Without steps it answers `ok`.
/// With `--input-format stream-json` every user message is such a turn, until stdin ends.
///
/// One environment variable holds at most 128 KiB on Linux: use [`big_line`](Self::big_line) or
/// [`echo_prompt`](Self::echo_prompt) for long texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[must_use]
pub struct StandIn {
    pub(super) mode: Mode,
    pub(super) steps: Vec<Step>,
    pub(super) line_size: usize,
    pub(super) rate: f64,
    pub(super) ignored: Vec<Ignored>,
    pub(super) grandchild: bool,
    pub(super) stall_after: Option<u64>,
    pub(super) init: Opening,
    pub(super) end: End,
    pub(super) stderr: String,
}

/// Which kind of program it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) enum Mode {
    #[default]
    Steps,
    Silent,
    Replay {
        case: PathBuf,
        timing: bool,
    },
    NotLoggedIn,
    UnknownSession,
    RefusedAsRoot,
    ApiError {
        status: u16,
    },
}

/// One thing done in a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Step {
    Text(String),
    EchoPrompt,
    Lines(u64),
    BigLine(usize),
    Garbage,
    Ask { tool: String, input: Value },
}

/// A signal that does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ignored {
    Interrupt,
    Terminate,
}

/// How a turn begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Opening {
    #[default]
    Init,
    Nothing,
}

/// How the process ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// What stands behind the steps.
    pub(super) last: Last,
    /// The exit code, where it isn't that of the real CLI.
    pub(super) exit_code: Option<i32>,
    /// The signal the process ends itself with.
    pub(super) signal: Option<i32>,
}

/// What stands behind the steps of a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Last {
    #[default]
    Result,
    Nothing,
    HalfALine,
}

impl StandIn {
    /// A stand-in that answers each prompt with `ok`.
    pub fn new() -> Self {
        Self { line_size: LINE_SIZE_MIN, ..Self::default() }
    }

    /// Adds an answer: an `assistant` line with this text. The last text of a turn is its result.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.step(Step::Text(text.into()))
    }

    /// Adds an answer that is the prompt, as it came by stdin or as an argument.
    pub fn echo_prompt(self) -> Self {
        self.step(Step::EchoPrompt)
    }

    /// Adds `count` lines of [`size`](Self::size) bytes: short `assistant` lines whose `uuid` ends in their number,
    /// counted from 1.
    pub fn lines(self, count: u64) -> Self {
        self.step(Step::Lines(count))
    }

    /// Sets the size of each line of [`lines`](Self::lines): exactly this many bytes, the line feed included.
    /// [`LINE_SIZE_MIN`](super::LINE_SIZE_MIN) without it.
    pub fn size(mut self, bytes: usize) -> Self {
        self.line_size = bytes;
        self
    }

    /// Sets how many lines are written in a second; 0, the default, is as fast as possible.
    pub fn rate(mut self, lines_per_second: f64) -> Self {
        self.rate = lines_per_second;
        self
    }

    /// Adds one `assistant` line of exactly this many bytes, the line feed included.
    pub fn big_line(self, bytes: usize) -> Self {
        self.step(Step::BigLine(bytes))
    }

    /// Adds lines that no reader should choke on: no JSON, JSON that is no object, cut JSON, invalid UTF-8, CR,
    /// NUL, an empty line, an unknown type.
    pub fn garbage(self) -> Self {
        self.step(Step::Garbage)
    }

    /// Adds a use of a tool. With `--permission-prompt-tool stdio` and stream-json input it asks for permission
    /// by a `can_use_tool` request and waits for the answer; without anybody to ask the tool is denied; in a
    /// permission mode that allows it, it is "run" at once. The tool's result tells the input it got.
    pub fn asks(self, tool: impl Into<String>, input: Value) -> Self {
        self.step(Step::Ask { tool: tool.into(), input })
    }

    /// SIGTERM does nothing.
    pub fn ignore_sigterm(mut self) -> Self {
        self.ignored.push(Ignored::Terminate);
        self
    }

    /// SIGINT does nothing.
    pub fn ignore_sigint(mut self) -> Self {
        self.ignored.push(Ignored::Interrupt);
        self
    }

    /// Leaves a sleeping grandchild behind, as hard to find as it gets: forked twice, in a session of its own,
    /// its environment empty, its standard streams on `/dev/null`.
    pub fn grandchild(mut self) -> Self {
        self.grandchild = true;
        self
    }

    /// Goes silent for ever after this many lines; signals work as before.
    pub fn stall_after(mut self, lines: u64) -> Self {
        self.stall_after = Some(lines);
        self
    }

    /// Writes nothing at all, reads its stdin, and stays until a signal ends it.
    pub fn silent(self) -> Self {
        self.mode(Mode::Silent)
    }

    /// Leaves out the `init` line.
    pub fn no_init(mut self) -> Self {
        self.init = Opening::Nothing;
        self
    }

    /// Leaves out the `result` line: ends, exit 0, without having said how it went.
    pub fn no_result(mut self) -> Self {
        self.end.last = Last::Nothing;
        self
    }

    /// Ends in the middle of a line, by SIGKILL, unless [`die`](Self::die) or [`exit_code`](Self::exit_code) says
    /// otherwise.
    pub fn die_in_mid_line(mut self) -> Self {
        self.end.last = Last::HalfALine;
        self
    }

    /// Ends itself with this signal after the steps, without a `result` line.
    pub fn die(mut self, signal: i32) -> Self {
        self.end.signal = Some(signal);
        if self.end.last == Last::Result {
            self.end.last = Last::Nothing;
        }
        self
    }

    /// Ends with this exit code after the first turn.
    pub fn exit_code(mut self, code: i32) -> Self {
        self.end.exit_code = Some(code);
        self
    }

    /// Writes this and a line feed to stderr at the start.
    pub fn stderr(mut self, text: impl Into<String>) -> Self {
        self.stderr = text.into();
        self
    }

    /// Behaves like the CLI without a key and a login: error result, exit 1.
    pub fn not_logged_in(self) -> Self {
        self.mode(Mode::NotLoggedIn)
    }

    /// Behaves like the CLI that doesn't know the session of `--resume`: one error result, exit 1.
    pub fn unknown_session(self) -> Self {
        self.mode(Mode::UnknownSession)
    }

    /// Behaves like the CLI that root starts with `--dangerously-skip-permissions`: a line on stderr, exit 1.
    pub fn refused_as_root(self) -> Self {
        self.mode(Mode::RefusedAsRoot)
    }

    /// Behaves like the CLI whose API answers every request with this status: the retries it would make as
    /// `api_retry` lines, as many as `CLAUDE_CODE_MAX_RETRIES` says (10 without), but without the waits; then an
    /// error result and exit 1.
    pub fn api_error(self, status: u16) -> Self {
        self.mode(Mode::ApiError { status })
    }

    /// Writes a recording byte for byte: `stdout.ndjson`, `stderr.txt` and the exit code or signal of `case.json`
    /// in this folder, with `timing` each line as late as `arrivals.json` says. It waits for the answer behind
    /// each recorded `control_request`, and with stream-json input for the end of stdin before it ends.
    pub fn replay(self, case: impl Into<PathBuf>, timing: bool) -> Self {
        self.mode(Mode::Replay { case: case.into(), timing })
    }

    /// The environment variable that makes a program which calls [`become_if_asked`](super::become_if_asked) do
    /// all this: its name and value.
    #[must_use]
    pub fn to_env(&self) -> (String, String) {
        (PLAN_VARIABLE.to_owned(), serde_json::json!(self).to_string())
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}
