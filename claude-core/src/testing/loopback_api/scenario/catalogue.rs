//! The scenarios: what each is called, which keys it has, what it answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::fault::Point;
use super::super::reply::Reply;
use super::prompt::Prompt;
use super::{content, keys};
use crate::text::Json;

/// One scenario.
struct Scenario {
    name: &'static str,
    /// Its own keys with their defaults.
    keys: &'static str,
    what: &'static str,
    reply: fn(&Prompt) -> Reply,
}

macro_rules! scenarios {
    ($($name:literal, $keys:literal, $what:literal => $reply:expr;)*) => {
        &[$(Scenario { name: $name, keys: $keys, what: $what, reply: $reply }),*]
    };
}

const SCENARIOS: &[Scenario] = scenarios![
    "text", "n=8 words, or say", "a text" => |it| Reply::text(text(it, 8));
    "thinking", "n=8 words, signatures=1", "thinking, signed in so many deltas, then a text" => thinking;
    "redacted_thinking", "n=8 words", "redacted thinking, then a text" => |it| content::redacted(&text(it, 8));
    "tool", "name=Read, input={}", "a call of this tool" => |it| call(it.or("name", "Read"), input(it));
    "tool_write", "path=/tmp/loopback.txt, content=hello", "a call of `Write`" => write;
    "tool_bash", "command", "a call of `Bash`" => |it| call("Bash", bash(it, "command", "echo hello from bash"));
    "two_tools", "command, command2", "two calls of `Bash` in one message" => two_tools;
    "tools", "n=3, name=Read, input={}", "n calls of one tool in one message" => many_tools;
    "empty_input", "name=Read", "a call with the input `{}`" => |it| call(it.or("name", "Read"), json!({}));
    "big_integers", "name=Read", "a call whose input has integers beyond 64 bits"
        => |it| exact(it, content::big_integers());
    "escapes", "name=Read", "a call whose input has escapes and characters of all sizes"
        => |it| exact(it, content::escapes());
    "cut_input", "name=Read, input, after=10 bytes", "a call whose input `max_tokens` cuts off" => cut_input;
    "web_search", "", "a search by the API itself, cited" => |_| content::web_search();
    "citations", "", "texts that cite documents" => |_| content::citations();
    "refusal", "n=3 words", "a text that breaks off with a refusal" => |it| Reply::text(text(it, 3)).refusal("cyber");
    "pause_turn", "pauses=1", "a search that pauses; sent back as it is, it goes on" => pause;
    "cache", "read=2000, write=500, write_1h=0", "a text with usage of the cache" => cache;
    "max_tokens", "n=8 words", "a text that `max_tokens` cuts off"
        => |it| Reply::text(text(it, 8)).stop_reason("max_tokens");
    "stop_sequence", "n=8 words, sequence=END", "a text that a stop sequence ends"
        => |it| Reply::text(text(it, 8)).stop_sequence(it.or("sequence", "END"));
    "unknown", "n=8 words", "events, blocks, deltas, members and a stop reason that nobody knows"
        => |it| content::unknown(&text(it, 8));
    "big", "bytes=1048576", "a text in one delta of this size" => big;
    "tokens", "n=1000, rate=100", "n equal words, so many in a second" => tokens;
    "slow", "n=20 words, delay=200 ms", "a text, word by word" => slow;
    "error", "status=500, body=json|html|empty, retry_after=s, retry_after_ms, retry_at=s, message, kind", "an error"
        => error;
    "mid_stream_error", "after=4 events", "a text that breaks off with an `error` event"
        => |it| Reply::text(text(it, 20)).error_event_after(it.count("after", 4));
    "first_error", "", "an `error` event before anything else" => |it| Reply::text(text(it, 8)).error_event_after(0);
    "stall", "after=4 events", "a text that stops and never ends"
        => |it| Reply::text(text(it, 20)).stall_after_events(it.count("after", 4));
    "cut", "after=1000 bytes", "a text whose connection breaks"
        => |it| Reply::text(text(it, 200)).cut_after_bytes(it.count("after", 1000));
    "close", "", "a connection that closes without a response" => |_| Reply::text("never").cut(Point::BeforeHead);
];

const WORDS: &str = "stream every token as it comes and never lose one because a reader is slow the ring keeps what \
    was written until all have seen it";

/// The reply of the scenario that the prompt names.
pub(super) fn reply(prompt: &Prompt) -> Option<Reply> {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == prompt.name)?;
    Some(keys::apply((scenario.reply)(prompt), prompt))
}

/// All scenarios and keys, as a text.
pub(super) fn help() -> String {
    let mut help = "Write `scenario:NAME key=value …`, values with blanks in quotes.\n".to_owned();
    for Scenario { name, keys, what, .. } in SCENARIOS {
        let keys = if keys.is_empty() { String::new() } else { format!(" ({keys})") };
        help += &format!("- {name}{keys}: {what}\n");
    }
    help += "Every scenario knows:\n";
    for (key, what) in keys::KEYS {
        help += &format!("- {key}: {what}\n");
    }
    help + "A PLACE is " + keys::PLACES + ".\n"
}

fn thinking(prompt: &Prompt) -> Reply {
    let after = format!("After thinking: {}", text(prompt, 8));
    Reply::thinking("First I think about it.", after).signature_deltas(prompt.count("signatures", 1))
}

fn write(prompt: &Prompt) -> Reply {
    let path = prompt.or("path", "/tmp/loopback.txt");
    call("Write", json!({"file_path": path, "content": prompt.or("content", "hello")}))
}

fn two_tools(prompt: &Prompt) -> Reply {
    let calls = [("command", "echo one"), ("command2", "echo two")];
    Reply::tools(calls.map(|(key, default)| ("Bash", bash(prompt, key, default))))
        .preface("Two tools at once.")
}

fn many_tools(prompt: &Prompt) -> Reply {
    let calls = (0..prompt.count("n", 3)).map(|_| (prompt.or("name", "Read"), input(prompt)));
    Reply::tools(calls)
}

/// A call whose input keeps each digit.
fn exact(prompt: &Prompt, input: Option<Json>) -> Reply {
    let Some(input) = input else { return Reply::status(500).message("the scenario's input is no JSON") };
    call(prompt.or("name", "Read"), input)
}

fn cut_input(prompt: &Prompt) -> Reply {
    let input = match prompt.get("input") {
        Some(_) => input(prompt),
        None => json!({"path": "/", "force": true}).into(),
    };
    Reply::tool_use(prompt.or("name", "Read"), input).cut_input_after(prompt.count("after", 10))
}

fn pause(prompt: &Prompt) -> Reply {
    if prompt.answers < prompt.count("pauses", 1) {
        return content::paused_search();
    }
    Reply::text(format!("Went on after {} pause(s).", prompt.answers))
}

fn cache(prompt: &Prompt) -> Reply {
    let (five_minutes, one_hour) = (prompt.number("write", 500), prompt.number("write_1h", 0));
    Reply::text(text(prompt, 8)).usage(json!({
        "cache_read_input_tokens": prompt.number("read", 2000),
        "cache_creation_input_tokens": five_minutes.saturating_add(one_hour),
        "cache_creation":
            {"ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": one_hour},
    }))
}

fn big(prompt: &Prompt) -> Reply {
    Reply::text("x".repeat(prompt.count("bytes", 1 << 20))).delta_bytes(usize::MAX)
}

fn tokens(prompt: &Prompt) -> Reply {
    let rate = prompt.find("rate").unwrap_or(100);
    Reply::tokens(prompt.count("n", 1000)).per_second(rate)
}

fn slow(prompt: &Prompt) -> Reply {
    Reply::text(text(prompt, 20)).words_every(Duration::from_millis(prompt.number("delay", 200)))
}

fn error(prompt: &Prompt) -> Reply {
    let mut reply = Reply::status(prompt.find("status").unwrap_or(500));
    if let Some(message) = prompt.get("message") {
        reply = reply.message(message);
    }
    if let Some(kind) = prompt.get("kind") {
        reply = reply.error_type(kind);
    }
    if let Some(seconds) = prompt.find("retry_after") {
        reply = reply.retry_after(seconds);
    }
    if let Some(milliseconds) = prompt.find("retry_after_ms") {
        reply = reply.retry_after_ms(milliseconds);
    }
    if let Some(seconds) = prompt.find::<u32>("retry_at") {
        reply = reply.retry_at(Duration::from_secs(seconds.into()));
    }
    match prompt.get("body") {
        Some("html") => reply.html(),
        Some("empty") => reply.empty(),
        _ => reply,
    }
}

fn call(name: &str, input: impl Into<Json>) -> Reply {
    Reply::tool_use(name, input).preface("I will use a tool.")
}

fn bash(prompt: &Prompt, key: &str, default: &str) -> Value {
    json!({"command": prompt.or(key, default), "description": "Run a scripted command"})
}

/// The input that the prompt gives, digit for digit; `{}` where it is no JSON.
fn input(prompt: &Prompt) -> Json {
    Json::parse(prompt.or("input", "{}")).unwrap_or_else(|_| json!({}).into())
}

fn text(prompt: &Prompt, words: usize) -> String {
    let cycle = WORDS.split_whitespace().cycle().take(prompt.count("n", words));
    let invented = || cycle.collect::<Vec<_>>().join(" ");
    prompt.get("say").map_or_else(invented, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_of_plans_knows_every_scenario_and_key() {
        let documentation = include_str!("../plan.rs");
        for Scenario { name, keys, what, .. } in SCENARIOS {
            let row = format!("| `{name}` | {keys} | {what} |").replace("json|html|empty", "json/html/empty");
            assert!(documentation.contains(&row), "no row: {row}");
        }
        for (key, what) in keys::KEYS {
            let row = format!("| `{}` | {what} |", key.replace('|', "/"));
            assert!(documentation.contains(&row), "no row: {row}");
        }
    }

    #[test]
    fn the_help_names_every_scenario_and_key() {
        let help = help();
        assert!(SCENARIOS.iter().all(|scenario| help.contains(&format!("- {}", scenario.name))));
        assert!(keys::KEYS.iter().all(|(key, _)| help.contains(key)));
    }
}
