//! Replies and plans.

use std::time::{Duration, Instant};

use claude_core::testing::{LoopbackApi, Plan, Reply};
use serde_json::{Value, json};

use super::http::{ask, call, question};

#[tokio::test]
async fn streams_a_text_word_by_word() {
    let api = LoopbackApi::start(Reply::text("one two\nthree ")).await.unwrap();
    let answer = ask(&api, &question(true)).await;
    assert!(answer.whole && answer.head.contains("content-type: text/event-stream"));
    let events = answer.events();
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(answer.kinds(), expected);
    assert_eq!(answer.text(), "one two\nthree ");
    assert_eq!(events[0]["message"]["model"], "claude-sonnet-5-5");
    assert_eq!(events[6]["usage"]["output_tokens"], 2);
    assert!(answer.body.starts_with("event: message_start\ndata: {"));
}

#[tokio::test]
async fn answers_whole_where_no_stream_is_asked_for() {
    let reply = Reply::tools([("Bash", json!({"command": "true"}))]).preface("I will.");
    let api = LoopbackApi::start(reply.usage(json!({"cache_read_input_tokens": 7}))).await.unwrap();
    let message = ask(&api, &question(false)).await.json();
    assert_eq!(message["content"][0]["text"], "I will.");
    assert_eq!(message["content"][1]["input"]["command"], "true");
    assert_eq!(message["stop_reason"], "tool_use");
    assert_eq!(message["usage"]["cache_read_input_tokens"], 7);
}

#[tokio::test]
async fn streams_a_tools_input_in_pieces_that_add_up() {
    let input = json!({"command": "echo ä€😀 \"quoted\" and more"});
    let api = LoopbackApi::start(Reply::tool_use("Bash", input.clone())).await.unwrap();
    let events = ask(&api, &question(true)).await.events();
    let pieces: String = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&pieces).unwrap(), input);
    assert_eq!(events[1]["content_block"]["input"], json!({}));
}

#[tokio::test]
async fn signs_its_thinking() {
    let api = LoopbackApi::start(Reply::thinking("Hm.", "Yes.")).await.unwrap();
    let events = ask(&api, &question(true)).await.events();
    assert!(events.iter().any(|event| event["delta"]["type"] == "signature_delta"));
    let start = events.iter().rfind(|event| event["type"] == "content_block_start").unwrap();
    assert_eq!((&start["index"], &start["content_block"]["type"]), (&json!(1), &json!("text")));
}

#[tokio::test]
async fn takes_replies_in_turn_and_repeats_the_last() {
    let api = LoopbackApi::start([Reply::status(529), Reply::text("fine")]).await.unwrap();
    let statuses = [
        ask(&api, &question(false)).await,
        ask(&api, &question(false)).await,
        ask(&api, &question(false)).await,
    ];
    assert_eq!(statuses.map(|answer| answer.status), [529, 200, 200]);
}

#[tokio::test]
async fn a_function_decides_by_the_request() {
    let plan = Plan::by(|request| Reply::text(request.model()));
    let api = LoopbackApi::start(plan).await.unwrap();
    assert_eq!(ask(&api, &question(true)).await.text(), "claude-sonnet-5-5");
}

#[tokio::test]
async fn remembers_what_it_was_asked() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    call(&api, "POST", "/v1/messages?beta=true", Some(&question(true))).await;
    let request = api.requests()[0].clone();
    assert_eq!((request.path.as_str(), request.query.as_str()), ("/v1/messages", "beta=true"));
    assert_eq!((request.header("x-api-key"), request.streams()), (Some("k"), true));
    assert_eq!(request.messages()[0]["content"], "hi");
}

#[tokio::test]
async fn sends_recorded_streams_as_they_are() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/messages-api");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "sse") {
            let stream = std::fs::read(&file).unwrap();
            let api = LoopbackApi::start(Reply::raw_stream(stream.clone())).await.unwrap();
            assert_eq!(ask(&api, &question(true)).await.body.as_bytes(), stream, "{}", file.display());
            count += 1;
        }
    }
    assert_eq!(count, 12);
}

#[tokio::test]
async fn paces_its_words() {
    let reply = Reply::text("a b c").words_every(Duration::from_millis(30)).after(Duration::from_millis(50));
    let api = LoopbackApi::start(reply).await.unwrap();
    let start = Instant::now();
    assert_eq!(ask(&api, &question(true)).await.text(), "a b c");
    assert!(start.elapsed() >= Duration::from_millis(50 + 9 * 30), "{:?}", start.elapsed());
}
