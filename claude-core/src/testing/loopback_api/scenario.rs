//! Replies chosen by the prompt: `scenario:NAME key=value …`.

mod catalogue;
mod content;
mod keys;
mod prompt;

use serde_json::Value;

use self::prompt::Prompt;
use super::reply::Reply;
use super::request::RecordedRequest;

const PREFIX: &str = "scenario:";

/// The reply to this conversation.
pub(super) fn reply(request: &RecordedRequest) -> Reply {
    let messages = request.messages();
    let newest = messages
        .iter()
        .enumerate()
        .rev()
        .find_map(|(index, message)| Some((index, texts(message).into_iter().find_map(after_prefix)?)));
    let Some((index, text)) = newest else { return Reply::text(catalogue::help()) };
    let since = &messages[index + 1..];
    let answers = since.iter().filter(|message| message["role"] == "assistant").count();
    let prompt = Prompt::parse(text, answers);
    let rounds = Rounds::count(since);
    if rounds.rounds > 0 && rounds.rounds >= prompt.count("rounds", 1) {
        return Reply::text(rounds.summary());
    }
    catalogue::reply(&prompt).unwrap_or_else(|| Reply::text(catalogue::help()))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
