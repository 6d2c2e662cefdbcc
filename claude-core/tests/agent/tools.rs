//! Tools that misbehave.

use std::sync::Arc;
use std::time::Duration;

use claude_core::Backend;
use claude_core::agent::{AgentLoop, ToolError, ToolOutput, ToolRegistry};
use claude_core::approval::Verdict;
use serde_json::json;

use super::approvals::{Clerk, Yes};
use super::support::{Act, Diary, Events, answer, api, ask, calls, client, rest, says, turn, until};

/// One call of one tool with limits that suit a test.
async fn calling(tool: Act) -> Events {
    let api =
        api([answer([calls("t1", "tool", json!({}))], "tool_use"), answer([says("ok")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).tools(ToolRegistry::new().with(tool)).approver(Arc::new(Yes));
    let request = ask("go").limits(|it| {
        it.tool_time = Duration::from_millis(300);
        it.tool_output_bytes = 1000;
    });
    let events = turn(&agent, request).await;
    assert_eq!(events.end()["type"], "completed", "{events:?}");
    events
}

#[tokio::test]
async fn a_panic_is_a_result_without_its_words() {
    let events = calling(Act::read("tool", |_, _| async { panic!("a secret") })).await;
    assert_eq!(events.result("t1")["content"], "`tool` failed: it panicked");
    assert_eq!(events.result("t1")["is_error"], true);
}

#[tokio::test]
async fn an_error_is_told_in_its_words() {
    let events = calling(Act::read("tool", |_, _| async { Err(ToolError::new("no such file")) })).await;
    assert_eq!(
        (&events.result("t1")["content"], &events.result("t1")["is_error"]),
        (&json!("no such file"), &json!(true))
    );
}

#[tokio::test]
async fn a_tool_that_takes_too_long_is_cancelled_first() {
    let diary = Diary::default();
    let heard = diary.clone();
    let tool = Act::read("tool", move |_, cx| {
        let heard = heard.clone();
        async move {
            cx.cancelled.cancelled().await;
            heard.note("cancelled");
            Ok(ToolOutput::text("too late"))
        }
    });
    let events = calling(tool).await;
    assert_eq!(events.result("t1")["content"], "`tool` was ended: it took longer than 300ms");
    assert_eq!(diary.all(), ["cancelled"]);
}

#[tokio::test]
async fn a_tool_that_hangs_is_aborted() {
    struct Gone(Diary);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.note("gone");
        }
    }
    let diary = Diary::default();
    let held = diary.clone();
    let tool = Act::write("tool", move |_, _| {
        let gone = Gone(held.clone());
        async move {
            std::future::pending::<()>().await;
            drop(gone);
            Ok(ToolOutput::text(""))
        }
    });
    let events = calling(tool).await;
    assert_eq!(events.result("t1")["is_error"], true);
    while diary.all().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn fifty_megabytes_are_cut() {
    let events =
        calling(Act::read("tool", |_, _| async { Ok(ToolOutput::text("é".repeat(25 << 20))) })).await;
    let content = events.result("t1")["content"].as_str().unwrap();
    assert!(
        content.ends_with("[cut here: 52428800 bytes in all, 1000 of them shown]") && content.len() < 1100
    );
}

#[tokio::test]
async fn output_is_shown_in_order_and_within_bounds() {
    let tool = Act::read("tool", |_, cx| async move {
        for line in 0..50 {
            cx.output(format!("line {line}\n")).await;
        }
        cx.output("x".repeat(10_000_000)).await;
        cx.output("never shown").await;
        Ok(ToolOutput::text("end"))
    });
    let events = calling(tool).await;
    let shown: String = events.of("tool_output").iter().map(|it| it["chunk"].as_str().unwrap()).collect();
    assert!(
        shown.starts_with("line 0\nline 1\n") && shown.ends_with("xx\n[no more of it is shown]"),
        "{shown}"
    );
    assert!(shown.len() < 1100, "{}", shown.len());
    assert_eq!(events.result("t1")["content"], "end");
}

#[tokio::test]
async fn a_stop_cancels_what_runs_and_says_that_it_may_have_done_something() {
    let diary = Diary::default();
    let heard = diary.clone();
    let tool = Act::write("tool", move |_, cx| {
        let heard = heard.clone();
        async move {
            cx.output("half way").await;
            cx.cancelled.cancelled().await;
            heard.note("cancelled");
            Ok(ToolOutput::text(""))
        }
    });
    let api = api([answer([calls("t1", "tool", json!({}))], "tool_use")]).await;
    let clerk = Clerk::new(&diary, |question| Some(Verdict::Allow(question.allow("ann"))));
    let agent = AgentLoop::new(client(&api)).tools(ToolRegistry::new().with(tool)).approver(Arc::new(clerk));
    let mut turn = agent.start(ask("go"));
    until(&mut turn, "tool_output").await;
    turn.handle().interrupt();
    let events = rest(&mut turn).await;
    assert_eq!(events.kinds(), ["tool_result", "message", "cancelled"]);
    let told = "stopped while it ran: the turn was stopped; what it did until then is not known";
    assert_eq!(events.result("t1")["content"], told);
    let finish = format!("finish true \"{told}\"");
    assert_eq!(diary.all(), ["open t1", "begin {}", "cancelled", &finish]);
}

#[tokio::test]
async fn a_dropped_turn_aborts_what_runs() {
    let diary = Diary::default();
    let heard = diary.clone();
    let tool = Act::read("tool", move |_, cx| {
        let heard = heard.clone();
        async move {
            cx.output("x").await;
            cx.cancelled.cancelled().await;
            heard.note("cancelled");
            Ok(ToolOutput::text(""))
        }
    });
    let api = api([answer([calls("t1", "tool", json!({}))], "tool_use")]).await;
    let agent = AgentLoop::new(client(&api)).tools(ToolRegistry::new().with(tool));
    let mut turn = agent.start(ask("go"));
    until(&mut turn, "tool_output").await;
    drop(turn);
    while diary.all().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_flood_of_output_waits_for_its_reader() {
    let diary = Diary::default();
    let sent = diary.clone();
    let tool = Act::read("tool", move |_, cx| {
        let sent = sent.clone();
        async move {
            for at in 0..10_000 {
                cx.output("x").await;
                sent.note(at.to_string());
            }
            Ok(ToolOutput::text(""))
        }
    });
    let api =
        api([answer([calls("t1", "tool", json!({}))], "tool_use"), answer([says("ok")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).tools(ToolRegistry::new().with(tool));
    let mut turn = agent.start(ask("go"));
    until(&mut turn, "tool_output").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(diary.all().len() < 200, "{}", diary.all().len());
    let events = rest(&mut turn).await;
    assert_eq!((events.of("tool_output").len(), diary.all().len()), (9_999, 10_000));
}
