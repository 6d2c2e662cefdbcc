//! The session: owns the output, hears what comes in between lines, and runs one turn per message.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::arguments::Arguments;
use super::inbox::{Event, Inbox};
use super::output::Output;
use super::permission::Asked;
use super::plan::StandIn;
use super::shapes::{Field, Shape, text};
use super::{control, system};

/// Messages that wait for their turn; one more ends the stand-in with exit 1.
const WAITING_MAX: usize = 1000;

/// How long the CLI waits for stdin when it has a prompt as an argument.
const STDIN_PATIENCE: Duration = Duration::from_secs(3);

const NO_PROMPT: &str =
    "Error: Input must be provided either through stdin or as a prompt argument when using --print";
const STDIN_SILENT: &str = "Warning: no stdin data received in 3s, proceeding without it. If piping from a \
    slow command, redirect stdin explicitly: < /dev/null to skip, or wait longer.";

/// Every line tells the same time, so that two runs can be compared.
const TIMESTAMP: &str = "2026-11-21T08:00:00.000Z";

const DEFAULT_MODEL: &str = "claude-opus-5-5";

/// One run of the CLI.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) plan: StandIn,
    pub(super) arguments: Arguments,
    pub(super) inbox: Arc<Inbox>,
    pub(super) output: Output,
    pub(super) id: String,
    pub(super) model: String,
    pub(super) permission_mode: String,
    pub(super) asked: Option<Asked>,
    pub(super) denials: Vec<Value>,
    pub(super) turns: u32,
    pub(super) last: Outcome,
    waiting: VecDeque<String>,
    due: Instant,
}

/// How the last turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Fine,
    Failed,
    /// SIGINT: the process ends.
    Interrupted,
}

/// Why a turn stops before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) by: By,
    pub(super) at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Signal,
    Request,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Streaming,
    Tool,
}

impl Session {
    pub(super) fn new(plan: StandIn, arguments: Arguments, inbox: Arc<Inbox>) -> Self {
        let model = arguments.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
        Self {
            output: Output::new(),
            id: arguments.session_id(),
            model,
            permission_mode: arguments.first_permission_mode(),
            asked: None,
            denials: Vec::new(),
            turns: 0,
            last: Outcome::Fine,
            waiting: VecDeque::new(),
            due: Instant::now(),
            plan,
            arguments,
            inbox,
        }
    }

    /// Runs to the end; the exit code.
    pub(super) fn run(mut self) -> i32 {
        while let Some(prompt) = self.next_prompt() {
            self.last = self.turn(&prompt);
            self.turns += 1;
            if let Some(code) = self.plan.end.exit_code {
                return code;
            }
            if self.last == Outcome::Interrupted || !self.arguments.reads_messages() {
                break;
            }
        }
        i32::from(self.last == Outcome::Failed)
    }

    /// Writes a line in its turn: after what came in was heard, not before it is due, and not at all once the
    /// plan has gone silent.
    pub(super) fn emit(&mut self, line: &str) -> Result<(), Stop> {
        self.before_line()?;
        self.output.line(line);
        Ok(())
    }

    /// What every planned line waits for.
    pub(super) fn before_line(&mut self) -> Result<(), Stop> {
        while let Some(event) = self.inbox.heard() {
            self.hear(event)?;
        }
        if self.plan.stall_after.is_some_and(|after| self.output.lines() >= after) {
            self.inbox.silence();
            self.plan.stall_after = None;
            return Err(Stop { by: By::Signal, at: At::Streaming });
        }
        if self.plan.rate > 0.0 {
            while let Some(event) = self.inbox.heard_before(Some(self.due)) {
                self.hear(event)?;
            }
            self.due = self.due.max(Instant::now()) + pause(self.plan.rate);
        }
        Ok(())
    }

    /// Fills in a shape; what all lines have in common needs not be given.
    pub(super) fn line(&self, shape: Shape, fields: &[Field<'_>]) -> String {
        let mut all = vec![
            text("session_id", &self.id),
            text("uuid", &uuid::Uuid::new_v4().to_string()),
            text("timestamp", TIMESTAMP),
            text("model", &self.model),
            text("mode", &self.permission_mode),
        ];
        all.extend_from_slice(fields);
        shape.fill(&all)
    }

    /// Takes in what came; an interrupt is returned as the end of the turn.
    pub(super) fn hear(&mut self, event: Event) -> Result<(), Stop> {
        let line = match event {
            Event::Interrupt => return Err(Stop { by: By::Signal, at: At::Streaming }),
            Event::End => return Ok(()),
            Event::Line(line) if self.arguments.reads_messages() => line,
            Event::Line(late) => {
                self.wait_with(String::from_utf8_lossy(&late).into_owned());
                return Ok(());
            }
        };
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            let length = String::from_utf8_lossy(line).chars().count();
            system::complain(&format!(
                "Error parsing streaming input line (type=unknown, {length} chars): SyntaxError"
            ));
            system::exit(1);
        };
        match message["type"].as_str() {
            Some("user") => self.wait_with(prompt_of(&message)),
            Some("control_request") => return control::answer(self, &message),
            Some("control_response") => self.answered(&message),
            _ => {}
        }
        Ok(())
    }

    fn wait_with(&mut self, prompt: String) {
        if self.waiting.len() >= WAITING_MAX {
            system::complain(&format!("More than {WAITING_MAX} messages wait for their turn."));
            system::exit(1);
        }
        self.waiting.push_back(prompt);
    }

    fn answered(&mut self, message: &Value) {
        if let Some(asked) = &mut self.asked {
            asked.take(&message["response"]);
        }
    }

    fn next_prompt(&mut self) -> Option<String> {
        if !self.arguments.reads_messages() {
            return self.only_prompt();
        }
        loop {
            if let Some(prompt) = self.waiting.pop_front() {
                return Some(prompt);
            }
            match self.inbox.next() {
                Event::End => return None,
                Event::Interrupt => {
                    self.last = Outcome::Interrupted;
                    return None;
                }
                // An interrupt request between turns was answered and stops nothing.
                event @ Event::Line(_) => _ = self.hear(event),
            }
        }
    }

    /// The prompt of an argument, of stdin, or both.
    fn only_prompt(&mut self) -> Option<String> {
        let argument = self.arguments.prompt.take();
        let patience = argument.is_some().then(|| Instant::now() + STDIN_PATIENCE);
        let stdin = match self.inbox.next_before(patience) {
            Some(Event::Line(stdin)) => Some(String::from_utf8_lossy(&stdin).into_owned()),
            Some(Event::End) => None,
            Some(Event::Interrupt) => {
                self.last = Outcome::Interrupted;
                return None;
            }
            None => {
                system::complain(STDIN_SILENT);
                None
            }
        };
        match (argument, stdin) {
            (Some(argument), Some(stdin)) => Some(format!("{argument}\n{stdin}")),
            (Some(prompt), None) | (None, Some(prompt)) => Some(prompt),
            (None, None) if self.arguments.is_headless() => {
                system::complain(NO_PROMPT);
                self.last = Outcome::Failed;
                None
            }
            (None, None) => Some(String::new()),
        }
    }
}

/// The text of a user message; its content is a text or a list of blocks.
fn prompt_of(message: &Value) -> String {
    let content = &message["message"]["content"];
    let blocks = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    content.as_str().map_or_else(|| texts.join("\n"), str::to_owned)
}

fn pause(lines_per_second: f64) -> Duration {
    Duration::try_from_secs_f64(1.0 / lines_per_second).unwrap_or(Duration::MAX)
}
