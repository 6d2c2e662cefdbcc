//! Questions of the CLI on their way to an approver and back.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::control::{self, SessionRule};
use super::message::{CanUseTool, User};
use super::preview::preview;
use super::tool::effect;
use super::translator::tool_results;
use crate::approval::{
    ApprovalId, Approver, ApproverError, Denial, Opened, Permit, Preview, Question, ToolOutcome, Verdict,
};
use crate::text::Text;
use crate::turn::event::{Events, TurnEvent};

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// All questions of one process.
pub(super) struct Questions {
    approver: Arc<dyn Approver>,
    cwd: PathBuf,
    asked: Vec<Asked>,
    /// Tools that were permitted and whose result has not come.
    running: Vec<Permit>,
    /// Calls to the approver that nothing waits for but the end.
    errands: Vec<Work<()>>,
}

/// One question. It is open, from the CLI's asking to our answer.
struct Asked {
    request_id: Text,
    rule: Option<SessionRule>,
    id: ApprovalId,
    /// Whether the event `approval_required` was told.
    told: bool,
    work: Work<Stage>,
}

/// How far a question got.
enum Stage {
    /// It waits for a person.
    Pending { event: TurnEvent, id: ApprovalId, rest: Work<Stage> },
    /// It is answered.
    Decided { id: ApprovalId, verdict: Verdict },
}

/// What a step of a question gives: events, and what to write to the CLI.
pub(super) struct Step {
    pub(super) events: Events,
    pub(super) answer: Option<Bytes>,
    /// Who ended the turn by a denial.
    pub(super) ended_by: Option<Text>,
}

impl Questions {
    pub(super) fn new(approver: Arc<dyn Approver>, cwd: PathBuf) -> Self {
        Self { approver, cwd, asked: Vec::new(), running: Vec::new(), errands: Vec::new() }
    }

    pub(super) fn ask(&mut self, asked: &CanUseTool) {
        let (name, input) = (asked.tool_name.detached(), asked.input.detached());
        let rule = SessionRule::of(&name, &asked.permission_suggestions);
        let mut question = Question::new(asked.tool_use_id.detached(), name.clone(), input, effect(&name));
        if let Some(rule) = &rule {
            question = question.offering(rule.shown.clone());
        }
        self.asked.push(Asked {
            request_id: asked.request_id.detached(),
            rule,
            id: question.id(),
            told: false,
            work: Box::pin(open(self.approver.clone(), question, self.cwd.clone())),
        });
    }

    /// The CLI takes a question back.
    pub(super) fn cancel(&mut self, request_id: &Text) -> Events {
        let at = self.asked.iter().position(|asked| asked.request_id == *request_id);
        at.map(|at| self.asked.swap_remove(at)).and_then(|asked| self.withdraw(asked)).into_iter().collect()
    }

    /// Nobody needs an answer any more.
    pub(super) fn cancel_all(&mut self) -> Events {
        let asked = std::mem::take(&mut self.asked);
        asked.into_iter().filter_map(|asked| self.withdraw(asked)).collect()
    }

    /// Results of tools: those that were permitted are finished.
    pub(super) fn results(&mut self, user: &User) {
        for (tool_call_id, content, is_error) in tool_results(user) {
            let Some(at) = self.running.iter().position(|permit| *permit.tool_call_id() == tool_call_id)
            else {
                continue;
            };
            let (permit, approver) = (self.running.swap_remove(at), self.approver.clone());
            let outcome = ToolOutcome::new(content.detached(), is_error);
            self.errands.push(Box::pin(async move {
                // The approver keeps its own record of what it could not store; the run goes on.
                let _ = approver.finish(&permit, &outcome).await;
            }));
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    pub(super) fn has_running(&self) -> bool {
        !self.running.is_empty()
    }

    pub(super) fn has_work(&self) -> bool {
        self.is_waiting() || !self.errands.is_empty()
    }

    /// The next step of any of them. Cancel safe: everything stays in `self`.
    pub(super) async fn step(&mut self) -> Step {
        poll_fn(|cx| self.poll_step(cx)).await
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let errands = self.errands.len();
        self.errands.retain_mut(|errand| errand.as_mut().poll(cx).is_pending());
        for at in 0..self.asked.len() {
            if let Poll::Ready(stage) = self.asked[at].work.as_mut().poll(cx) {
                return Poll::Ready(self.advance(at, stage));
            }
        }
        if self.errands.len() < errands {
            return Poll::Ready(Step { events: Events::new(), answer: None, ended_by: None });
        }
        Poll::Pending
    }

    fn advance(&mut self, at: usize, stage: Stage) -> Step {
        match stage {
            Stage::Pending { event, id, rest } => {
                let asked = &mut self.asked[at];
                (asked.id, asked.work, asked.told) = (id, rest, true);
                Step { events: Events::from_iter([event]), answer: None, ended_by: None }
            }
            Stage::Decided { id, verdict } => {
                let asked = self.asked.swap_remove(at);
                let event = resolved(id, &verdict);
                let answer = match &verdict {
                    Verdict::Allow(permit) => control::allow(&asked.request_id, permit, asked.rule.as_ref()),
                    Verdict::Deny(denial) => control::deny(&asked.request_id, denial),
                };
                let ended_by = match verdict {
                    Verdict::Allow(permit) => {
                        self.running.push(permit);
                        None
                    }
                    Verdict::Deny(denial) => denial.interrupt.then_some(denial.by),
                };
                let events = asked.told.then_some(event).into_iter().collect();
                Step { events, answer: Some(answer), ended_by }
            }
        }
    }

    fn withdraw(&mut self, asked: Asked) -> Option<TurnEvent> {
        let (id, approver) = (asked.id, self.approver.clone());
        self.errands.push(Box::pin(async move { approver.withdraw(id).await }));
        asked.told.then(|| resolved(id, &Verdict::Deny(Denial::withdrawn())))
    }
}

impl Drop for Questions {
    /// A process that is dropped leaves no question behind.
    fn drop(&mut self) {
        self.cancel_all();
        if let (false, Ok(runtime)) = (self.errands.is_empty(), tokio::runtime::Handle::try_current()) {
            let errands = std::mem::take(&mut self.errands);
            runtime.spawn(async move {
                for errand in errands {
                    errand.await;
                }
            });
        }
    }
}

fn resolved(approval_id: ApprovalId, verdict: &Verdict) -> TurnEvent {
    TurnEvent::ApprovalResolved { approval_id, decision: verdict.decision(), by: verdict.by().clone() }
}

async fn open(approver: Arc<dyn Approver>, question: Question, cwd: PathBuf) -> Stage {
    let question = with_preview(question, cwd).await;
    match approver.open(&question).await {
        Ok(Opened::Decided(verdict)) => began(approver, &question, question.id(), verdict).await,
        Ok(Opened::Pending { id, expires_at }) => {
            let event = TurnEvent::ApprovalRequired {
                approval_id: id,
                tool_call_id: question.tool_call_id().clone(),
                name: question.name().clone(),
                input: question.input().clone(),
                preview: question.preview().clone(),
                expires_at,
            };
            Stage::Pending { event, id, rest: Box::pin(wait(approver, question, id)) }
        }
        Err(error) => Stage::Decided { id: question.id(), verdict: unasked(&question, &error) },
    }
}

async fn wait(approver: Arc<dyn Approver>, question: Question, id: ApprovalId) -> Stage {
    match approver.wait(id).await {
        Ok(verdict) => began(approver, &question, id, verdict).await,
        Err(error) => Stage::Decided { id, verdict: unasked(&question, &error) },
    }
}

/// A yes counts only for the call that was asked about, and once it is on record that the tool runs.
async fn began(approver: Arc<dyn Approver>, question: &Question, id: ApprovalId, verdict: Verdict) -> Stage {
    let verdict = match verdict {
        Verdict::Allow(permit) if !question.is_answered_by(&permit) => {
            Verdict::Deny(question.deny("the answer was for another call", "policy"))
        }
        Verdict::Allow(permit) => match approver.begin(&permit).await {
            Ok(()) => Verdict::Allow(permit),
            Err(error) => unasked(question, &error),
        },
        denied @ Verdict::Deny(_) => denied,
    };
    Stage::Decided { id, verdict }
}

async fn with_preview(question: Question, cwd: PathBuf) -> Question {
    let (name, input) = (question.name().clone(), question.input().clone());
    let shown = tokio::task::spawn_blocking(move || preview(&name, &input, &cwd)).await;
    let shown = shown.unwrap_or_else(|_| Preview::Input { input: question.input().clone() });
    question.showing(shown)
}

fn unasked(question: &Question, error: &ApproverError) -> Verdict {
    Verdict::Deny(question.deny(error.to_string(), "policy"))
}
