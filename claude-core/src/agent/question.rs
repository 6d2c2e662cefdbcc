//! One question, from its asking to its answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::context::TurnContext;
use super::offer::Offered;
use super::teller::Teller;
use crate::Timestamp;
use crate::approval::{ApprovalId, Approver, ApproverError, Denial, Opened, Preview, Question, Verdict};
use crate::text::{Json, Text};
use crate::turn::TurnEvent;

/// How long a tool's preview may take; beyond it the input is shown.
pub const PREVIEW_TIME: Duration = Duration::from_secs(10);

/// How long the end of a turn waits for an approver to take back a question, or to record what became of a call.
pub(super) const APPROVER_GRACE: Duration = Duration::from_secs(5);

/// A question that has no answer. Dropping it takes it back.
pub(super) struct Open {
    approver: Arc<dyn Approver>,
    /// `None` once it needs no taking back.
    id: Option<ApprovalId>,
    /// Whether the event `approval_required` was told.
    told: bool,
}

impl Open {
    /// Nobody needs the answer any more. Gives the event that says so, where the question was told.
    pub(super) async fn withdraw(mut self) -> Option<TurnEvent> {
        let id = self.id.take()?;
        let approver = Arc::clone(&self.approver);
        // In a task of its own, so that giving up on it does not leave the question standing.
        let withdrawing = tokio::spawn(async move { approver.withdraw(id).await });
        let _ = timeout(APPROVER_GRACE, withdrawing).await;
        self.told.then(|| resolved(id, &Verdict::Deny(Denial::withdrawn())))
    }

    fn answered(mut self, verdict: &Verdict) -> Option<TurnEvent> {
        let id = self.id.take()?;
        self.told.then(|| resolved(id, verdict))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) {
            let approver = Arc::clone(&self.approver);
            runtime.spawn(async move { approver.withdraw(id).await });
        }
    }
}

/// Asks, and waits for the answer. While it waits the question stands in `open`, so that it can be taken back.
pub(super) async fn decide(
    open: &mut Option<Open>,
    question: &Question,
    (cx, teller): (&TurnContext, &mut Teller),
) -> Verdict {
    let asked =
        open.insert(Open { approver: Arc::clone(&cx.approver), id: Some(question.id()), told: false });
    // Opening may wait as well, while others are asked.
    let paused = cx.stopwatch.pause();
    let answer = match cx.approver.open(question).await {
        Ok(Opened::Decided(verdict)) => Ok(verdict),
        Ok(Opened::Pending { id, expires_at }) => {
            (asked.id, asked.told) = (Some(id), true);
            teller.tell(required(question, id, expires_at)).await;
            cx.approver.wait(id).await
        }
        Err(error) => Err(error),
    };
    drop(paused);
    let (verdict, is_settled) = match answer {
        Ok(verdict) => (only_for(question, verdict), true),
        Err(error) => (unasked(question, &error), false),
    };
    if let Some(asked) = open.take() {
        let event = if is_settled {
            asked.answered(&verdict)
        } else {
            // Whoever lost the answer may still hold the question.
            asked.withdraw().await
        };
        if let Some(event) = event {
            teller.tell(event).await;
        }
    }
    verdict
}

/// The question about a call, with what the tool says that it would do.
pub(super) async fn with_preview(question: Question, offered: &Offered) -> Question {
    let (tool, input): (_, Json) = (Arc::clone(&offered.tool), question.input().clone());
    // In a task of its own: one that panics or hangs costs the preview only.
    let preview = AbortOnDropHandle::new(tokio::spawn(async move { tool.preview(&input).await }));
    match timeout(PREVIEW_TIME, preview).await {
        Ok(Ok(Ok(preview))) => question.showing(preview),
        _ => {
            let input = question.input().clone();
            question.showing(Preview::Input { input })
        }
    }
}

/// A yes counts only for the call that was asked about.
fn only_for(question: &Question, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Allow(permit) if !question.is_answered_by(&permit) => {
            Verdict::Deny(question.deny("the answer was for another call", policy()))
        }
        fitting => fitting,
    }
}

fn unasked(question: &Question, error: &ApproverError) -> Verdict {
    Verdict::Deny(question.deny(error.to_string(), policy()))
}

fn policy() -> Text {
    "policy".into()
}

fn required(question: &Question, approval_id: ApprovalId, expires_at: Option<Timestamp>) -> TurnEvent {
    TurnEvent::ApprovalRequired {
        approval_id,
        tool_call_id: question.tool_call_id().clone(),
        name: question.name().clone(),
        input: question.input().clone(),
        preview: question.preview().clone(),
        expires_at,
    }
}

fn resolved(approval_id: ApprovalId, verdict: &Verdict) -> TurnEvent {
    TurnEvent::ApprovalResolved { approval_id, decision: verdict.decision(), by: verdict.by().clone() }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::agent::offer::Offer;
    use crate::agent::{AgentLoop, Tool, ToolContext, ToolError, ToolOutput, ToolRegistry, ToolSpec};
    use crate::messages::Client;
    use crate::turn::{Effect, ToolSet, Turn, TurnEnd, TurnLimits};

    struct Hanging(ToolSpec);

    #[async_trait]
    impl Tool for Hanging {
        fn spec(&self) -> &ToolSpec {
            &self.0
        }

        fn effect(&self) -> Effect {
            Effect::Write
        }

        async fn preview(&self, _input: &Json) -> Result<Preview, ToolError> {
            std::future::pending().await
        }

        async fn call(&self, _input: Json, _cx: ToolContext) -> Result<ToolOutput, ToolError> {
            Ok(ToolOutput::text(""))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_preview_that_hangs_gives_way_to_the_input() {
        let tools = ToolRegistry::new().with(Hanging(ToolSpec::new("hang", "", json!({"type": "object"}))));
        let offer = Offer::new(&tools, &ToolSet::All).unwrap();
        let input = Json::parse(r#"{"a":1}"#).unwrap();
        let question = Question::new("t1".into(), "hang".into(), input.clone(), Effect::Write);
        let question = with_preview(question, offer.get("hang").unwrap()).await;
        assert_eq!(*question.preview(), Preview::Input { input });
    }

    /// Takes a question only after a while, as one does that many others wait for.
    struct Busy;

    #[async_trait]
    impl Approver for Busy {
        async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
            tokio::time::sleep(Duration::from_secs(100)).await;
            Ok(Opened::Decided(Verdict::Deny(question.deny("no", "ann"))))
        }

        async fn wait(&self, _id: ApprovalId) -> Result<Verdict, ApproverError> {
            Ok(Verdict::Deny(Denial::withdrawn()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_to_be_asked_is_not_counted() {
        let agent = AgentLoop::new(Client::builder().build()).approver(Arc::new(Busy));
        let limits = TurnLimits { time: Some(Duration::from_secs(10)), ..TurnLimits::default() };
        let turn = Turn::new(|emitter, _stops| async move {
            let offer = Offer::new(&ToolRegistry::new(), &ToolSet::All).unwrap();
            let cx = agent.context(offer, limits, emitter.clone());
            let input = Json::parse("{}").unwrap();
            let question = Question::new("t1".into(), "act".into(), input, Effect::Write);
            let (mut open, mut teller) = (None, Teller::new(emitter));
            let verdict = tokio::select! {
                () = cx.stopwatch.expired() => panic!("it was counted"),
                verdict = decide(&mut open, &question, (&cx, &mut teller)) => verdict,
            };
            assert_eq!(**verdict.by(), *"ann");
            TurnEnd::Completed { stop_reason: None }
        });
        let answer = turn.finish().await;
        assert!(answer.is_complete(), "{answer:?}");
    }
}
