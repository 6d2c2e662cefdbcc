//! Replies chosen by the prompt: `scenario:NAME key=value …`.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::reply::Reply;
use super::request::RecordedRequest;

const PREFIX: &str = "scenario:";

const HELP: &str = "Write `scenario:NAME key=value …`: text n=8, tool_write path= content=, tool_bash command=, \
    tool name= input=, two_tools, thinking, slow n=20 delay=200, error status=429 retry_after=1, \
    mid_stream_error, stall, cut.";

const WORDS: &str = "stream every token as it comes and never lose one because a reader is slow the ring keeps what \
    was written until all have seen it";

/// The reply to this conversation.
pub(super) fn reply(request: &RecordedRequest) -> Reply {
    let messages = request.messages();
    let newest = messages.iter().enumerate().rev().find_map(|(index, message)| {
        Some((index, Scenario::parse(texts(message).into_iter().find_map(after_prefix)?)))
    });
    let Some((index, scenario)) = newest else { return Reply::text(HELP) };
    let rounds = Rounds::count(&messages[index + 1..]);
    if rounds.rounds > 0 { Reply::text(rounds.summary()) } else { scenario.reply() }
}

/// The texts of a user's message.
fn texts(message: &Value) -> Vec<&str> {
    if message["role"] != "user" {
        return Vec::new();
    }
    let content = &message["content"];
    let blocks = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = blocks.iter().filter(|block| block["type"] == "text");
    texts.filter_map(|block| block["text"].as_str()).chain(content.as_str()).collect()
}

fn after_prefix(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix(PREFIX)
}

/// What came back from tools since the scenario was asked for.
#[derive(Debug, Default, PartialEq)]
struct Rounds {
    rounds: usize,
    results: usize,
    errors: usize,
}

impl Rounds {
    fn count(messages: &[Value]) -> Self {
        let mut counted = Self::default();
        for message in messages {
            let blocks = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
            let results: Vec<_> = blocks.iter().filter(|block| block["type"] == "tool_result").collect();
            counted.rounds += usize::from(!results.is_empty());
            counted.results += results.len();
            counted.errors += results.iter().filter(|result| result["is_error"] == true).count();
        }
        counted
    }

    fn summary(&self) -> String {
        let Self { rounds, results, errors } = self;
        format!("Done after {rounds} tool round(s); {results} result(s), {errors} error(s).")
    }
}

/// A scenario's name and keys.
#[derive(Debug, PartialEq)]
struct Scenario {
    name: String,
    values: HashMap<String, String>,
}

impl Scenario {
    /// Reads what stands behind the prefix, up to the end of the text.
    fn parse(text: &str) -> Self {
        let mut parts = split(text).into_iter();
        let name = parts.next().unwrap_or_default();
        let values = parts
            .filter_map(|part| part.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())));
        Self { name, values: values.collect() }
    }

    fn reply(&self) -> Reply {
        match self.name.as_str() {
            "text" => Reply::text(self.text(8)),
            "tool_write" => {
                let path = self.or("path", "/tmp/loopback.txt");
                self.calls([("Write", json!({"file_path": path, "content": self.or("content", "hello")}))])
            }
            "tool_bash" => self.calls([("Bash", self.bash("command", "echo hello from bash"))]),
            "tool" => {
                let input = serde_json::from_str(self.or("input", "{}")).unwrap_or_default();
                self.calls([(self.or("name", "Read"), input)])
            }
            "two_tools" => self.calls([
                ("Bash", self.bash("command", "echo one")),
                ("Bash", self.bash("command2", "echo two")),
            ]),
            "thinking" => {
                Reply::thinking("First I think about it.", format!("After thinking: {}", self.text(8)))
            }
            "slow" => Reply::text(self.text(20))
                .words_every(Duration::from_millis(self.number("delay", 200)))
                .after(Duration::from_millis(self.number("first", 0))),
            "error" => self.error(),
            "mid_stream_error" => Reply::text(self.text(20)).error_event_after(self.count("after", 4)),
            "stall" => Reply::text(self.text(20)).stall_after_events(self.count("after", 4)),
            "cut" => Reply::text(self.text(200)).cut_after_bytes(self.count("after", 1000)),
            _ => Reply::text(HELP),
        }
    }

    fn calls<const N: usize>(&self, calls: [(&str, Value); N]) -> Reply {
        Reply::tools(calls).preface(if N == 1 { "I will use a tool." } else { "Two tools at once." })
    }

    fn bash(&self, key: &str, default: &str) -> Value {
        json!({"command": self.or(key, default), "description": "Run a scripted command"})
    }

    fn error(&self) -> Reply {
        let status = u16::try_from(self.number("status", 500)).unwrap_or(500);
        let mut reply = Reply::status(status);
        if self.values.contains_key("retry_after") {
            reply = reply.retry_after(self.number("retry_after", 1));
        }
        match self.values.get("message") {
            Some(message) => reply.message(message),
            None => reply,
        }
    }

    fn text(&self, words: usize) -> String {
        let cycle = WORDS.split_whitespace().cycle().take(self.count("n", words));
        let invented = || cycle.collect::<Vec<_>>().join(" ");
        self.values.get("say").cloned().unwrap_or_else(invented)
    }

    fn or<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.values.get(key).map_or(default, String::as_str)
    }

    fn number(&self, key: &str, default: u64) -> u64 {
        self.values.get(key).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    /// A number of things, at most [`COUNT_MAX`].
    fn count(&self, key: &str, default: usize) -> usize {
        usize::try_from(self.number(key, default as u64)).unwrap_or(COUNT_MAX).min(COUNT_MAX)
    }
}

/// No scenario makes more of anything.
const COUNT_MAX: usize = 1_000_000;

/// Splits at blanks outside quotes; the quotes go away, single or double ones, and a backslash in double quotes
/// keeps what is behind it.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, blank) if blank.is_whitespace() => parts.push(String::new()),
            (Some('"'), '\\') => push(&mut parts, characters.next().unwrap_or('\\')),
            (_, other) => push(&mut parts, other),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn push(parts: &mut [String], character: char) {
    if let Some(last) = parts.last_mut() {
        last.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_quoted() {
        let scenario = Scenario::parse(r#"tool_bash command="tail -f \"x y\"" a='{"b": 1}' c=2"#);
        assert_eq!(scenario.name, "tool_bash");
        assert_eq!(scenario.values["command"], "tail -f \"x y\"");
        assert_eq!(scenario.values["a"], r#"{"b": 1}"#);
        assert_eq!(scenario.number("c", 0), 2);
    }

    #[test]
    fn results_behind_the_newest_scenario_count() {
        let messages = [
            json!({"role": "user", "content": [{"type": "tool_result", "is_error": true}, {"type": "tool_result"}]}),
            json!({"role": "assistant", "content": []}),
            json!({"role": "user", "content": [{"type": "tool_result"}]}),
        ];
        let rounds = Rounds::count(&messages);
        assert_eq!(rounds, Rounds { rounds: 2, results: 3, errors: 1 });
    }
}
