//! The way to whoever decides, and back.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::{ApprovalId, Denial, Permit, Question, Verdict};
use crate::Timestamp;
use crate::text::{Json, Text};
use crate::turn::Effect;

/// Questions of a [`channel`] that wait to be looked at; asking waits beyond it.
const CHANNEL_QUESTIONS: usize = 32;

/// Where questions go and answers come from. Durable implementations have stored what they were told before
/// they return.
#[async_trait]
pub trait Approver: Send + Sync {
    /// Takes a question. The event `approval_required` follows where it is pending.
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError>;

    /// Waits for the answer to a pending question; a late one is a [`Denial::expired`].
    async fn wait(&self, id: ApprovalId) -> Result<Verdict, ApproverError>;

    /// Records that the tool runs now. On an error it does not run.
    async fn begin(&self, _permit: &Permit) -> Result<(), ApproverError> {
        Ok(())
    }

    /// Records what came of it.
    async fn finish(&self, _permit: &Permit, _outcome: &ToolOutcome) -> Result<(), ApproverError> {
        Ok(())
    }

    /// Takes back a question that nobody needs to answer any more.
    async fn withdraw(&self, _id: ApprovalId) {}
}

/// What became of a question that was opened.
#[derive(Debug, Clone)]
pub enum Opened {
    /// It waits for a person.
    Pending {
        /// The question's id; not the one asked with, where the same call was asked before.
        id: ApprovalId,
        /// When it is answered with no; `None`: never.
        expires_at: Option<Timestamp>,
    },
    /// A rule has answered it.
    Decided(Verdict),
}

/// What came of a tool that was permitted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ToolOutcome {
    /// What the model got.
    pub content: Json,
    /// Whether the tool failed.
    pub is_error: bool,
}

impl ToolOutcome {
    /// The outcome of a call.
    #[must_use]
    pub fn new(content: Json, is_error: bool) -> Self {
        Self { content, is_error }
    }
}

/// Nobody could be asked. The tool does not run.
#[derive(Debug)]
pub struct ApproverError(Box<dyn StdError + Send + Sync>);

impl ApproverError {
    /// Wraps the reason.
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for ApproverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nobody could be asked: {}", self.0)
    }
}

impl StdError for ApproverError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

/// Lets read-only tools run and denies all others; asks nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct DenyWrites;

#[async_trait]
impl Approver for DenyWrites {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        Ok(Opened::Decided(match question.effect() {
            Effect::ReadOnly => Verdict::Allow(question.allow("policy")),
            Effect::Write => Verdict::Deny(question.deny("nobody may approve this here", "policy")),
        }))
    }

    async fn wait(&self, _id: ApprovalId) -> Result<Verdict, ApproverError> {
        Ok(Verdict::Deny(Denial::withdrawn()))
    }
}

/// An approver in this process, whose questions arrive at the receiver. Not durable.
///
/// A question whose [`Asked`] is dropped, or that nobody can receive any more, is denied.
#[must_use]
pub fn channel() -> (ChannelApprover, mpsc::Receiver<Asked>) {
    let (questions, receiver) = mpsc::channel(CHANNEL_QUESTIONS);
    (ChannelApprover { questions, waiting: Mutex::default() }, receiver)
}

/// The asking half of a [`channel`].
#[derive(Debug)]
pub struct ChannelApprover {
    questions: mpsc::Sender<Asked>,
    waiting: Mutex<HashMap<ApprovalId, oneshot::Receiver<Verdict>>>,
}

impl ChannelApprover {
    fn take(&self, id: ApprovalId) -> Option<oneshot::Receiver<Verdict>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}

#[async_trait]
impl Approver for ChannelApprover {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        let (answer, verdict) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(question.id(), verdict);
        let asked = Asked { question: question.clone(), answer };
        if self.questions.send(asked).await.is_err() {
            self.take(question.id());
            return Err(ApproverError::new("nobody listens"));
        }
        Ok(Opened::Pending { id: question.id(), expires_at: None })
    }

    async fn wait(&self, id: ApprovalId) -> Result<Verdict, ApproverError> {
        let Some(verdict) = self.take(id) else { return Ok(Verdict::Deny(Denial::withdrawn())) };
        verdict.await.map_err(|_| ApproverError::new("the question was dropped"))
    }

    async fn withdraw(&self, id: ApprovalId) {
        self.take(id);
    }
}

/// A question that arrived by a [`channel`].
#[derive(Debug)]
pub struct Asked {
    question: Question,
    answer: oneshot::Sender<Verdict>,
}

impl Asked {
    /// What is asked.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Yes.
    pub fn allow(self) {
        let permit = self.question.allow("user");
        self.answer(Verdict::Allow(permit));
    }

    /// Yes, with this input.
    pub fn allow_edited(self, input: Json) {
        let permit = self.question.allow_edited(input, "user");
        self.answer(Verdict::Allow(permit));
    }

    /// No; the model is told why.
    pub fn deny(self, reason: impl Into<Text>) {
        let denial = self.question.deny(reason, "user");
        self.answer(Verdict::Deny(denial));
    }

    /// The answer as a whole. One that comes too late is dropped: its question was withdrawn.
    pub fn answer(self, verdict: Verdict) {
        let _ = self.answer.send(verdict);
    }

    /// Completes when nobody waits for the answer any more.
    pub async fn withdrawn(&mut self) {
        self.answer.closed().await;
    }
}
