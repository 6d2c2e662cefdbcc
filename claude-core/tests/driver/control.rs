//! Questions, answers and requests over the control protocol.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use claude_core::approval::approver::{Asked, ChannelApprover};
use claude_core::approval::{
    ApprovalId, Approver, ApproverError, DenyWrites, Opened, Permit, Question, Verdict, channel,
};
use claude_core::cli::PermissionMode;
use claude_core::testing::StandIn;
use claude_core::turn::Decision;
use claude_core::{Error, Json, TurnEvent};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{Seen, command, see};

fn asks() -> StandIn {
    StandIn::new().asks("Write", json!({"file_path": "/tmp/a.txt", "content": "hello"}))
}

/// Runs with somebody who answers.
async fn answered(plan: &StandIn, answer: impl FnOnce(Asked) + Send + 'static) -> Seen {
    let (approver, mut questions): (ChannelApprover, mpsc::Receiver<Asked>) = channel();
    let process = command(plan).approver(Arc::new(approver)).spawn().await.unwrap();
    tokio::spawn(async move { answer(questions.recv().await.unwrap()) });
    see(process).await
}

fn results(seen: &Seen) -> Vec<(String, bool)> {
    let result = |event: &TurnEvent| match event {
        TurnEvent::ToolResult { content, is_error, .. } => Some((content.to_string(), *is_error)),
        _ => None,
    };
    seen.events.iter().filter_map(result).collect()
}

fn decisions(seen: &Seen) -> Vec<Decision> {
    let decision = |event: &TurnEvent| match event {
        TurnEvent::ApprovalResolved { decision, .. } => Some(*decision),
        _ => None,
    };
    seen.events.iter().filter_map(decision).collect()
}

pub(crate) async fn an_allowed_tool_runs_with_its_input() {
    let seen = answered(&asks(), Asked::allow).await;
    assert!(matches!(&results(&seen)[..], [(_, false)]), "{:?}", seen.events);
    assert_eq!(decisions(&seen), [Decision::Allow]);
    let at = |wanted: fn(&TurnEvent) -> bool| seen.events.iter().position(wanted).unwrap();
    let asked = at(|it| matches!(it, TurnEvent::ApprovalRequired { .. }));
    let resolved = at(|it| matches!(it, TurnEvent::ApprovalResolved { .. }));
    let result = at(|it| matches!(it, TurnEvent::ToolResult { .. }));
    assert!(asked < resolved && resolved < result);
    assert!(seen.outcome.is_some(), "{:?}", seen.error);
}

pub(crate) async fn a_changed_input_is_what_runs() {
    let edited = Json::parse("{\n \"file_path\": \"/tmp/a.txt\", \"content\": \"changed\"\n}").unwrap();
    let seen = answered(&asks(), |asked| asked.allow_edited(edited)).await;
    let all: String = seen.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    assert!(all.contains("changed"), "{all}");
    assert!(matches!(&results(&seen)[..], [(_, false)]));
}

pub(crate) async fn a_denied_tool_is_told_why() {
    let seen = answered(&asks(), |asked| asked.deny("not on a Friday")).await;
    let results = results(&seen);
    assert!(matches!(&results[..], [(why, true)] if why.contains("not on a Friday")), "{results:?}");
    assert_eq!(decisions(&seen), [Decision::Deny]);
    assert!(seen.outcome.is_some_and(|it| !it.interrupted), "a denied tool in a run that completed is fine");
}

/// Says no, and ends the turn.
struct Enough;

#[async_trait]
impl Approver for Enough {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        Ok(Opened::Decided(Verdict::Deny(question.deny("enough", "policy").and_interrupt())))
    }

    async fn wait(&self, _id: ApprovalId) -> Result<Verdict, ApproverError> {
        Err(ApproverError::new("unused"))
    }
}

pub(crate) async fn a_denial_that_ends_the_turn_says_by_whom() {
    let seen = see(command(&asks()).approver(Arc::new(Enough)).spawn().await.unwrap()).await;
    assert!(matches!(seen.end(), TurnEvent::Cancelled { by } if by == "policy"), "{:?}", seen.end());
    assert!(seen.outcome.is_some_and(|it| it.interrupted));
}

pub(crate) async fn without_an_answer_the_question_is_denied() {
    let seen = answered(&asks(), drop).await;
    assert!(matches!(&results(&seen)[..], [(_, true)]), "{:?}", seen.events);
    let process = command(&asks()).approver(Arc::new(DenyWrites)).spawn().await.unwrap();
    let seen = see(process).await;
    assert!(matches!(&results(&seen)[..], [(_, true)]), "{:?}", seen.events);
}

pub(crate) async fn an_interrupt_withdraws_the_question() {
    let (approver, mut questions) = channel();
    let process = command(&asks()).approver(Arc::new(approver)).spawn().await.unwrap();
    let control = process.control();
    let watcher = tokio::spawn(async move {
        let mut asked = questions.recv().await.unwrap();
        control.interrupt();
        asked.withdrawn().await;
    });
    let seen = see(process).await;
    watcher.await.unwrap();
    assert_eq!(decisions(&seen), [Decision::Withdrawn]);
    assert!(matches!(seen.end(), TurnEvent::Cancelled { .. }), "{:?}", seen.end());
}

/// Says yes, but can't store that the tool runs.
struct FullDisk;

#[async_trait]
impl Approver for FullDisk {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        Ok(Opened::Decided(Verdict::Allow(question.allow("rule"))))
    }

    async fn wait(&self, _id: ApprovalId) -> Result<Verdict, ApproverError> {
        Err(ApproverError::new("unused"))
    }

    async fn begin(&self, _permit: &Permit) -> Result<(), ApproverError> {
        Err(ApproverError::new("disk full"))
    }
}

pub(crate) async fn an_approver_that_fails_denies() {
    let process = command(&asks()).approver(Arc::new(FullDisk)).spawn().await.unwrap();
    let results = results(&see(process).await);
    assert!(matches!(&results[..], [(why, true)] if why.contains("disk full")), "{results:?}");
}

pub(crate) async fn settings_are_changed_or_refused() {
    let (approver, mut questions) = channel();
    let process = command(&asks()).approver(Arc::new(approver)).spawn().await.unwrap();
    let control = process.control();
    let asker = tokio::spawn(async move {
        // While a question is open the process waits and can be asked.
        let asked = questions.recv().await.unwrap();
        control.set_model("claude-haiku-5-5".parse().unwrap()).await.unwrap();
        control.set_permission_mode(PermissionMode::Plan).await.unwrap();
        asked.allow();
        control
    });
    see(process).await;
    let control = asker.await.unwrap();
    let late = control.set_model("opus".parse().unwrap()).await;
    assert!(matches!(late, Err(Error::Ended)), "{late:?}");

    let process = command(&StandIn::new().lines(2).stall_after(1)).spawn().await.unwrap();
    let control = process.control();
    let run = tokio::spawn(see(process));
    let refused = control.set_model("opus".parse().unwrap()).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    control.cancel("test");
    run.await.unwrap();
}

pub(crate) async fn a_dropped_process_withdraws_its_question() {
    let (approver, mut questions) = channel();
    let mut process = command(&asks()).approver(Arc::new(approver)).spawn().await.unwrap();
    let mut asked = loop {
        tokio::select! {
            asked = questions.recv() => break asked.unwrap(),
            output = process.next() => drop(output.unwrap().unwrap()),
        }
    };
    drop(process);
    tokio::time::timeout(Duration::from_secs(20), asked.withdrawn()).await.unwrap();
}
