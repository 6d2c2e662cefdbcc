//! Turns that end before they are done.

use std::sync::Arc;
use std::time::Duration;

use claude_core::agent::AgentLoop;
use claude_core::approval::{Question, Verdict};
use claude_core::cli::PermissionMode;
use claude_core::testing::{LoopbackApi, Reply};
use claude_core::turn::Origin;
use claude_core::{Backend, Turn, TurnEvent, TurnRequest};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::approvals::{Clerk, Yes};
use super::support::{
    Diary, Events, answer, api, ask, begun, calls, client, client_at, rest, says, sse, turn, two_tools, until,
};

/// A server that begins an answer and then waits until it is left: its task ends when the connection does.
async fn begins(body: String) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 64 << 10];
        let _ = socket.read(&mut request).await.unwrap();
        if !body.is_empty() {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
        while socket.read(&mut request).await.is_ok_and(|read| read > 0) {}
    });
    (url, served)
}

async fn left(served: JoinHandle<()>) {
    tokio::time::timeout(Duration::from_secs(30), served).await.expect("the connection is closed").unwrap();
}

#[tokio::test]
async fn a_stop_keeps_what_is_complete_and_closes_the_connection() {
    let unsigned = json!({"type": "thinking", "thinking": "Hm.", "signature": ""});
    let cut = json!({"type": "tool_use", "id": "t2", "name": "act", "input": {"at": "x"}, "open": true});
    let blocks = [unsigned, says("Half an"), calls("t1", "act", json!({"at": "y"})), cut];
    let (url, served) = begins(begun(blocks)).await;
    let diary = Diary::default();
    let agent = AgentLoop::new(client_at(url)).tools(two_tools(&diary)).approver(Arc::new(Yes));
    let mut turn = agent.start(ask("go"));
    until(&mut turn, "tool_input").await;
    turn.handle().interrupt();
    let events = rest(&mut turn).await;
    left(served).await;
    assert_eq!(events.end(), &json!({"type": "cancelled", "by": "user"}));
    let messages = events.of("message");
    let kept = json!([says("Half an"), calls("t1", "act", json!({"at": "y"}))]);
    assert_eq!((&messages[0]["role"], &messages[0]["content"]), (&json!("assistant"), &kept));
    assert_eq!(messages[1]["content"].as_array().unwrap().len(), 1);
    assert_eq!(events.result("t1")["content"], "not run: the turn was stopped");
    // What it cost is not known: the API never said.
    assert_eq!(events.one("usage")["cost_usd"], json!(null));
    assert_eq!(diary.all().len(), 0);
}

#[tokio::test]
async fn a_stop_amid_thinking_leaves_a_conversation_that_goes_on() {
    // A part of a signature; and a whole one, behind which a message may not end either.
    for signature in ["bG9vcGJh", "bG9vcGJhY2stc2lnbmF0dXJl"] {
        let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": signature, "open": true});
        let (url, served) = begins(begun([thinking])).await;
        let mut turn = AgentLoop::new(client_at(url)).start(ask("go"));
        until(&mut turn, "thinking_delta").await;
        turn.handle().interrupt();
        let events = rest(&mut turn).await;
        left(served).await;

        let api = api([answer([says("ok")], "end_turn")]).await;
        let agent = AgentLoop::new(client(&api));
        let again = super::support::turn(&agent, ask("and now?").history(events.history("go"))).await;
        assert_eq!(again.end()["type"], "completed");
    }
}

#[tokio::test]
async fn a_dropped_turn_closes_the_connection() {
    let (url, served) = begins(begun([says("Half an")])).await;
    let agent = AgentLoop::new(client_at(url));
    let mut turn = agent.start(ask("go"));
    until(&mut turn, "text_delta").await;
    drop(turn);
    left(served).await;
}

#[tokio::test]
async fn a_stop_before_the_answer_begins_ends_the_turn_at_once() {
    let (url, served) = begins(String::new()).await;
    let mut turn = AgentLoop::new(client_at(url)).start(ask("go"));
    until(&mut turn, "started").await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), turn.next()).await;
    assert!(waiting.is_err(), "{waiting:?}");
    turn.handle().cancel("no_reader");
    let events = rest(&mut turn).await;
    assert_eq!((events.kinds(), &events.end()["by"]), (vec!["cancelled"], &json!("no_reader")));
    left(served).await;
}

#[tokio::test]
async fn no_delta_is_lost_when_a_flood_is_stopped() {
    let words: String = (0..500).map(|at| delta(&format!("{at} "))).collect();
    let open = json!({"type": "text", "text": "", "open": true});
    let (url, served) = begins(format!("{}{words}", begun([open]))).await;
    let mut turn = AgentLoop::new(client_at(url)).start(ask("go"));
    let mut shown = String::new();
    // Somewhere in the middle, while more waits than is buffered.
    while let Some(event) = turn.next().await {
        if let TurnEvent::TextDelta { text, .. } = event {
            shown.push_str(&text);
        }
        if shown.ends_with(" 20 ") {
            break;
        }
    }
    turn.handle().interrupt();
    let events = rest(&mut turn).await;
    left(served).await;
    shown.extend(events.of("text_delta").iter().map(|it| it["text"].as_str().unwrap()));
    assert_eq!(events.one("message")["content"][0]["text"], shown);
}

fn delta(text: &str) -> String {
    sse(&json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}))
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_kept_and_its_calls_never_run() {
    let error =
        sse(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}));
    let blocks = || [says("I act."), calls("t1", "act", json!({"at": "x"}))];
    for (body, code) in [(begun(blocks()), "incomplete"), (begun(blocks()) + &error, "overloaded")] {
        let diary = Diary::default();
        let api = api([Reply::raw_stream(body)]).await;
        let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(Arc::new(Yes));
        let events = turn(&agent, ask("go")).await;
        assert_eq!(events.end()["code"], code);
        assert_eq!(events.of("message")[0]["content"][0]["text"], "I act.");
        assert_eq!(events.result("t1")["content"], "not run: the answer broke off");
        assert_eq!(diary.all().len(), 0);

        // And after a restart neither.
        let api = super::support::api([answer([says("ok")], "end_turn")]).await;
        let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(Arc::new(Yes));
        let again = turn(&agent, TurnRequest::going_on(events.history("go"))).await;
        assert_eq!((&again.end()["type"], diary.all().len()), (&json!("completed"), 0));
    }
}

#[tokio::test]
async fn what_the_api_refuses_is_the_end() {
    let api = api([Reply::status(400).message("messages: no")]).await;
    let events = turn(&AgentLoop::new(client(&api)), ask("go")).await;
    assert_eq!((events.kinds(), &events.end()["code"]), (vec!["started", "failed"], &json!("rejected")));
}

#[tokio::test]
async fn what_can_not_be_asked_never_reaches_the_api() {
    let api = api([]).await;
    let agent = AgentLoop::new(client(&api));
    for (request, field) in [
        (ask(""), "message"),
        (TurnRequest::going_on(Vec::new()), "message"),
        (ask("hi").origin(Origin::Resume("a9c3c2f0-6f0e-4a4e-9d53-0d8f6f0a1b2c".parse().unwrap())), "origin"),
        (ask("hi").cwd("/tmp"), "cwd"),
        (ask("hi").permission_mode(PermissionMode::Plan), "permission_mode"),
    ] {
        let events = turn(&agent, request).await;
        assert_eq!((events.kinds(), &events.end()["code"]), (vec!["failed"], &json!("invalid_request")));
        assert!(events.end()["message"].as_str().unwrap().starts_with(field), "{events:?}");
    }
    assert_eq!(api.requests().len(), 0);
}

/// A text, two calls that look, two that write, and a text.
async fn whole_turn(diary: &Diary) -> (LoopbackApi, AgentLoop) {
    let blocks = [
        says("I look and act."),
        calls("t1", "look", json!({"at": "a"})),
        calls("t2", "act", json!({"at": "b"})),
        calls("t3", "look", json!({"at": "c"})),
        calls("t4", "act", json!({"at": "d"})),
    ];
    let api = api([answer(blocks, "tool_use"), answer([says("All done.")], "end_turn")]).await;
    let allow: fn(&Question) -> Option<Verdict> = |question| Some(Verdict::Allow(question.allow("ann")));
    let clerk = Clerk::new(diary, allow);
    let agent = AgentLoop::new(client(&api)).tools(two_tools(diary)).approver(Arc::new(clerk));
    (api, agent)
}

/// How many events a whole turn has.
async fn events_of_a_whole_turn() -> usize {
    let (_api, agent) = whole_turn(&Diary::default()).await;
    let count = turn(&agent, ask("go")).await.0.len();
    assert!(count > 25, "{count}");
    count
}

/// Reads so many events.
async fn first(turn: &mut Turn, count: usize) -> Events {
    let mut events = Events(Vec::new());
    for _ in 0..count {
        events.0.push(serde_json::to_value(turn.next().await.unwrap()).unwrap());
    }
    events
}

#[tokio::test]
async fn wherever_a_turn_is_stopped_the_conversation_can_go_on() {
    let mut cancelled = 0;
    for stop_after in 0..events_of_a_whole_turn().await {
        let diary = Diary::default();
        let (_api, agent) = whole_turn(&diary).await;
        let mut turn = agent.start(ask("go"));
        let mut events = first(&mut turn, stop_after).await;
        turn.handle().cancel("user");
        events.0.extend(rest(&mut turn).await.0);
        // What is read late may have been done before.
        cancelled += usize::from(events.end()["type"] == "cancelled");
        for call in events.of("tool_call") {
            events.result(call["tool_call_id"].as_str().unwrap());
        }
        let noted = |what: &str| diary.all().iter().filter(|it| it.starts_with(what)).count();
        assert!(noted("finish") >= noted("begin"), "{:?}", diary.all());

        // The API, which is strict, takes the conversation as it was told; nothing of it runs again.
        let acted = diary.all().len();
        let next = api([answer([says("fine")], "end_turn")]).await;
        let agent = AgentLoop::new(client(&next)).tools(two_tools(&diary)).approver(Arc::new(Yes));
        let again = super::support::turn(&agent, ask("and now?").history(events.history("go"))).await;
        assert_eq!(again.end()["type"], "completed", "after {stop_after}: {events:?}");
        assert_eq!(diary.all().len(), acted);
        // What was stored needed no repair.
        let sent = next.requests()[0].body["messages"].as_array().unwrap().len();
        assert_eq!(sent, events.of("message").len() + 2);
    }
    assert!(cancelled > 10, "{cancelled}");
}

#[tokio::test]
async fn wherever_a_turn_is_dropped_another_goes_on() {
    for drop_after in 0..events_of_a_whole_turn().await {
        let diary = Diary::default();
        let (_api, agent) = whole_turn(&diary).await;
        let mut turn = agent.start(ask("go"));
        let events = first(&mut turn, drop_after).await;
        drop(turn);
        let next = api([answer([says("fine")], "end_turn")]).await;
        let agent = AgentLoop::new(client(&next)).tools(two_tools(&diary)).approver(Arc::new(Yes));
        let again = super::support::turn(&agent, TurnRequest::going_on(events.history("go"))).await;
        assert_eq!(again.end()["type"], "completed", "after {drop_after}: {events:?}");
    }
}
