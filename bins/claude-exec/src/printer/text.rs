//! For people: the answer on stdout as it comes; steps, notices and the closing line on stderr.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};
use claude_core::turn::Usage;
use claude_core::{Json, TurnEvent};
use serde_json::{Map, Value};

use super::End;
use super::summary::Summary;
use crate::exit::Code;
use crate::terminal::{printable, visible};

/// The most characters of one step's line.
const STEP_CHARS: usize = 160;

/// How the answer is laid out so far.
#[derive(Default)]
pub(super) struct Text {
    /// The answer stands in mid-line.
    in_line: bool,
    /// There is one.
    has_answer: bool,
    /// Tools by their calls.
    tools: HashMap<String, String>,
    usage: Usage,
}

impl Text {
    /// What one event adds to the answer, then the step to tell beside it.
    pub(super) fn show(&mut self, event: &TurnEvent) -> (String, Option<String>) {
        let mut answer = String::new();
        let mut step = None;
        match event {
            // What a subagent says comes back as its tool's result.
            TurnEvent::TextDelta { text, parent_tool_call_id: None } => self.text(&mut answer, text),
            TurnEvent::Message { role, .. } if *role == "assistant" => self.end_line(&mut answer),
            // The question follows on the terminal.
            TurnEvent::ApprovalRequired { .. } => self.end_line(&mut answer),
            TurnEvent::Usage(usage) => self.usage = *usage,
            other => step = self.step(other),
        }
        if step.is_some() {
            self.end_line(&mut answer);
        }
        (answer, step)
    }

    /// What ends the answer, and the closing line.
    pub(super) fn end(&mut self, summary: Option<&Summary>, end: &End<'_>) -> (String, Option<String>) {
        let mut answer = String::new();
        if let (false, None, Some(summary)) = (self.has_answer, end.failure, summary) {
            // Some commands of the CLI answer in their result alone.
            self.text(&mut answer, &summary.text);
        }
        self.end_line(&mut answer);
        // A run that failed before the model wrote anything has nothing to sum up.
        let counts = end.failure.is_none() || self.usage.output_tokens > 0;
        let closing = match summary.filter(|_| counts) {
            Some(summary) => Some(faint(&self.closing(summary, end))),
            None => (end.code == Code::Interrupted).then(|| faint("interrupted")),
        };
        (answer, closing)
    }

    fn text(&mut self, answer: &mut String, text: &str) {
        let safe = if std::io::stdout().is_terminal() { printable(text) } else { text.to_owned() };
        answer.push_str(&safe);
        if !safe.is_empty() {
            self.has_answer = true;
            self.in_line = !safe.ends_with('\n');
        }
    }

    fn end_line(&mut self, answer: &mut String) {
        if std::mem::take(&mut self.in_line) {
            answer.push('\n');
        }
    }

    fn step(&mut self, event: &TurnEvent) -> Option<String> {
        match event {
            TurnEvent::ToolCall { tool_call_id, name, input, .. } => {
                self.tools.insert(tool_call_id.to_string(), name.to_string());
                Some(step_line(name, input.as_ref()?))
            }
            TurnEvent::ToolInput { tool_call_id, input } => {
                Some(step_line(self.tools.get(&**tool_call_id)?, input))
            }
            TurnEvent::ToolResult { content, is_error, duration_ms, .. } => {
                Some(result_line(content, *is_error, *duration_ms))
            }
            TurnEvent::Notice { text } => Some(faint(&format!("  {}", one_line(text)))),
            TurnEvent::Retrying { attempt, delay_ms, reason } => {
                let reason = one_line(reason);
                Some(faint(&format!("  retry {attempt} in {:.1} s ({reason})", *delay_ms as f64 / 1000.0)))
            }
            TurnEvent::Compacted { .. } => Some(faint("  the history was shortened")),
            _ => None,
        }
    }

    fn closing(&self, summary: &Summary, end: &End<'_>) -> String {
        let how = match end.code {
            Code::Fine => "done",
            Code::Interrupted => "interrupted",
            _ => "failed",
        };
        let Usage { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, .. } =
            self.usage;
        let read = input_tokens + cache_read_tokens + cache_write_tokens;
        let mut line = format!("{how} · {read} tokens in, {output_tokens} out");
        if cache_read_tokens > 0 {
            let _ = write!(line, " ({cache_read_tokens} from the cache)");
        }
        match cost_usd {
            Some(cost) => _ = write!(line, " · ${cost:.4}"),
            None => line.push_str(" · cost unknown"),
        }
        let _ = write!(line, " · {:.1} s", end.elapsed.as_secs_f64());
        if let Some(session) = &summary.session_id {
            let _ = write!(line, " · session {}", visible(session));
        }
        line
    }
}

fn step_line(name: &str, input: &Json) -> String {
    let style = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
    format!("{style}● {}{style:#} {}", visible(name), summary(input))
}

/// The member of an input that tells most.
fn summary(input: &Json) -> String {
    let members: Map<String, Value> = input.read().unwrap_or_default();
    let telling = ["command", "file_path", "path", "pattern", "url", "query", "description", "prompt"];
    let found = telling.iter().find_map(|name| members.get(*name)?.as_str());
    one_line(found.unwrap_or(if members.is_empty() { "" } else { input.as_str() }))
}

fn result_line(content: &Json, is_error: bool, duration_ms: Option<u64>) -> String {
    let took = duration_ms.map(|ms| format!(" {ms} ms")).unwrap_or_default();
    if !is_error {
        return faint(&format!("  ✓{took}"));
    }
    let style = Style::new().fg_color(Some(AnsiColor::Red.into()));
    let text = content.read::<String>().unwrap_or_else(|_| content.as_str().to_owned());
    format!("  {style}✗{style:#}{took} {}", one_line(&text))
}

fn one_line(text: &str) -> String {
    let words: String = visible(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    match words.char_indices().nth(STEP_CHARS) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words,
    }
}

fn faint(text: &str) -> String {
    let style = Style::new().dimmed();
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(text: &str) -> TurnEvent {
        TurnEvent::TextDelta { text: text.into(), parent_tool_call_id: None }
    }

    fn message() -> TurnEvent {
        TurnEvent::Message {
            role: "assistant".into(),
            content: Json::parse("[]").unwrap(),
            model: None,
            usage: None,
        }
    }

    #[test]
    fn messages_stand_on_their_own_lines() {
        let mut text = Text::default();
        let events = [delta("one"), delta(" two"), message(), delta("three\n"), message()];
        let shown: String = events.iter().map(|event| text.show(event).0).collect();
        assert_eq!(shown, "one two\nthree\n");
    }

    #[test]
    fn what_a_subagent_says_is_not_the_answer() {
        let inner =
            TurnEvent::TextDelta { text: "inner".into(), parent_tool_call_id: Some("toolu_1".into()) };
        assert_eq!(Text::default().show(&inner).0, "");
    }

    #[test]
    fn a_step_shows_what_tells_most_on_one_line() {
        let input = Json::parse(r#"{"description":"List","command":"ls\n-la \u001b[2J"}"#).unwrap();
        assert_eq!(summary(&input), "ls -la ␛[2J");
        assert_eq!(summary(&Json::parse(r#"{"odd":1}"#).unwrap()), r#"{"odd":1}"#);
        assert_eq!(one_line(&"x".repeat(200)).chars().count(), STEP_CHARS + 1);
    }
}
