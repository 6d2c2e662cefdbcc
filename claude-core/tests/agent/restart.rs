//! A turn goes on where another was dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use claude_core::agent::AgentLoop;
use claude_core::approval::approver::{Approver, ApproverError, Opened};
use claude_core::approval::{ApprovalId, Permit, Question, Verdict};
use claude_core::{Backend, TurnRequest};
use serde_json::json;
use tokio::sync::watch;

use super::support::{Diary, answer, api, ask, calls, client, rest, says, turn, two_tools, until};

/// Keeps questions by call and digest, as a store does; they outlive the turn that asked.
struct Durable {
    asked: Mutex<HashMap<(String, String), Question>>,
    is_allowed: watch::Sender<bool>,
    diary: Diary,
}

impl Durable {
    fn new(diary: &Diary) -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            is_allowed: watch::Sender::new(false),
            diary: diary.clone(),
        })
    }

    fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().values().cloned().collect()
    }
}

#[async_trait]
impl Approver for Durable {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        let key = (question.tool_call_id().to_string(), question.digest().as_str().to_owned());
        let mut asked = self.asked.lock().unwrap();
        let id = asked.entry(key).or_insert_with(|| question.clone()).id();
        Ok(Opened::Pending { id, expires_at: None })
    }

    async fn wait(&self, id: ApprovalId) -> Result<Verdict, ApproverError> {
        let _ = self.is_allowed.subscribe().wait_for(|allowed| *allowed).await;
        let question = self.asked().into_iter().find(|question| question.id() == id).unwrap();
        Ok(Verdict::Allow(question.allow("ann")))
    }

    async fn begin(&self, permit: &Permit) -> Result<(), ApproverError> {
        self.diary.note(format!("begin {}", permit.approval_id()));
        Ok(())
    }
}

#[tokio::test]
async fn a_restart_goes_on_with_the_same_question_and_asks_no_model_before() {
    let diary = Diary::default();
    let approver = Durable::new(&diary);
    let first = answer([says("I act."), calls("t1", "act", json!({"at": "x", "n": 1}))], "tool_use");
    let first = api([first]).await;
    let agent = AgentLoop::new(client(&first)).tools(two_tools(&diary)).approver(approver.clone());
    let mut dropped = agent.start(ask("go"));
    let before = until(&mut dropped, "approval_required").await;
    drop(dropped);

    let second = api([answer([says("Done.")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&second)).tools(two_tools(&diary)).approver(approver.clone());
    let mut going_on = agent.start(TurnRequest::going_on(before.history("go")));
    let asked = until(&mut going_on, "approval_required").await;
    assert_eq!(asked.kinds(), ["started", "tool_call", "approval_required"]);
    assert_eq!(asked.one("tool_call")["input"], json!({"at": "x", "n": 1}));
    assert_eq!(asked.one("approval_required")["approval_id"], before.one("approval_required")["approval_id"]);
    assert_eq!((approver.asked().len(), second.requests().len()), (1, 0));

    approver.is_allowed.send_replace(true);
    let events = rest(&mut going_on).await;
    assert_eq!(events.kinds()[..3], ["approval_resolved", "tool_result", "message"]);
    assert_eq!(events.end()["stop_reason"], "end_turn");
    let id = before.one("approval_required")["approval_id"].as_str().unwrap();
    assert_eq!(diary.all(), [format!("begin {id}"), r#"act {"at":"x","n":1}"#.to_owned()]);
    let messages = second.requests()[0].body["messages"].clone();
    assert_eq!(messages[2]["content"][0]["content"], "done");
}

#[tokio::test]
async fn only_calls_without_a_result_run_after_a_restart() {
    let diary = Diary::default();
    let history = json!([
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [calls("t1", "act", json!({})), calls("t2", "look", json!({"at": "x"}))]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "done before"}]},
    ]);
    let api = api([answer([says("ok")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary));
    let history = serde_json::from_str(&history.to_string()).unwrap();
    let events = turn(&agent, TurnRequest::going_on(history)).await;
    assert_eq!((events.of("tool_result").len(), diary.all().len()), (1, 0));
    let messages = api.requests()[0].body["messages"].clone();
    let told: Vec<_> =
        messages[2]["content"].as_array().unwrap().iter().map(|it| &it["tool_use_id"]).collect();
    assert_eq!(told, ["t1", "t2"]);
    assert_eq!(messages.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_user_who_says_something_else_runs_nothing() {
    let diary = Diary::default();
    let history = json!([
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [calls("t1", "act", json!({}))]},
    ]);
    let api = api([answer([says("ok")], "end_turn")]).await;
    let agent = AgentLoop::new(client(&api)).tools(two_tools(&diary)).approver(Durable::new(&diary));
    let history = serde_json::from_str(&history.to_string()).unwrap();
    let events = turn(&agent, ask("better not").history(history)).await;
    assert_eq!((&events.end()["type"], diary.all().len()), (&json!("completed"), 0));
    let told = api.requests()[0].body["messages"][2]["content"].clone();
    assert_eq!(told[0]["content"], "not run: the conversation went on");
    assert_eq!((&told[0]["is_error"], &told[1]["text"]), (&json!(true), &json!("better not")));
}

#[tokio::test]
async fn a_finished_history_asks_nothing() {
    let api = api([]).await;
    let history = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]);
    let history = serde_json::from_str(&history.to_string()).unwrap();
    let events = turn(&AgentLoop::new(client(&api)), TurnRequest::going_on(history)).await;
    assert_eq!((events.kinds(), api.requests().len()), (vec!["started", "completed"], 0));
}
