//! A CLI that does what no recording shows: a script in its place.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use claude_core::approval::{
    ApprovalId, Approver, ApproverError, DenyWrites, Opened, Permit, Question, ToolOutcome, Verdict,
};
use claude_core::cli::Command;
use claude_core::{Effect, Json, TurnEvent};
use tempfile::TempDir;

use crate::support::{Seen, see};

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"s","model":"m"}"#;
const RESULT: &str = r#"{"type":"result","subtype":"success","is_error":false,"session_id":"s"}"#;

/// A shell script in the place of the CLI; `say` prints its argument as a line.
fn script(body: &str) -> (Command, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("claude");
    std::fs::write(&program, format!("#!/bin/sh\nsay() {{ printf '%s\\n' \"$1\"; }}\n{body}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    (Command::new(program).prompt("hi"), directory)
}

async fn run(body: &str, approver: Option<Arc<dyn Approver>>) -> Seen {
    let (command, _directory) = script(body);
    let command = match approver {
        Some(approver) => command.approver(approver),
        None => command,
    };
    see(command.spawn().await.unwrap()).await
}

pub(crate) async fn half_a_surrogate_pair_loses_neither_text_nor_end() {
    let text = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"hi \ud83d!"}]}}"#;
    let result =
        r#"{"type":"result","subtype":"success","is_error":false,"result":"hi \ud83d!","duration_ms":1.5}"#;
    let body = format!("say '{INIT}'; say '{text}'; say '{result}'; cat > /dev/null");
    for approver in [None, Some(Arc::new(DenyWrites) as Arc<dyn Approver>)] {
        let seen = run(&body, approver).await;
        assert!(seen.outcome.is_some(), "{:?}", seen.error);
        assert!(seen.text().starts_with("hi ") && seen.text().ends_with('!'), "{}", seen.text());
    }
}

pub(crate) async fn a_request_that_nobody_knows_is_refused() {
    for request in [
        r#"{"type":"control_request","request_id":"r1","request":{"subtype":"novel"}}"#,
        r#"{"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_name":"Bash"}}"#,
    ] {
        let body = format!(
            "read prompt; say '{INIT}'; say '{request}'; read answer; say \"$answer\"; say '{RESULT}'; cat > /dev/null"
        );
        let seen = run(&body, Some(Arc::new(DenyWrites))).await;
        assert!(seen.outcome.is_some(), "{:?}", seen.error);
        let answer: serde_json::Value = serde_json::from_slice(&seen.lines[2]).unwrap();
        assert_eq!(
            (&answer["response"]["subtype"], &answer["response"]["request_id"]),
            (&"error".into(), &"r1".into())
        );
    }
}

const ASK: &str = r#"{"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{"command":"ls"},"tool_use_id":"t1"}}"#;

/// Answers with a permit of another question.
struct MixedUp;

#[async_trait]
impl Approver for MixedUp {
    async fn open(&self, _: &Question) -> Result<Opened, ApproverError> {
        let input = Json::parse(r#"{"command":"rm -rf /"}"#).map_err(ApproverError::new)?;
        let other = Question::new("t2".into(), "Bash".into(), input, Effect::Write);
        Ok(Opened::Decided(Verdict::Allow(other.allow("row"))))
    }

    async fn wait(&self, _: ApprovalId) -> Result<Verdict, ApproverError> {
        Err(ApproverError::new("unused"))
    }
}

pub(crate) async fn an_answer_for_another_call_is_no() {
    let body = format!(
        "read prompt; say '{INIT}'; say '{ASK}'; read answer; say \"$answer\"; say '{RESULT}'; cat > /dev/null"
    );
    let seen = run(&body, Some(Arc::new(MixedUp))).await;
    let answer = String::from_utf8_lossy(&seen.lines[2]).into_owned();
    assert!(answer.contains("\"behavior\":\"deny\"") && !answer.contains("rm -rf"), "{answer}");
}

/// Never says that it has stored what came of a tool.
struct Stuck;

#[async_trait]
impl Approver for Stuck {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        Ok(Opened::Decided(Verdict::Allow(question.allow("rule"))))
    }

    async fn wait(&self, _: ApprovalId) -> Result<Verdict, ApproverError> {
        Err(ApproverError::new("unused"))
    }

    async fn finish(&self, _: &Permit, _: &ToolOutcome) -> Result<(), ApproverError> {
        std::future::pending().await
    }
}

pub(crate) async fn an_approver_that_is_stuck_does_not_hold_up_the_end() {
    let done =
        r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"a"}]}}"#;
    let body = format!(
        "read prompt; say '{INIT}'; say '{ASK}'; read answer; say '{done}'; say '{RESULT}'; cat > /dev/null"
    );
    let seen = run(&body, Some(Arc::new(Stuck))).await;
    assert!(seen.outcome.is_some(), "{:?}", seen.error);
    assert!(matches!(seen.end(), TurnEvent::Completed { .. }));
}

pub(crate) async fn a_question_in_a_line_without_its_end_is_withdrawn() {
    let (approver, _questions) = claude_core::approval::channel();
    let body = format!("read prompt; say '{INIT}'; printf '%s' '{ASK}'");
    let seen = run(&body, Some(Arc::new(approver))).await;
    assert_eq!(seen.error.as_ref().map(claude_core::Error::code), Some("no_result"));
    assert_eq!(seen.lines.len(), 2);
}

pub(crate) async fn a_process_that_stays_after_its_result_is_dismissed() {
    let body = format!("trap '' INT TERM; say '{INIT}'; say '{RESULT}'; exec sleep 1000");
    let (command, _directory) = script(&body);
    let command = command.limits(|limits| limits.linger = Duration::from_millis(200));
    let started = Instant::now();
    let seen = see(command.spawn().await.unwrap()).await;
    assert!(seen.outcome.is_some_and(|it| !it.interrupted), "{:?}", seen.error);
    assert!(started.elapsed() < Duration::from_secs(30));
}

pub(crate) async fn a_grandchild_that_writes_for_ever_does_not_hold_up_the_end() {
    let body = format!(
        "say '{INIT}'; say '{RESULT}'; (trap '' INT TERM HUP; while :; do say '{{\"type\":\"noise\"}}'; done) & exit 0"
    );
    let seen = run(&body, None).await;
    assert!(seen.outcome.is_some(), "{:?}", seen.error);
}

pub(crate) async fn keys_in_the_environment_do_not_show_in_errors() {
    let (command, _directory) = script("echo \"bad key $ANTHROPIC_API_KEY\" >&2; exit 1");
    let command = command.env("ANTHROPIC_API_KEY", "sk-planted-secret");
    let error = see(command.spawn().await.unwrap()).await.error.unwrap();
    assert!(error.to_string().contains("[redacted]") && !format!("{error:?}").contains("planted"), "{error}");
}
