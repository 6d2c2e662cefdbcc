use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn history(messages: &Value) -> Vec<MessageParam> {
    serde_json::from_value::<Vec<Value>>(messages.clone())
        .unwrap()
        .iter()
        .map(|message| serde_json::from_str(&message.to_string()).unwrap())
        .collect()
}

fn written(messages: &[MessageParam]) -> Value {
    serde_json::from_str(&serde_json::to_string(messages).unwrap()).unwrap()
}

fn prepared(messages: &Value, said: Option<&str>) -> Vec<MessageParam> {
    prepare(history(messages), said.map(Content::from)).unwrap()
}

fn calling(ids: &[&str]) -> Value {
    let calls: Vec<Value> = ids
        .iter()
        .map(|id| json!({"type": "tool_use", "id": id, "name": "look", "input": {"at": id}}))
        .collect();
    json!({"role": "assistant", "content": calls})
}

fn telling(ids: &[&str]) -> Value {
    let results: Vec<Value> =
        ids.iter().map(|id| json!({"type": "tool_result", "tool_use_id": id, "content": "ok"})).collect();
    json!({"role": "user", "content": results})
}

fn run(messages: &[MessageParam]) -> Vec<Text> {
    match next(messages) {
        Step::Run(calls) => calls.into_iter().map(|call| call.id).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_is_asked_and_an_answer_is_the_end() {
    let question = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(next(&prepared(&question, None)), Step::Ask);
    let answer = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]);
    assert_eq!(next(&prepared(&answer, None)), Step::Done);
    assert_eq!(next(&prepared(&answer, Some("more"))), Step::Ask);
}

#[test]
fn nothing_to_answer_is_refused() {
    for (messages, said) in
        [(json!([]), None), (json!([]), Some(" ")), (json!([{"role":"user","content":""}]), None)]
    {
        let error = prepare(history(&messages), said.map(Content::from)).unwrap_err();
        assert_eq!(error.code(), "invalid_request", "{messages}");
    }
}

#[test]
fn the_user_speaks_first() {
    let error = prepare(history(&json!([calling(&["a"])])), Some("hi".into())).unwrap_err();
    assert_eq!(error.to_string(), "history: it must begin with what the user says");
}

#[test]
fn calls_without_results_run_after_a_restart() {
    let messages = prepared(&json!([{"role": "user", "content": "hi"}, calling(&["a", "b"])]), None);
    assert_eq!(run(&messages), ["a", "b"]);
    let partly = json!([{"role": "user", "content": "hi"}, calling(&["a", "b", "c"]), telling(&["b"])]);
    assert_eq!(run(&prepared(&partly, None)), ["a", "c"]);
    let all =
        json!([{"role": "user", "content": "hi"}, calling(&["a", "b"]), telling(&["b"]), telling(&["a"])]);
    let all = prepared(&all, None);
    assert_eq!((next(&all), all.len()), (Step::Ask, 3));
}

#[test]
fn a_conversation_that_went_on_runs_nothing() {
    let messages =
        prepared(&json!([{"role": "user", "content": "hi"}, calling(&["a", "b"])]), Some("stop that"));
    assert_eq!(next(&messages), Step::Ask);
    let last = &written(&messages)[2]["content"];
    assert_eq!(last[0]["tool_use_id"], "a");
    assert_eq!(last[1]["content"], LEFT_BEHIND);
    assert_eq!((&last[1]["is_error"], &last[2]["text"]), (&json!(true), &json!("stop that")));
}

#[test]
fn results_stand_once_directly_behind_their_calls() {
    let messages = json!([
        {"role": "user", "content": "hi"},
        telling(&["never_called"]),
        calling(&["a"]),
        {"role": "assistant", "content": "hm"},
        telling(&["a"]),
        calling(&["b", "c"]),
        {"role": "user", "content": "wait"},
        telling(&["c", "c"]),
        {"role": "user", "content": "go on"},
    ]);
    let messages = written(&prepared(&messages, None));
    let roles: Vec<&str> =
        messages.as_array().unwrap().iter().map(|it| it["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "assistant", "user", "user"]);
    assert_eq!(messages[2]["content"][0]["content"], LEFT_BEHIND);
    let results = &messages[5]["content"];
    assert_eq!((&results[0]["tool_use_id"], &results[0]["content"]), (&json!("b"), &json!(LEFT_BEHIND)));
    assert_eq!((&results[1]["tool_use_id"], &results[1]["content"]), (&json!("c"), &json!("ok")));
    assert_eq!(results[2]["text"], "wait");
    assert_eq!(results.as_array().unwrap().len(), 3);
}

#[test]
fn what_may_not_go_back_is_dropped() {
    let mut messages = history(&json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "cut", "signature": ""},
            {"type": "text", "text": " "},
            {"type": "tool_use", "id": "a", "name": "look", "input": {}},
            {"type": "tool_use", "id": "a", "name": "look", "input": {"again": 1}},
            {"type": "tool_use", "name": "without an id"},
            {"type": "tool_use", "id": "b", "name": "look", "input": "no object"},
            {"type": "future_block", "x": 1},
        ]},
    ]));
    let Content::Blocks(blocks) = &mut messages[1].content else { panic!() };
    let ContentBlock::ToolUse(cut) = &mut blocks[2].clone() else { panic!() };
    cut.id = "cut".into();
    cut.input = ToolInput::Unfinished { raw: r#"{"path": "/"#.into() };
    blocks.push(ContentBlock::ToolUse(cut.clone()));
    let messages = prepare(messages, None).unwrap();
    let content = &written(&messages)[1]["content"];
    assert_eq!(content[0], json!({"type": "tool_use", "id": "a", "name": "look", "input": {}}));
    assert_eq!(content[1], json!({"type": "future_block", "x": 1}));
    assert_eq!(content.as_array().unwrap().len(), 2);
    assert_eq!(run(&messages), ["a"]);
}

#[test]
fn no_message_ends_with_thinking() {
    let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": "s"});
    let redacted = json!({"type": "redacted_thinking", "data": "d"});
    let search = json!({"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}});
    let text = json!({"type": "text", "text": "So."});
    for (said, kept) in [
        (json!([thinking]), None),
        (json!([thinking, redacted, {"type": "text", "text": " "}]), None),
        (json!([thinking, search]), None),
        (json!([thinking, text, thinking]), Some(json!([thinking, text]))),
        (json!([thinking, text]), Some(json!([thinking, text]))),
    ] {
        let messages =
            json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": said.clone()}]);
        let messages = written(&prepared(&messages, Some("and now?")));
        let answers = messages.as_array().unwrap().iter().find(|it| it["role"] == "assistant");
        assert_eq!(answers.map(|it| &it["content"]), kept.as_ref(), "{said}");
    }
}

#[test]
fn a_paused_turn_goes_on_and_an_abandoned_one_does_not() {
    let search =
        json!({"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"query": "x"}});
    let paused = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": [search]}]);
    let going_on = prepared(&paused, None);
    assert_eq!((next(&going_on), going_on.len()), (Step::Ask, 2));
    assert_eq!(prepared(&paused, Some("never mind")).len(), 2);

    let found = json!({"type": "web_search_tool_result", "tool_use_id": "srv", "content": []});
    let done = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": [search, found]}]);
    assert_eq!(next(&prepared(&done, None)), Step::Done);
    assert_eq!(written(&prepared(&done, Some("and?")))[1]["content"].as_array().unwrap().len(), 2);
}

fn any_message() -> impl Strategy<Value = Value> {
    let ids = || prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d"]), 0..4);
    let said = || prop::sample::select(vec!["", " ", "hi"]);
    prop_oneof![
        said().prop_map(|text| json!({"role": "user", "content": text})),
        said().prop_map(|text| json!({"role": "assistant", "content": [{"type": "text", "text": text}]})),
        ids().prop_map(|ids| calling(&ids)),
        (ids(), said()).prop_map(|(ids, text)| {
            let mut message = telling(&ids);
            message["content"].as_array_mut().unwrap().push(json!({"type": "text", "text": text}));
            message
        }),
        ids().prop_map(|ids| telling(&ids)),
    ]
}

/// The rules of the API on tools, and on empty content.
fn breach(messages: &[Value], may_dangle: bool) -> Option<String> {
    let ids = |message: Option<&Value>, kind: &str, id: &str| -> Vec<String> {
        let blocks = message.and_then(|it| it["content"].as_array()).cloned().unwrap_or_default();
        let named = blocks.iter().filter(|block| block["type"] == kind);
        named.map(|block| block[id].as_str().unwrap().to_owned()).collect()
    };
    for (at, message) in messages.iter().enumerate() {
        if message["content"].as_array().is_some_and(Vec::is_empty) || message["content"] == "" {
            return Some(format!("message {at} is empty"));
        }
        if message["role"] == "assistant" {
            let called = ids(Some(message), "tool_use", "id");
            let told = ids(messages.get(at + 1), "tool_result", "tool_use_id");
            let is_open = may_dangle && at + 2 >= messages.len();
            if called != told && !(is_open && told.iter().all(|id| called.contains(id))) {
                return Some(format!("message {at} calls {called:?}, told are {told:?}"));
            }
        } else {
            let told = ids(Some(message), "tool_result", "tool_use_id");
            let before = if at == 0 { None } else { messages.get(at - 1) };
            let called = ids(before, "tool_use", "id");
            if told.iter().any(|id| !called.contains(id)) {
                return Some(format!("message {at} tells {told:?}, called were {called:?}"));
            }
        }
    }
    None
}

proptest! {
    #[test]
    fn whatever_was_stored_the_api_takes_it(
        messages in prop::collection::vec(any_message(), 0..8),
        goes_on in any::<bool>(),
    ) {
        let said = if goes_on { None } else { Some(Content::from("next")) };
        let hello = json!({"role": "user", "content": "hello"});
        let messages = Value::from_iter(std::iter::once(hello).chain(messages));
        let prepared = prepare(history(&messages), said).unwrap();
        let step = next(&prepared);
        let as_written = written(&prepared);
        prop_assert_eq!(breach(as_written.as_array().unwrap(), matches!(step, Step::Run(_))), None);
        prop_assert!(goes_on || step == Step::Ask);
        // Told again, it stays as it is.
        prop_assert_eq!(&prepare(prepared.clone(), None).unwrap(), &prepared);
    }

    #[test]
    fn calls_with_their_results_lead_back_to_the_model(count in 1_usize..5) {
        let ids = &["a", "b", "c", "d"][..count];
        let mut messages = prepared(&json!([{"role": "user", "content": "hi"}, calling(ids)]), None);
        let Step::Run(calls) = next(&messages) else { panic!("{messages:?}") };
        let told: Vec<_> = calls.iter().map(|it| result(&it.id, string(&"ok".into()), false)).collect();
        messages.push(MessageParam::user(told));
        prop_assert_eq!(next(&messages), Step::Ask);
    }
}
