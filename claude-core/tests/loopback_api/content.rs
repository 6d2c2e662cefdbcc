//! What a message may hold, in a stream and as a whole.

use claude_core::Json;
use claude_core::testing::{LoopbackApi, Reply};
use serde_json::{Value, json};

use super::http::{Answer, ask, question};

async fn stream(reply: Reply) -> Answer {
    let api = LoopbackApi::start(reply).await.unwrap();
    ask(&api, &question(true)).await
}

async fn whole(reply: Reply) -> Answer {
    let api = LoopbackApi::start(reply).await.unwrap();
    ask(&api, &question(false)).await
}

/// What the events add up to, by the rules of the API.
fn add_up(answer: &Answer) -> Value {
    let mut message = Value::Null;
    let mut inputs = vec![String::new(); 16];
    for event in answer.events() {
        let at = usize::try_from(event["index"].as_u64().unwrap_or_default()).unwrap();
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                message["content"].as_array_mut().unwrap().push(event["content_block"].clone());
            }
            "content_block_delta" => apply(&event["delta"], &mut message["content"][at], &mut inputs[at]),
            "content_block_stop" if !inputs[at].is_empty() => {
                message["content"][at]["input"] = serde_json::from_str(&inputs[at]).unwrap_or(json!({}));
            }
            "message_delta" => {
                let members = event["delta"].as_object().unwrap().iter();
                members.for_each(|(name, value)| message[name] = value.clone());
                let usage = event["usage"].as_object().into_iter().flatten();
                usage.for_each(|(name, value)| message["usage"][name] = value.clone());
            }
            _ => {}
        }
    }
    message
}

fn apply(delta: &Value, block: &mut Value, input: &mut String) {
    let append = |block: &mut Value, name: &str| {
        block[name] = (block[name].as_str().unwrap().to_owned() + delta[name].as_str().unwrap()).into();
    };
    match delta["type"].as_str().unwrap() {
        "text_delta" => append(block, "text"),
        "thinking_delta" => append(block, "thinking"),
        "signature_delta" => append(block, "signature"),
        "input_json_delta" => *input += delta["partial_json"].as_str().unwrap(),
        "citations_delta" => block["citations"].as_array_mut().unwrap().push(delta["citation"].clone()),
        _ => {}
    }
}

/// Ids are made for each answer.
fn without_ids(mut message: Value) -> Value {
    message["id"].take();
    for block in message["content"].as_array_mut().unwrap() {
        if block["type"] == "tool_use" {
            block["id"].take();
        }
    }
    message
}

#[tokio::test]
async fn a_stream_adds_up_to_the_whole_answer() {
    let blocks = json!([
        {"type": "thinking", "thinking": "Hm, hm.", "signature": "c2lnbmVk"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "a b"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text", "text": "two words", "citations": [{"type": "char_location", "cited_text": "x"}]},
        {"type": "hologram", "depth": 3},
        {"type": "tool_use", "id": "toolu_1", "name": "a", "input": {"deep": [1, {"b": null}]}},
    ]);
    let reply = Reply::content(blocks.as_array().unwrap().clone())
        .usage(json!({"cache_read_input_tokens": 7}))
        .members(json!({"container": {"id": "c"}}))
        .signature_deltas(3);
    let streamed = without_ids(add_up(&stream(reply.clone()).await));
    assert_eq!(streamed, without_ids(whole(reply).await.json()));
    assert_eq!(streamed["stop_reason"], "tool_use");
}

#[tokio::test]
async fn a_signature_comes_in_several_deltas() {
    let answer = stream(Reply::thinking("Hm.", "Yes.").signature_deltas(4)).await;
    assert_eq!(answer.pieces("signature").len(), 4);
    assert_eq!(add_up(&answer)["content"][0]["signature"], answer.pieces("signature").concat());
}

#[tokio::test]
async fn several_tools_are_called_in_one_message() {
    let answer =
        stream(Reply::tools([("a", json!({"n": 1})), ("b", json!({})), ("c", json!({"n": 3}))])).await;
    let message = add_up(&answer);
    let inputs: Vec<&Value> =
        message["content"].as_array().unwrap().iter().map(|block| &block["input"]).collect();
    assert_eq!(inputs, [&json!({"n": 1}), &json!({}), &json!({"n": 3})]);
    let ids: std::collections::HashSet<_> =
        message["content"].as_array().unwrap().iter().map(|block| block["id"].to_string()).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn digits_and_escapes_of_an_input_are_kept() {
    let written =
        r#"{"n":123456789012345678901234567890,"f":0.10000000000000000555,"t":"\u00e4 \ud83d\ude00 ä😀"}"#;
    let reply = Reply::tool_use("a", Json::parse(written).unwrap());
    assert_eq!(stream(reply.clone()).await.pieces("partial_json").concat(), written);
    assert!(whole(reply).await.body.contains(written));
}

#[tokio::test]
async fn an_input_is_cut_where_the_tokens_end() {
    let reply = Reply::tool_use("rm", json!({"force": true, "path": "/"})).cut_input_after(9);
    let answer = stream(reply.clone()).await;
    assert_eq!(answer.pieces("partial_json").concat(), r#"{"force":"#);
    assert_eq!(add_up(&answer)["stop_reason"], "max_tokens");
    assert_eq!(whole(reply).await.json()["content"][0]["input"], json!({}));
}

#[tokio::test]
async fn the_end_has_its_reason_and_members() {
    let sequence = add_up(&stream(Reply::text("a").stop_sequence("END")).await);
    assert_eq!(
        (&sequence["stop_reason"], &sequence["stop_sequence"]),
        (&json!("stop_sequence"), &json!("END"))
    );
    let refusal = add_up(&stream(Reply::text("a").refusal("cyber")).await);
    assert_eq!(
        (&refusal["stop_reason"], &refusal["stop_details"]["category"]),
        (&json!("refusal"), &json!("cyber"))
    );
}

#[tokio::test]
async fn usage_may_be_missing_everywhere() {
    let answer = stream(Reply::text("a").without_usage()).await;
    assert!(!answer.body.contains("usage"), "{}", answer.body);
    assert!(!whole(Reply::text("a").without_usage()).await.body.contains("usage"));
}

#[tokio::test]
async fn deltas_have_the_size_that_is_planned() {
    let text = "ä€😀 x".repeat(50_000);
    let answer = stream(Reply::text(&text).delta_bytes(usize::MAX)).await;
    assert_eq!(answer.pieces("text"), [text]);
    let answer = stream(Reply::text("abcde").delta_bytes(2)).await;
    assert_eq!(answer.pieces("text"), ["ab", "cd", "e"]);
}

#[tokio::test]
async fn events_and_bytes_are_put_where_they_are_planned() {
    let reply = Reply::text("a").insert_event(1, json!({"type": "odd"})).insert_raw(0, ": comment\n\n");
    let answer = stream(reply).await;
    assert!(answer.body.starts_with(": comment\n\nevent: message_start\n"));
    assert_eq!(answer.kinds()[..3], ["message_start", "odd", "content_block_start"]);
}
