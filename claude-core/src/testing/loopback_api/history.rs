//! What the real API refuses in a conversation, in its own words as far as they are known.

use std::collections::HashSet;

use serde_json::Value;

use super::block::SIGNATURE;

/// Checks the messages of a request; the error says what is wrong, as the API says it.
pub(super) fn check(body: &Value) -> Result<(), String> {
    if body["max_tokens"].as_u64() == Some(0) {
        return Err("max_tokens: Input should be greater than or equal to 1".to_owned());
    }
    tools(&body["tools"])?;
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let first = messages.first().ok_or("messages: at least one message is required")?;
    if first["role"] != "user" {
        return Err("messages: first message must use the \"user\" role".to_owned());
    }
    let mut used = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        content(index, message)?;
        let previous = index.checked_sub(1).map(|previous| &messages[previous]);
        results(index, (previous, message))?;
        calls(index, (message, messages.get(index + 1)), &mut used)?;
    }
    Ok(())
}

fn tools(tools: &Value) -> Result<(), String> {
    let mut names = HashSet::new();
    for (index, tool) in tools.as_array().into_iter().flatten().enumerate() {
        let name = tool["name"].as_str().unwrap_or_default();
        let known = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
        if name.is_empty() || name.len() > 128 || !name.chars().all(known) {
            return Err(format!(
                "tools.{index}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            ));
        }
        if !names.insert(name) {
            return Err("tools: Tool names must be unique.".to_owned());
        }
        let own = tool.get("type").is_none_or(|kind| kind == "custom");
        if own && tool["input_schema"]["type"] != "object" {
            return Err(format!("tools.{index}.custom.input_schema.type: Field required"));
        }
    }
    Ok(())
}

/// The blocks of a message; none of a text.
fn blocks(message: &Value) -> &[Value] {
    message["content"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn content(index: usize, message: &Value) -> Result<(), String> {
    let role = message["role"].as_str().unwrap_or_default();
    if !["user", "assistant", "system"].contains(&role) {
        return Err(format!("messages.{index}.role: Input should be 'user' or 'assistant'"));
    }
    let content = &message["content"];
    let empty = content == "" || content.as_array().is_some_and(Vec::is_empty);
    if empty || !(content.is_string() || content.is_array()) {
        return Err(format!("messages.{index}: all messages must have non-empty content"));
    }
    for (at, block) in blocks(message).iter().enumerate() {
        let place = format!("messages.{index}.content.{at}");
        match block["type"].as_str() {
            None => return Err(format!("{place}.type: Field required")),
            Some("text") => text(block)?,
            Some("tool_result") => {
                let told = block["content"].as_array().into_iter().flatten();
                told.filter(|block| block["type"] == "text").try_for_each(text)?;
            }
            Some("thinking") if block["signature"] != SIGNATURE => {
                return Err(format!("{place}: Invalid `signature` in `thinking` block"));
            }
            Some("tool_use") if !block["input"].is_object() => {
                return Err(format!("{place}.tool_use.input: Input should be a valid dictionary"));
            }
            _ => {}
        }
    }
    match blocks(message).last() {
        Some(last) if last["type"] == "thinking" => {
            Err(format!("messages.{index}: The final block in an assistant message cannot be `thinking`."))
        }
        _ => Ok(()),
    }
}

fn text(block: &Value) -> Result<(), String> {
    match block["text"].as_str().unwrap_or_default() {
        "" => Err("messages: text content blocks must be non-empty".to_owned()),
        blank if blank.trim().is_empty() => {
            Err("messages: text content blocks must contain non-whitespace text".to_owned())
        }
        _ => Ok(()),
    }
}

/// The ids under `member` in the blocks of this type.
fn ids<'a>(message: Option<&'a Value>, kind: &str, member: &str) -> Vec<&'a str> {
    let blocks = message.map(blocks).unwrap_or_default().iter();
    blocks.filter(|block| block["type"] == kind).filter_map(|block| block[member].as_str()).collect()
}

/// Each result answers a call of the message before, once, and results come first.
fn results(index: usize, (previous, message): (Option<&Value>, &Value)) -> Result<(), String> {
    let calls = ids(previous.filter(|it| it["role"] == "assistant"), "tool_use", "id");
    let mut seen = HashSet::new();
    let mut other = false;
    for (at, block) in blocks(message).iter().enumerate() {
        if block["type"] != "tool_result" {
            other = true;
            continue;
        }
        let id = block["tool_use_id"].as_str().unwrap_or_default();
        if !calls.contains(&id) || message["role"] != "user" {
            return Err(format!(
                "messages.{index}.content.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous message."
            ));
        }
        if !seen.insert(id) {
            return Err(format!(
                "messages.{index}.content.{at}: each tool_use must have a single result. Found multiple \
                 `tool_result` blocks with id: {id}"
            ));
        }
        if other {
            return Err(format!(
                "messages.{index}: `tool_result` blocks must come first in the content of a user message"
            ));
        }
    }
    Ok(())
}

/// Each call has an id of its own and a result in the next message.
fn calls<'a>(
    index: usize,
    (message, next): (&'a Value, Option<&Value>),
    used: &mut HashSet<&'a str>,
) -> Result<(), String> {
    let calls = ids(Some(message), "tool_use", "id");
    if let Some(twice) = calls.iter().find(|id| !used.insert(id)) {
        return Err(format!("messages.{index}: `tool_use` ids must be unique: {twice}"));
    }
    let results = ids(next, "tool_result", "tool_use_id");
    let open: Vec<&str> = calls.into_iter().filter(|id| !results.contains(id)).collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(format!(
        "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
         `tool_use` block must have a corresponding `tool_result` block in the next message.",
        open.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(messages: &Value) -> String {
        check(&json!({"max_tokens": 1, "messages": messages})).err().unwrap_or_default()
    }

    fn call(id: &str) -> Value {
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "a", "input": {}}]})
    }

    fn result(id: &str) -> Value {
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "x"}]})
    }

    #[test]
    fn calls_and_results_come_in_pairs() {
        let ask = json!({"role": "user", "content": "hi"});
        assert_eq!(verdict(&json!([ask, call("a"), result("a"), call("b"), result("b")])), "");
        assert!(
            verdict(&json!([ask, call("a")])).contains("without `tool_result` blocks immediately after: a.")
        );
        assert!(verdict(&json!([ask, call("a"), ask])).contains("immediately after"));
        assert!(verdict(&json!([ask, call("a"), result("b")])).contains("immediately after: a."));
        assert!(verdict(&json!([result("a")])).contains("messages.0.content.0: unexpected `tool_use_id`"));
        assert!(verdict(&json!([ask, call("a"), result("a"), call("a"), result("a")])).contains("unique"));
    }

    #[test]
    fn content_is_never_empty_and_begins_with_the_user() {
        let empty = json!([{"role": "user", "content": [{"type": "text", "text": ""}]}]);
        assert_eq!(verdict(&empty), "messages: text content blocks must be non-empty");
        for text in ["", " \n"] {
            let told = json!([{"type": "text", "text": text}]);
            let told = json!([{"type": "tool_result", "tool_use_id": "a", "content": told}]);
            let messages =
                json!([{"role": "user", "content": "hi"}, call("a"), {"role": "user", "content": told}]);
            assert!(verdict(&messages).contains("text content blocks must"), "{text:?}");
        }
        assert!(verdict(&json!([{"role": "user", "content": []}])).contains("non-empty content"));
        assert!(verdict(&json!([{"role": "assistant", "content": "a"}])).contains("first message"));
        assert!(verdict(&json!([])).contains("at least one message"));
    }

    #[test]
    fn thinking_comes_back_with_its_signature() {
        let thought = |signature: &str| {
            let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": signature});
            let said = json!({"type": "text", "text": "b"});
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": [thinking, said]}])
        };
        assert_eq!(verdict(&thought(SIGNATURE)), "");
        assert!(verdict(&thought(&SIGNATURE[..8])).contains("Invalid `signature`"));
        let mut last = thought(SIGNATURE);
        last[1]["content"].as_array_mut().unwrap().pop();
        assert!(verdict(&last).contains("messages.1: The final block"), "{}", verdict(&last));
    }
}
