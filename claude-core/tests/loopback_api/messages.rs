//! Replies, plans and the other endpoints.

use std::time::{Duration, Instant};

use claude_core::testing::{LoopbackApi, Plan, Reply};
use serde_json::{Value, json};

use super::http::{ask, call, question};

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

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
    assert_eq!(kinds(&events), expected);
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
async fn tells_errors_in_the_apis_shape() {
    let api = LoopbackApi::start([
        Reply::status(429).retry_after(3).message("slow down"),
        Reply::status(502).html(),
        Reply::status(500).empty(),
    ])
    .await
    .unwrap();
    let limited = ask(&api, &question(true)).await;
    assert_eq!((limited.status, limited.head.contains("retry-after: 3")), (429, true));
    let error = json!({"type": "rate_limit_error", "message": "slow down"});
    assert_eq!(limited.json()["error"], error);
    assert!(limited.head.contains(limited.json()["request_id"].as_str().unwrap()));
    let page = ask(&api, &question(true)).await;
    assert!(page.body.starts_with("<html>") && page.head.contains("text/html"));
    let empty = ask(&api, &question(true)).await;
    assert_eq!((empty.status, empty.body.as_str()), (500, ""));
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
async fn knows_the_other_endpoints() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    let counted = call(&api, "POST", "/v1/messages/count_tokens", Some(&question(false))).await;
    assert!(counted.json()["input_tokens"].as_u64().unwrap() > 0);
    let models = call(&api, "GET", "/v1/models", None).await.json();
    let first = models["first_id"].as_str().unwrap();
    assert_eq!(call(&api, "GET", &format!("/v1/models/{first}"), None).await.json(), models["data"][0]);
    assert_eq!(call(&api, "GET", "/v1/models/claude-nope-1", None).await.status, 404);
    assert_eq!(call(&api, "HEAD", "/", None).await.status, 200);
    for (method, path) in [("GET", "/v1/nonsense"), ("GET", "/v1/messages")] {
        let unknown = call(&api, method, path, None).await;
        assert_eq!((unknown.status, &unknown.json()["error"]["type"]), (404, &json!("not_found_error")));
    }
}

#[tokio::test]
async fn refuses_a_request_without_its_members() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    let refused = ask(&api, &json!({"model": "claude-sonnet-5-5", "messages": []})).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["message"]),
        (400, &json!("max_tokens: Field required"))
    );
}

#[tokio::test]
async fn the_newest_prompt_chooses_the_scenario() {
    let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
    let mut body = question(true);
    body["messages"] = json!([
        {"role": "user", "content": "scenario:error status=404"},
        {"role": "assistant", "content": "…"},
        {"role": "user", "content": [{"type": "text", "text": "reminder"}, {"type": "text", "text": "scenario:text n=3"}]},
    ]);
    assert_eq!(ask(&api, &body).await.text(), "stream every token");
    body["messages"][2]["content"] = "scenario:tool_write path=/a content='x y'".into();
    let events = ask(&api, &body).await.events();
    assert!(events.iter().any(|event| event["content_block"]["name"] == "Write"));
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": []}));
    messages.push(json!({"role": "user", "content": [{"type": "tool_result", "is_error": true}]}));
    assert_eq!(ask(&api, &body).await.text(), "Done after 1 tool round(s); 1 result(s), 1 error(s).");
}

#[tokio::test]
async fn paces_its_words() {
    let reply = Reply::text("a b c").words_every(Duration::from_millis(30)).after(Duration::from_millis(50));
    let api = LoopbackApi::start(reply).await.unwrap();
    let start = Instant::now();
    assert_eq!(ask(&api, &question(true)).await.text(), "a b c");
    assert!(start.elapsed() >= Duration::from_millis(50 + 9 * 30), "{:?}", start.elapsed());
}
