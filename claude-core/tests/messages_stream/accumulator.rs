//! What events add up to.

use bytes::Bytes;
use claude_core::messages::{Accumulator, ContentBlock, Event, Message, ToolInput};
use serde_json::{Value, json};

use crate::support::{add_up, events, stream};

const START: &str = r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"x","content":[],"stop_reason":null,"usage":{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":1}}}"#;

/// The message that these events behind a start add up to.
fn message(rest: &[&str]) -> Message {
    partial(rest).message.unwrap()
}

fn partial(rest: &[&str]) -> claude_core::messages::Partial {
    add_up(&events(stream(&[&[START], rest].concat()))).0
}

fn start(index: usize, block: &Value) -> String {
    json!({"type": "content_block_start", "index": index, "content_block": block}).to_string()
}

fn delta(index: usize, delta: &Value) -> String {
    json!({"type": "content_block_delta", "index": index, "delta": delta}).to_string()
}

fn stop(index: usize) -> String {
    json!({"type": "content_block_stop", "index": index}).to_string()
}

fn call(input: &Value) -> Value {
    json!({"type": "tool_use", "id": "t", "name": "n", "input": input})
}

/// The input of a call whose block starts with `{}` and gets these pieces.
fn input(pieces: &[&str], is_stopped: bool) -> ToolInput {
    let mut events = vec![start(0, &call(&json!({})))];
    events.extend(pieces.iter().map(|it| delta(0, &json!({"type": "input_json_delta", "partial_json": it}))));
    events.extend(is_stopped.then(|| stop(0)));
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let ContentBlock::ToolUse(it) = message(&events).content.remove(0) else { panic!("no call") };
    it.input
}

fn raw(input: &ToolInput) -> &str {
    match input {
        ToolInput::Complete(json) => panic!("complete: {json}"),
        ToolInput::Unfinished { raw } => raw,
    }
}

#[test]
fn an_input_is_complete_only_as_a_whole_object() {
    let whole = input(&["", "{\"n\":1234567890", "1234567890.10, \"a\" :1}"], true);
    assert_eq!(whole.complete().unwrap().as_str(), r#"{"n":12345678901234567890.10, "a" :1}"#);
    assert_eq!(input(&["", ""], true).complete().unwrap().as_str(), "{}");
    assert_eq!(input(&[], true).complete().unwrap().as_str(), "{}");
    for pieces in [
        &["{\"path\": \"/\", \"force\": tr"][..],
        &["[1]"],
        &["7"],
        &["{}", "x"],
        &["{} {}"],
        &["null"],
        &[" "],
    ] {
        assert_eq!(raw(&input(pieces, true)), pieces.concat());
    }
}

#[test]
fn an_input_whose_block_did_not_stop_is_unfinished() {
    assert_eq!(raw(&input(&["{\"a\":", "1}"], false)), r#"{"a":1}"#);
    assert_eq!(raw(&input(&[], false)), "");
    let events = [start(0, &call(&json!({}))), r#"{"type":"message_stop"}"#.to_owned()];
    let ContentBlock::ToolUse(it) = &message(&events.each_ref().map(String::as_str)).content[0] else {
        panic!("no call")
    };
    assert_eq!(raw(&it.input), "");
}

#[test]
fn a_call_without_pieces_keeps_the_input_of_its_start() {
    let events = [start(0, &call(&json!({"a": [1]}))), stop(0)];
    let ContentBlock::ToolUse(it) = &message(&events.each_ref().map(String::as_str)).content[0] else {
        panic!("no call")
    };
    assert_eq!(it.input.complete().unwrap().as_str(), r#"{"a":[1]}"#);
}

#[test]
fn an_input_may_be_nested_deeper_than_a_parser_goes() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let read = input(&[&deep], true);
    assert_eq!(read.complete().unwrap().as_str(), deep);
    assert!(read.complete().unwrap().read::<Value>().is_err(), "who wants a tree is told");
}

#[test]
fn a_signature_comes_in_pieces_while_its_block_is_open() {
    let sign = |piece: &str| delta(0, &json!({"type": "signature_delta", "signature": piece}));
    let thinking = json!({"type": "thinking", "thinking": "", "signature": ""});
    let events = [start(0, &thinking), sign("ab"), sign("cd"), stop(0), sign("late")];
    let ContentBlock::Thinking(it) = &message(&events.each_ref().map(String::as_str)).content[0] else {
        panic!("no thinking")
    };
    assert_eq!(it.signature, "abcd");
}

#[test]
fn blocks_go_by_their_index() {
    let text = |index, text: &str| delta(index, &json!({"type": "text_delta", "text": text}));
    let block = |text: &str| json!({"type": "text", "text": text});
    let events = [
        start(usize::MAX, &block("last")),
        start(1, &block("b")),
        start(0, &block("a")),
        text(1, "2"),
        text(usize::MAX, "!"),
        text(0, "1"),
        stop(0),
        text(5, "nowhere"),
        stop(1),
    ];
    let message = message(&events.each_ref().map(String::as_str));
    assert_eq!(
        serde_json::to_value(&message.content).unwrap(),
        json!([block("a1"), block("b2"), block("last!")])
    );
}

#[test]
fn an_index_that_comes_twice_is_another_block() {
    let text = |text: &str| delta(0, &json!({"type": "text_delta", "text": text}));
    let block = |text: &str| json!({"type": "text", "text": text});
    let events = [start(0, &block("")), text("a"), stop(0), start(0, &block("")), text("b"), stop(0)];
    let message = message(&events.each_ref().map(String::as_str));
    assert_eq!(serde_json::to_value(&message.content).unwrap(), json!([block("a"), block("b")]));
}

#[test]
fn a_call_of_an_unknown_kind_gets_its_input() {
    let piece = |piece: &str| delta(0, &json!({"type": "input_json_delta", "partial_json": piece}));
    let novel = json!({"type": "novel_tool_use", "id": "x", "input": {}});
    let events = [start(0, &novel), piece("{\"q\""), piece(":1}"), stop(0)];
    let message = message(&events.each_ref().map(String::as_str));
    assert_eq!(serde_json::to_value(&message.content[0]).unwrap()["input"], json!({"q": 1}));
}

#[test]
fn later_usage_replaces_what_it_names() {
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","novel":{"a":1}},"usage":{"output_tokens":7,"input_tokens":null,"novel_tokens":3}}"#;
    let partial = partial(&[end]);
    assert!(partial.is_usage_final);
    let message = partial.message.unwrap();
    let usage =
        json!({"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 7, "novel_tokens": 3});
    let value = serde_json::to_value(&message).unwrap();
    assert_eq!((&value["usage"], &value["novel"]), (&usage, &json!({"a": 1})));
}

#[test]
fn a_usage_that_never_came_is_not_final() {
    for end in [
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":null}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":7}}"#,
    ] {
        assert!(!partial(&[end]).is_usage_final, "{end}");
    }
}

#[test]
fn nothing_is_complete_without_a_start() {
    let (partial, is_complete) = add_up(&events(stream(&[r#"{"type":"message_stop"}"#, &stop(0)])));
    assert!(partial.message.is_none() && !is_complete);
}

#[test]
fn what_is_kept_holds_no_buffer_of_the_stream() {
    let block = json!({"type": "text", "text": "x", "citations": [{"a": 1}], "extra": "y"});
    let piece = delta(0, &json!({"type": "text_delta", "text": "piece"}));
    let citation = delta(0, &json!({"type": "citations_delta", "citation": {"b": 2}}));
    let end =
        r#"{"type":"message_delta","delta":{"stop_reason":"novel","z":"z"},"usage":{"output_tokens":7}}"#;
    let body = Bytes::from(stream(&[START, &start(0, &block), &piece, &citation, &stop(0), end]));
    let mut decoder = claude_core::messages::Decoder::new();
    decoder.feed(body.clone());
    let mut accumulator = Accumulator::new();
    while let Some(event) = decoder.next() {
        accumulator.push(&event.unwrap());
    }
    drop(decoder);
    assert!(accumulator.message().is_some());
    assert!(body.try_into_mut().is_ok(), "somebody still holds the body");
}

#[test]
fn the_message_is_there_while_it_grows() {
    let mut accumulator = Accumulator::new();
    let pieces = ["a", "b", "c"].map(|text| delta(0, &json!({"type": "text_delta", "text": text})));
    let head = [START.to_owned(), start(0, &json!({"type": "text", "text": ""}))];
    let mut texts = Vec::new();
    for event in head.iter().chain(&pieces).flat_map(|data| events(stream(&[data]))) {
        accumulator.push(&event);
        texts.extend(
            matches!(event, Event::ContentBlockDelta { .. }).then(|| accumulator.message().unwrap().text()),
        );
    }
    assert_eq!(texts, ["a", "ab", "abc"]);
}
