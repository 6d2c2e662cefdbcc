//! Answers that come whole: messages, counts and models.

use std::time::Duration;

use claude_core::Error;
use claude_core::messages::{ContentBlock, Event, ModelsFrom, StopReason, ToolInput};
use claude_core::testing::{LoopbackApi, Reply};
use serde_json::json;

use super::server::{Server, Step, response, send};
use super::{client, question};

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"so"},{"type":"tool_use","id":"t1","name":"n","input":{"n":9007199254740993123}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":7}}"#;

#[tokio::test]
async fn a_whole_answer_is_the_message_a_stream_would_give() {
    let api = LoopbackApi::start(Reply::tool_use("t", json!({"a": [1, "x"]})).preface("so")).await.unwrap();
    let client = client(&api.url()).build();
    let whole = client.create(&question()).await.unwrap();
    let streamed = client.stream(&question()).await.unwrap().outcome().await.into_result().unwrap();
    assert_eq!((whole.text(), whole.stop_reason.as_ref()), ("so".to_owned(), Some(&StopReason::ToolUse)));
    let of = |message: &claude_core::messages::Message| match &message.content[1] {
        ContentBlock::ToolUse(call) => {
            (call.name.clone(), call.input.complete().unwrap().read::<serde_json::Value>().unwrap())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(of(&whole), of(&streamed));
}

#[tokio::test]
async fn json_instead_of_a_stream_comes_as_one() {
    let server =
        Server::start(vec![vec![send(response(200, "application/json; charset=utf-8", MESSAGE))]]).await;
    let mut stream = client(&server.url).build().stream(&question()).await.unwrap();
    let mut kinds = Vec::new();
    while let Some(event) = stream.next().await {
        kinds.push(match event {
            Event::MessageStart(_) => "start",
            Event::ContentBlockStart { .. } => "block",
            Event::ContentBlockStop { .. } => "stop",
            Event::MessageDelta { .. } => "delta",
            Event::MessageStop => "end",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(kinds, ["start", "block", "stop", "block", "stop", "delta", "end"]);
    let message = stream.outcome().await.into_result().unwrap();
    assert_eq!((message.text().as_str(), message.usage.output_tokens()), ("so", 7));
    assert_eq!(message.stop_reason, Some(StopReason::ToolUse));
    let ContentBlock::ToolUse(call) = &message.content[1] else { panic!("{message:?}") };
    let ToolInput::Complete(input) = &call.input else { panic!("{call:?}") };
    assert_eq!(input.as_str(), r#"{"n":9007199254740993123}"#);
}

#[tokio::test]
async fn a_whole_answer_that_is_none_is_an_error() {
    for (steps, code) in [
        (vec![send(response(200, "text/html", "<html>"))], "protocol"),
        (vec![send(response(200, "application/json", "{}"))], "protocol"),
        (vec![send(response(200, "application/json", "{\"type\":\"mess"))], "protocol"),
        (vec![send(response(200, "application/json", &format!("\"{}\"", "x".repeat(3000))))], "protocol"),
        (
            vec![send("HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")],
            "incomplete",
        ),
        (vec![Step::Stall], "timed_out"),
        (vec![send("HTTP/1.1 200 X\r\ncontent-length: 99\r\n\r\n{"), Step::Stall], "timed_out"),
    ] {
        let server = Server::start(vec![steps.clone()]).await;
        let client = client(&server.url).limits(|limits| {
            limits.answer_bytes = 2000;
            (limits.first_byte_whole, limits.idle) = (Duration::from_millis(300), Duration::from_millis(300));
        });
        let error = client.build().create(&question()).await.unwrap_err();
        assert_eq!(error.code(), code, "{steps:?}: {error}");
        assert_eq!(server.requests().len(), 1, "it may have been billed");
    }
}

#[tokio::test]
async fn counts_tokens_without_what_the_count_refuses() {
    let api = LoopbackApi::start(Reply::text("fine")).await.unwrap();
    let request = question().temperature(0.5).thinking(1024);
    let count = client(&api.url()).build().count_tokens(&request).await.unwrap();
    assert!(count > 0);
    let asked = &api.requests()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v1/messages/count_tokens"));
    let members: Vec<_> = asked.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["messages", "model", "thinking"]);
}

#[tokio::test]
async fn lists_models() {
    let api = LoopbackApi::start(Reply::text("fine")).await.unwrap();
    let page = client(&api.url()).build().models(&ModelsFrom::newest()).await.unwrap();
    assert!(
        page.data
            .iter()
            .any(|model| model.id == "claude-sonnet-5-5" && model.display_name == "Claude Sonnet 5.5")
    );
    assert_eq!(page.next(), None);
    assert_eq!((api.requests()[0].method.as_str(), api.requests()[0].query.as_str()), ("GET", ""));
}

#[tokio::test]
async fn follows_the_pages_of_the_models() {
    let page = |id: &str, has_more: bool| {
        let body = json!({"data": [{"id": id, "type": "model", "of_tomorrow": 1}], "has_more": has_more});
        vec![send(response(200, "application/json", &body.to_string())), Step::Keep]
    };
    let server = Server::start(vec![page("a b", true), page("c", false)]).await;
    let client = client(&server.url).build();
    let (mut names, mut from) = (Vec::new(), Some(ModelsFrom::newest().limit(1)));
    while let Some(next) = from {
        let page = client.models(&next).await.unwrap();
        from = page.next();
        names.extend(page.data.into_iter().map(|model| model.display_name.to_string()));
    }
    assert_eq!(names, ["a b", "c"]);
    let requests = server.requests();
    assert!(requests[0].starts_with("GET /v1/models?limit=1 "), "{}", requests[0]);
    assert!(requests[1].starts_with("GET /v1/models?after_id=a+b&limit=1 "), "{}", requests[1]);
}

#[tokio::test]
async fn counts_and_lists_are_repeated_as_messages_are() {
    let refused = vec![send(response(529, "application/json", "")), Step::Keep];
    let counted = vec![send(response(200, "application/json", r#"{"input_tokens":12}"#)), Step::Keep];
    let server = Server::start(vec![refused.clone(), counted, refused]).await;
    let client = client(&server.url).build();
    assert_eq!(client.count_tokens(&question()).await.unwrap(), 12);
    let error = client.models(&ModelsFrom::newest()).await.unwrap_err();
    assert!(matches!(error, Error::Overloaded { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 5);
}
