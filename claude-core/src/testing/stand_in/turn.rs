//! One turn: its opening, its steps, its end.

use serde_json::{Value, json};

use super::bulk::Bulk;
use super::plan::{Last, Mode, Opening, Step};
use super::session::{At, By, Outcome, Session, Stop};
use super::shapes::{self, json as field, quoted, text};
use super::{failure, permission, system};

/// The answer of a plan without steps.
const DEFAULT_TEXT: &str = "ok";

/// Lines that are no messages.
const GARBAGE: [&[u8]; 11] = [
    b"this is no JSON\n",
    b"{\"type\":\"assistant\",\"message\":{\n",
    b"{\"type\":\"\xff\xfe\xc0\"}\n",
    b"\xed\xa0\x80\n",
    b"\r\n",
    b"{\"type\":\"from_the_future\",\"n\":1}\r\n",
    b"\0\0\0\n",
    b"\n",
    b"null\n",
    b"[{\"type\":\"result\"}]\n",
    b"{\"no\":\"type\"}\n",
];

/// Short-hand for an identifier of the API's kind.
pub(super) fn id(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::new_v4().simple().to_string().to_uppercase())
}

impl Session {
    /// Runs a turn; ends the process here if the plan says so.
    pub(super) fn turn(&mut self, prompt: &str) -> Outcome {
        self.denials.clear();
        let played = match self.plan.mode {
            Mode::NotLoggedIn => failure::not_logged_in(self),
            Mode::UnknownSession => failure::unknown_session(self),
            Mode::ApiError { status } => failure::api_error(self, status),
            _ => self.play(prompt).map(|()| Outcome::Fine),
        };
        played.unwrap_or_else(|stop| self.abort(stop))
    }

    pub(super) fn init(&mut self, key_source: &str) -> Result<(), Stop> {
        let folder = std::env::current_dir().unwrap_or_default();
        let line = self
            .line(shapes::INIT, &[text("cwd", &folder.to_string_lossy()), text("key_source", key_source)]);
        self.emit(&line)
    }

    /// An `assistant` line with one content block.
    pub(super) fn assistant(&mut self, message_id: &str, block: &Value) -> Result<(), Stop> {
        let line = self.line(
            shapes::ASSISTANT,
            &[text("message_id", message_id), field("block", block), text("request_id", &id("req"))],
        );
        self.emit(&line)
    }

    fn play(&mut self, prompt: &str) -> Result<(), Stop> {
        if self.plan.init == Opening::Init {
            self.init("ANTHROPIC_API_KEY")?;
        }
        let mut steps = self.plan.steps.clone();
        if steps.is_empty() {
            steps.push(Step::Text(DEFAULT_TEXT.to_owned()));
        }
        let asks = steps.iter().filter(|step| matches!(step, Step::Ask { .. })).count();
        if matches!(steps.last(), Some(Step::Ask { .. })) {
            steps.push(Step::Text(String::new()));
        }
        let mut answer = String::new();
        for step in steps {
            match step {
                Step::Text(text) if text.is_empty() && asks > 0 => answer = self.done(asks),
                Step::Text(text) => answer = text,
                Step::EchoPrompt => prompt.clone_into(&mut answer),
                Step::Lines(count) => {
                    self.lines(count, self.plan.line_size)?;
                    continue;
                }
                Step::BigLine(size) => {
                    self.lines(1, size)?;
                    continue;
                }
                Step::Garbage => {
                    self.garbage()?;
                    continue;
                }
                Step::Ask { tool, input } => {
                    permission::ask(self, &tool, &input)?;
                    continue;
                }
            }
            self.say(&answer)?;
        }
        self.end(&answer, asks)
    }

    fn done(&self, asks: usize) -> String {
        let errors = self.denials.len();
        format!("Done after {asks} tool round(s); {asks} result(s), {errors} error(s).")
    }

    /// An answer, in pieces as well if the caller wants to see them.
    fn say(&mut self, answer: &str) -> Result<(), Stop> {
        let message_id = id("msg");
        let block = json!({"type": "text", "text": answer});
        if !self.arguments.partial_messages {
            return self.assistant(&message_id, &block);
        }
        let status = self.line(shapes::STATUS_REQUESTING, &[]);
        self.emit(&status)?;
        let model = quoted(&self.model);
        self.event(&message_id, &format!(r#"{{"type":"message_start","message":{{"id":"{message_id}","type":"message","role":"assistant","model":{model},"content":[],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":100,"output_tokens":1}}}}}}"#))?;
        self.event(
            &message_id,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        )?;
        for word in answer.split_inclusive(' ') {
            let word = quoted(word);
            self.event(&message_id, &format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{word}}}}}"#))?;
        }
        self.assistant(&message_id, &block)?;
        self.event(&message_id, r#"{"type":"content_block_stop","index":0}"#)?;
        self.event(&message_id, r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":12}}"#)?;
        self.event(&message_id, r#"{"type":"message_stop"}"#)
    }

    fn event(&mut self, message_id: &str, event: &str) -> Result<(), Stop> {
        let line =
            self.line(shapes::STREAM_EVENT, &[text("message_id", message_id), ("event", event.to_owned())]);
        self.emit(&line)
    }

    fn lines(&mut self, count: u64, size: usize) -> Result<(), Stop> {
        let mut bulk = Bulk::new(&self.id, size, count);
        let mut left = count;
        while left > 0 {
            self.before_line()?;
            let until_silence = self.plan.stall_after.map_or(u64::MAX, |after| after - self.output.lines());
            let at_once = if self.plan.rate > 0.0 { 1 } else { until_silence };
            let (bytes, written) = bulk.next(left.min(at_once));
            self.output.write_lines(bytes, written);
            left -= written;
        }
        Ok(())
    }

    fn garbage(&mut self) -> Result<(), Stop> {
        for line in GARBAGE {
            self.before_line()?;
            self.output.write_lines(line, 1);
        }
        Ok(())
    }

    fn end(&mut self, answer: &str, asks: usize) -> Result<(), Stop> {
        let result = self.line(
            shapes::RESULT,
            &[
                text("text", answer),
                field("num_turns", &(asks + 1).into()),
                field("result_index", &self.turns.into()),
                field("denials", &self.denials.clone().into()),
            ],
        );
        match self.plan.end.last {
            Last::Result => self.emit(&result)?,
            Last::Nothing => {}
            Last::HalfALine => {
                self.before_line()?;
                // The shape is ASCII up to its middle.
                self.output.write(&result.as_bytes()[..result.len() / 2]);
                if self.plan.end.exit_code.is_none() {
                    system::die(self.plan.end.signal.unwrap_or(libc::SIGKILL));
                }
            }
        }
        if let Some(signal) = self.plan.end.signal {
            system::die(signal);
        }
        Ok(())
    }

    /// What the CLI says when a turn was interrupted; the rate and the silence of the plan don't hold it back.
    fn abort(&mut self, stop: Stop) -> Outcome {
        let (notice, reason, stop_reason, num_turns) = match stop.at {
            At::Streaming => ("[Request interrupted by user]", "aborted_streaming", Value::Null, 2),
            At::Tool => ("[Request interrupted by user for tool use]", "aborted_tools", "tool_use".into(), 3),
        };
        let named = stop_reason.as_str().unwrap_or("null");
        let diagnostic =
            format!("[ede_diagnostic] result_type=user last_content_type=n/a stop_reason={named}");
        let notice =
            self.line(shapes::USER_TEXT, &[field("block", &json!({"type": "text", "text": notice}))]);
        let result = self.line(
            shapes::RESULT_ABORTED,
            &[
                text("terminal_reason", reason),
                field("stop_reason", &stop_reason),
                text("error", &diagnostic),
                field("num_turns", &num_turns.into()),
                field("result_index", &self.turns.into()),
                field("denials", &self.denials.clone().into()),
            ],
        );
        self.output.line(&notice);
        self.output.line(&result);
        match stop.by {
            By::Signal => Outcome::Interrupted,
            By::Request => Outcome::Failed,
        }
    }
}
