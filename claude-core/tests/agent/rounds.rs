//! From the question to the answer, with tools in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use claude_core::agent::{AgentLoop, READS_AT_ONCE, ToolOutput, ToolRegistry};
use claude_core::approval::approver::{Approver, DenyWrites};
use claude_core::turn::ToolSet;
use serde_json::{Value, json};

use super::approvals::Yes;
use super::support::{Act, Diary, answer, api, ask, calls, client, says, turn, two_tools};

#[tokio::test]
async fn a_text_is_told_as_it_comes_and_once_as_a_message() {
    let api = api([answer([says("Hello there.")], "end_turn")]).await;
    let events = turn(&AgentLoop::new(client(&api)), ask("hi")).await;
    assert_eq!(events.kinds(), ["started", "text_delta", "usage", "message", "completed"]);
    let started = events.one("started");
    assert_eq!((&started["backend"], &started["model"]), (&json!("api"), &json!("claude-sonnet-5-5")));
    let message = events.one("message");
    assert_eq!(message["role"], "assistant");
    assert_eq!(message["content"], json!([{"type": "text", "text": "Hello there."}]));
    assert_eq!(message["usage"]["output_tokens"], 7);
    let usage = events.one("usage");
    assert_eq!((&usage["input_tokens"], &usage["cache_read_tokens"]), (&json!(10), &json!(3)));
    assert_eq!(events.end()["stop_reason"], "end_turn");
    assert_eq!(api.requests()[0].body["max_tokens"], 16384);
}

#[tokio::test]
async fn a_call_that_looks_is_run_and_told() {
    let first = answer([says("I look."), calls("t1", "look", json!({"at": "log"}))], "tool_use");
    let api = api([first, answer([says("All is fine.")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&Diary::default()));
    let events = turn(&agent, ask("how is it?").system("Be short.")).await;
    let expected = [
        "started",
        "text_delta",
        "tool_call",
        "tool_input_delta",
        "tool_input",
        "usage",
        "message",
        "tool_result",
        "message",
        "text_delta",
        "usage",
        "message",
        "completed",
    ];
    assert_eq!(events.kinds(), expected);
    assert_eq!(events.one("tool_call")["effect"], "read_only");
    assert_eq!(events.one("tool_call").get("input"), None);
    assert_eq!(events.one("tool_input")["input"], json!({"at": "log"}));
    let result = events.result("t1");
    assert_eq!((&result["content"], &result["is_error"]), (&json!("saw \"log\""), &json!(false)));
    assert!(result["duration_ms"].is_u64());
    assert_eq!(events.of("usage")[1]["output_tokens"], 14);

    let asked = &api.requests()[1].body;
    assert_eq!(asked["system"], "Be short.");
    let names: Vec<&Value> = asked["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["look", "act"]);
    assert_eq!(asked["tools"][0]["input_schema"]["type"], "object");
    let told = json!([{"type": "tool_result", "tool_use_id": "t1", "content": "saw \"log\""}]);
    assert_eq!(asked["messages"][2], json!({"role": "user", "content": told}));
}

#[tokio::test]
async fn calls_that_look_run_side_by_side_and_within_a_bound() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (now.clone(), most.clone());
    let look = Act::read("look", move |_, _| {
        let (now, most) = counted.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(30)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(ToolOutput::text("seen"))
        }
    });
    let many: Vec<Value> =
        (0..3 * READS_AT_ONCE).map(|at| calls(&format!("t{at}"), "look", json!({}))).collect();
    let api = api([answer(many, "tool_use"), answer([says("ok")], "end_turn")]).await;
    turn(&AgentLoop::new(client(&api)).tools(ToolRegistry::new().with(look)), ask("look")).await;
    assert_eq!(most.load(Ordering::SeqCst), READS_AT_ONCE);
    let results = api.requests()[1].body["messages"][2]["content"].clone();
    for (at, result) in results.as_array().unwrap().iter().enumerate() {
        assert_eq!(result["tool_use_id"], format!("t{at}"), "results stand in the order of the calls");
    }
}

#[tokio::test]
async fn writes_run_one_by_one_in_the_order_of_the_calls() {
    let diary = Diary::default();
    let (looks, acts) = (diary.clone(), diary.clone());
    let look = Act::read("look", move |input, _| {
        looks.note(format!("look {}", input["at"].as_str().unwrap()));
        async { Ok(ToolOutput::text("")) }
    });
    let act = Act::write("act", move |input, _| {
        let (acts, at) = (acts.clone(), input["at"].as_str().unwrap().to_owned());
        async move {
            acts.note(format!("act {at}"));
            tokio::time::sleep(Duration::from_millis(10)).await;
            acts.note(format!("acted {at}"));
            Ok(ToolOutput::text(""))
        }
    });
    let call = |id: &str, name| calls(id, name, json!({"at": id}));
    let first = [call("a", "act"), call("b", "act"), call("c", "look"), call("d", "act")];
    let api = api([answer(first, "tool_use"), answer([says("ok")], "end_turn")]).await;
    let tools = ToolRegistry::new().with(look).with(act);
    turn(&AgentLoop::new(client(&api)).tools(tools).approver(Arc::new(Yes)), ask("go")).await;
    assert_eq!(diary.all(), ["act a", "acted a", "act b", "acted b", "look c", "act d", "acted d"]);
}

#[tokio::test]
async fn what_can_not_run_is_told_to_the_model() {
    let diary = Diary::default();
    let first = [
        calls("t1", "lokk", json!({})),
        calls("t2", "look", json!({"at": 1})),
        calls("t3", "act", json!({"at": [1]})),
    ];
    let api = api([answer(first, "tool_use"), answer([says("sorry")], "end_turn")]).await;
    let approver: Arc<dyn Approver> = Arc::new(DenyWrites);
    let events =
        turn(&AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(approver), ask("go")).await;
    let unknown = events.result("t1");
    assert_eq!(unknown["content"], "not run: there is no tool `lokk`; there are: look, act");
    assert_eq!((&unknown["is_error"], &unknown["duration_ms"]), (&json!(true), &Value::Null));
    assert_eq!(events.of("tool_call")[0]["effect"], "write");
    assert_eq!(events.result("t2")["content"], "not run: `at` must be of type string, not number");
    assert_eq!(events.result("t3")["content"], "not run: `at` must be of type string, not array");
    assert_eq!((diary.all().len(), &events.end()["type"]), (0, &json!("completed")));
}

#[tokio::test]
async fn only_an_answer_that_stops_for_its_tools_has_them_run() {
    for reason in ["end_turn", "max_tokens", "refusal", "a_new_reason"] {
        let diary = Diary::default();
        let first = answer([says("I act."), calls("t1", "act", json!({}))], reason);
        let api = api([first]).await;
        let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(Arc::new(Yes));
        let events = turn(&agent, ask("go")).await;
        assert_eq!((events.end()["stop_reason"].as_str(), api.requests().len()), (Some(reason), 1));
        assert_eq!(events.result("t1")["content"], format!("not run: {reason}"));
        // The conversation can go on, and nothing of it runs later.
        assert_eq!(events.of("message")[1]["content"][0]["tool_use_id"], "t1");
        assert_eq!(diary.all().len(), 0);
    }
}

#[tokio::test]
async fn an_input_that_did_not_end_never_runs() {
    let diary = Diary::default();
    let cut = r#"{"type":"input_json_delta","partial_json":"{\"at\": \"/\", \"force\": tr"}"#;
    let open = json!({"type": "tool_use", "id": "t2", "name": "act", "input": {}, "open": true});
    let cut = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{cut}}}\n\n"
    );
    let stop = super::support::sse(&json!({"type": "content_block_stop", "index": 1}));
    for (reason, requests) in [("max_tokens", 1), ("tool_use", 2)] {
        // Without the pieces that a whole input would have.
        let begun = super::support::begun([calls("t1", "look", json!({"at": "x"})), open.clone()]);
        let begun = begun
            .rsplit_once("event: content_block_delta")
            .unwrap()
            .0
            .rsplit_once("event: content_block_delta");
        let body = format!("{}{cut}{stop}{}", begun.unwrap().0, super::support::ended(reason));
        let first = claude_core::testing::Reply::raw_stream(body);
        let api = api([first, answer([says("sorry")], "end_turn")]).await;
        let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(Arc::new(Yes));
        let events = turn(&agent, ask("go")).await;
        assert_eq!(
            events.result("t2")["content"],
            "not run: its input is no complete JSON object",
            "{events:?}"
        );
        let content = events.of("message")[0]["content"].as_array().unwrap();
        assert_eq!((content.len(), &content[0]["id"]), (1, &json!("t1")), "{content:?}");
        assert_eq!((diary.all().len(), api.requests().len()), (0, requests));
        if reason == "tool_use" {
            let told = &api.requests()[1].body["messages"][2]["content"];
            assert_eq!(told[0]["content"], "saw \"x\"");
            assert!(
                told[1]["text"].as_str().unwrap().starts_with("Your call of `act` was not run"),
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn a_paused_turn_is_sent_again_as_it_is() {
    let search =
        json!({"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"query": "x"}});
    let found = json!({"type": "web_search_tool_result", "tool_use_id": "srv", "content": [{"url": "u"}]});
    let failed = json!({
        "type": "web_search_tool_result", "tool_use_id": "srv2",
        "content": {"type": "web_search_tool_result_error", "error_code": "too_many_requests"},
    });
    let api =
        api([answer([search], "pause_turn"), answer([found, failed, says("Found.")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).shape(|request| {
        request.tools.push(json!({"type": "web_search_20260318", "name": "web_search"}).into());
    });
    let events = turn(&agent, ask("search")).await;
    assert_eq!(events.one("tool_call")["effect"], "read_only");
    assert_eq!(events.one("tool_input")["input"], json!({"query": "x"}));
    assert_eq!(
        (&events.result("srv")["is_error"], &events.result("srv2")["is_error"]),
        (&json!(false), &json!(true))
    );
    let requests = api.requests();
    assert_eq!(requests[1].body["messages"][1]["content"][0]["id"], "srv");
    assert_eq!(requests[1].body["messages"].as_array().unwrap().len(), 2);
    assert_eq!(requests[0].body["tools"][0]["type"], "web_search_20260318");
}

#[tokio::test]
async fn only_the_chosen_tools_are_offered_and_run() {
    let diary = Diary::default();
    let api =
        api([answer([calls("t1", "act", json!({}))], "tool_use"), answer([says("ok")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(Arc::new(Yes));
    let mut request = ask("go");
    request.tools = ToolSet::Only(vec!["look".into()]);
    let events = turn(&agent, request).await;
    assert_eq!(events.result("t1")["content"], "not run: there is no tool `act`; there are: look");
    assert_eq!(api.requests()[0].body["tools"].as_array().unwrap().len(), 1);

    let mut request = ask("go");
    request.tools = ToolSet::Only(vec!["lokk".into()]);
    let events = turn(&agent, request).await;
    assert_eq!(events.kinds(), ["failed"]);
    assert_eq!(events.end()["message"], "tools: there is no tool `lokk`; there are: look, act");
    assert_eq!((diary.all().len(), api.requests().len()), (0, 2));
}

#[tokio::test]
async fn thinking_goes_back_signed_and_untouched() {
    let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": "bG9vcGJhY2stc2lnbmF0dXJl"});
    let first = answer([thinking.clone(), calls("t1", "look", json!({"at": "x"}))], "tool_use");
    let api = api([first, answer([says("ok")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&Diary::default()));
    let events = turn(&agent, ask("go")).await;
    assert_eq!(events.one("thinking_delta")["text"], "Hm.");
    assert_eq!(api.requests()[1].body["messages"][1]["content"][0], thinking);
}

#[tokio::test]
async fn repetitions_are_told() {
    let busy = claude_core::testing::Reply::status(529);
    let api = api([busy, answer([says("ok")], "end_turn")]).await;
    let events = turn(&AgentLoop::new(client(&api)), ask("go")).await;
    assert_eq!(events.one("retrying")["attempt"], 1);
    assert_eq!(events.end()["type"], "completed");
}
