//! Scenarios, chosen by the prompt.

use claude_core::testing::{LoopbackApi, Plan};
use serde_json::{Value, json};

use super::http::{Answer, ask, question};

fn prompt(text: &str) -> Value {
    let mut body = question(true);
    body["messages"][0]["content"] = text.into();
    body
}

async fn play(text: &str) -> Answer {
    let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
    ask(&api, &prompt(text)).await
}

/// Types of the blocks, and the stop reason.
async fn shape(text: &str) -> (String, String) {
    let events = play(text).await.events();
    let kinds: Vec<&str> =
        events.iter().filter_map(|event| event["content_block"]["type"].as_str()).collect();
    let reason = events.iter().find_map(|event| event["delta"]["stop_reason"].as_str()).unwrap_or("none");
    (kinds.join(" "), reason.to_owned())
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
async fn every_scenario_with_a_message_has_its_blocks_and_its_end() {
    for (text, blocks, reason) in [
        ("text", "text", "end_turn"),
        ("thinking", "thinking text", "end_turn"),
        ("redacted_thinking", "redacted_thinking text", "end_turn"),
        ("tool name=a", "text tool_use", "tool_use"),
        ("tool_write", "text tool_use", "tool_use"),
        ("tool_bash", "text tool_use", "tool_use"),
        ("two_tools", "text tool_use tool_use", "tool_use"),
        ("tools n=4", "tool_use tool_use tool_use tool_use", "tool_use"),
        ("empty_input", "text tool_use", "tool_use"),
        ("big_integers", "text tool_use", "tool_use"),
        ("escapes", "text tool_use", "tool_use"),
        ("cut_input", "tool_use", "max_tokens"),
        ("web_search", "text server_tool_use web_search_tool_result text", "end_turn"),
        ("citations", "text text", "end_turn"),
        ("refusal", "text", "refusal"),
        ("pause_turn", "text server_tool_use", "pause_turn"),
        ("cache", "text", "end_turn"),
        ("max_tokens", "text", "max_tokens"),
        ("stop_sequence", "text", "stop_sequence"),
        ("unknown", "hologram text", "moon_phase"),
        ("big bytes=100000", "text", "end_turn"),
        ("tokens n=5 rate=1000", "text", "end_turn"),
        ("slow n=2 delay=1", "text", "end_turn"),
    ] {
        let expected = (blocks.to_owned(), reason.to_owned());
        assert_eq!(shape(&format!("scenario:{text}")).await, expected, "{text}");
    }
}

#[tokio::test]
async fn inputs_keep_their_digits_and_escapes() {
    let big = play("scenario:big_integers").await.pieces("partial_json").concat();
    assert!(big.contains("123456789012345678901234567890") && big.contains("-9223372036854775809"), "{big}");
    let escapes = play("scenario:escapes").await.pieces("partial_json").concat();
    assert!(escapes.contains(r"\ud83d\ude00 = ä€😀") && escapes.contains(r"\u0000"), "{escapes}");
    assert!(serde_json::from_str::<Value>(&escapes).is_ok());
    assert_eq!(play("scenario:empty_input").await.pieces("partial_json"), [""]);
    let own = play(r#"scenario:tool input='{"n":98765432109876543210}'"#).await;
    assert_eq!(own.pieces("partial_json").concat(), r#"{"n":98765432109876543210}"#);
}

#[tokio::test]
async fn unknown_things_stand_in_every_place() {
    let answer = play("scenario:unknown").await;
    assert_eq!(answer.kinds()[1], "solar_flare");
    let events = answer.events();
    assert!(events.iter().any(|event| event["delta"]["type"] == "hologram_delta"));
    assert_eq!(events[0]["message"]["orbit"]["period"], 90);
    assert!(answer.body.contains(r#""tide":"low""#) && answer.body.contains(r#""quanta":7"#));
}

#[tokio::test]
async fn a_pause_goes_on_once_it_is_sent_back() {
    let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
    let mut body = prompt("scenario:pause_turn pauses=2");
    for _ in 0..2 {
        assert!(ask(&api, &body).await.body.contains("pause_turn"));
        let paused = json!({"role": "assistant", "content": [{"type": "text", "text": "I will search."}]});
        body["messages"].as_array_mut().unwrap().push(paused);
    }
    assert_eq!(ask(&api, &body).await.text(), "Went on after 2 pause(s).");
}

#[tokio::test]
async fn tools_are_called_for_as_many_rounds_as_asked() {
    let api = LoopbackApi::start(Plan::scenarios()).await.unwrap();
    let mut body = prompt("scenario:tool rounds=3");
    for _ in 0..3 {
        assert!(ask(&api, &body).await.body.contains("tool_use"));
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": []}));
        messages.push(json!({"role": "user", "content": [{"type": "tool_result"}]}));
    }
    assert!(ask(&api, &body).await.text().starts_with("Done after 3 tool round(s)"));
}

#[tokio::test]
async fn the_cache_is_told_by_lifetime() {
    let usage =
        play("scenario:cache read=1 write=2 write_1h=3").await.events()[0]["message"]["usage"].clone();
    assert_eq!(
        (&usage["cache_read_input_tokens"], &usage["cache_creation_input_tokens"]),
        (&json!(1), &json!(5))
    );
    assert_eq!(
        usage["cache_creation"],
        json!({"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3})
    );
}

#[tokio::test]
async fn errors_have_every_form() {
    let page = play("scenario:error status=503 body=html").await;
    assert!(page.status == 503 && page.body.starts_with("<html>"));
    let empty = play("scenario:error status=529 body=empty retry_after_ms=250").await;
    assert_eq!((empty.body.as_str(), empty.header("retry-after-ms")), ("", Some("250")));
    let named = play("scenario:error status=400 kind=odd message='no way' retry_at=60").await;
    assert_eq!(named.json()["error"], json!({"type": "odd", "message": "no way"}));
    assert!(named.header("retry-after").unwrap().ends_with("GMT"));
    assert_eq!(play("scenario:first_error").await.kinds(), ["error"]);
    assert_eq!(play("scenario:close").await.status, 0);
}

#[tokio::test]
async fn the_keys_of_all_scenarios_change_pace_form_and_fate() {
    let plain =
        play("scenario:text n=2 events=unnamed usage=none stop=odd delta_bytes=3 line_end=crlf first=1")
            .await;
    assert!(
        !plain.body.contains("event:") && !plain.body.contains("usage") && plain.body.contains("\r\n\r\n")
    );
    assert_eq!(plain.pieces("text")[0], "str");
    assert_eq!(plain.pieces("stop_reason"), ["odd"]);
    assert_eq!(play("scenario:text fail=last error_type=api_error").await.kinds().last().unwrap(), "error");
    let ended = play("scenario:text end=start").await;
    assert!(ended.whole && ended.kinds() == ["message_start"]);
    let cut = play("scenario:text cut=500b split=7").await;
    assert_eq!((cut.whole, cut.body.len()), (false, 500));
}

#[tokio::test]
async fn any_other_prompt_gets_all_the_names() {
    for text in ["hello", "scenario:nonsense"] {
        let help = play(text).await.text();
        assert!(help.contains("- web_search: ") && help.contains("- split=BYTES: "), "{help}");
    }
}
