//! One question, where it stands, and how it is shown.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use claude_core::approval::{ApprovalId, Digest, Preview, Question, Verdict};
use claude_core::turn::Decision;
use claude_core::{Effect, Json, Text, Timestamp};
use serde::{Deserialize, Serialize};
use server_kit::auth::{Scope, UserId};
use server_kit::runs::RunId;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// It waits for a decision.
    Pending,
    /// Yes was said.
    Allowed,
    /// No was said.
    Denied,
    /// Nobody said anything in time, which means no.
    Expired,
    /// Its run needs no answer any more.
    Withdrawn,
}

/// A question, as `GET /api/approvals/{id}` shows it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ApprovalInfo {
    /// Its id, the `approval_id` of the run's events.
    #[schema(value_type = String, format = Uuid)]
    pub id: ApprovalId,
    /// The run that waits for it.
    #[schema(value_type = String, format = Uuid)]
    pub run_id: RunId,
    /// The call asked about.
    #[schema(value_type = String)]
    pub tool_call_id: Text,
    /// The tool's name.
    #[schema(value_type = String)]
    pub name: Text,
    /// What the tool does to the world: `read_only` or `write`.
    #[schema(value_type = String)]
    pub effect: Effect,
    /// The input asked about; once it was edited, the one that runs.
    #[schema(value_type = Object)]
    pub input: Json,
    /// What the call would do, for a person.
    #[schema(value_type = Object)]
    pub preview: Preview,
    /// SHA-256 of name and input: what a decision is bound to.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// What `allow_session` would allow; null where it is not to be had.
    #[schema(value_type = Option<String>)]
    pub session_rule: Option<Text>,
    /// How it stands.
    pub state: ApprovalState,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    /// When it is answered with no.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// How it was decided.
    #[serde(flatten)]
    pub decided: Option<Decided>,
}

/// How a question was decided.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Decided {
    /// `allow`, `allow_session`, `deny`, `expired` or `withdrawn`.
    #[schema(value_type = String)]
    pub decision: Decision,
    /// Who decided: a user's name, or `policy`.
    #[schema(value_type = String)]
    pub by: Text,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub decided_at: Timestamp,
    /// Whether the input was edited.
    pub edited: bool,
    /// In whose words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Text>,
}

impl Decided {
    /// Now, in this way.
    pub(super) fn now(verdict: &Verdict, reason: Option<Text>) -> Self {
        let edited = matches!(verdict, Verdict::Allow(permit) if permit.is_edited());
        let (decision, by) = (verdict.decision(), verdict.by().clone());
        Self { decision, by, decided_at: SystemTime::now().into(), edited, reason }
    }

    fn state(&self) -> ApprovalState {
        match self.decision {
            Decision::Allow | Decision::AllowSession => ApprovalState::Allowed,
            Decision::Expired => ApprovalState::Expired,
            Decision::Withdrawn => ApprovalState::Withdrawn,
            _ => ApprovalState::Denied,
        }
    }
}

/// Whose question it is, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    pub(super) owner: UserId,
    pub(super) run: RunId,
    /// What a key must allow to decide.
    pub(super) scope: Scope,
    /// Where the tool would work.
    pub(super) cwd: Arc<Path>,
}

/// How an entry stands.
#[derive(Debug)]
pub(super) enum Standing {
    /// It waits for a decision, which goes there.
    Pending(oneshot::Sender<Verdict>),
    /// It was decided by somebody, who is writing that down.
    Deciding,
    Decided(Decided),
}

/// A question that was asked.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) asker: Asker,
    pub(super) question: Question,
    pub(super) expires_at: SystemTime,
    /// The same by the clock that nobody sets: this one decides.
    pub(super) deadline: Instant,
    pub(super) standing: Standing,
    /// Taken by whoever waits for the answer.
    pub(super) answer: Option<oneshot::Receiver<Verdict>>,
}

impl Entry {
    pub(super) fn state(&self) -> ApprovalState {
        match &self.standing {
            Standing::Pending(_) | Standing::Deciding => ApprovalState::Pending,
            Standing::Decided(decided) => decided.state(),
        }
    }

    pub(super) fn is_decided(&self) -> bool {
        matches!(self.standing, Standing::Decided(_))
    }

    /// About how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        // The preview shows the input again, and what stands there now.
        3 * self.question.input().as_str().len()
    }

    pub(super) fn info(&self) -> ApprovalInfo {
        let question = &self.question;
        ApprovalInfo {
            id: question.id(),
            run_id: self.asker.run,
            tool_call_id: question.tool_call_id().clone(),
            name: question.name().clone(),
            effect: question.effect(),
            input: question.input().clone(),
            preview: question.preview().clone(),
            digest: question.digest().clone(),
            session_rule: question.session_rule().cloned(),
            state: self.state(),
            asked_at: question.asked_at(),
            expires_at: self.expires_at.into(),
            decided: match &self.standing {
                Standing::Decided(decided) => Some(decided.clone()),
                _ => None,
            },
        }
    }
}
