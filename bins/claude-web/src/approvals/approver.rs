//! The way from one run to whoever decides.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use claude_core::Effect;
use claude_core::approval::{
    ApprovalId, Approver, ApproverError, Opened, Permit, Question, ToolOutcome, Verdict,
};
use server_kit::auth::Role;

use super::audit;
use super::entry::Asker;
use super::registry::{Approvals, TooMany};
use super::verdict::INPUT_BYTES;

/// Questions of one run; with one more the turn ends, since nobody looks at so many closely.
const QUESTIONS_PER_RUN: u32 = 100;

/// Who stands in the answers of rules.
pub(crate) const POLICY: &str = "policy";

/// Asks for one run. For admins the questions wait for a decision; for others what only reads is allowed, the rest is
/// denied. Dropping it takes its open questions back.
pub struct RunApprover {
    approvals: Approvals,
    asker: Asker,
    role: Role,
    asked: AtomicU32,
}

impl RunApprover {
    pub(super) fn new(approvals: Approvals, asker: Asker, role: Role) -> Self {
        Self { approvals, asker, role, asked: AtomicU32::new(0) }
    }

    /// What is answered without asking a person.
    fn by_rule(&self, question: &Question) -> Option<Verdict> {
        let deny = |reason: &str| question.deny(reason, POLICY);
        if self.role < Role::Admin {
            return Some(match question.effect() {
                Effect::ReadOnly => Verdict::Allow(question.allow(POLICY)),
                Effect::Write => Verdict::Deny(deny(
                    "this run only reads: tools that change something are for admins, who approve them",
                )),
            });
        }
        if question.input().as_str().len() > INPUT_BYTES {
            return Some(Verdict::Deny(deny("the input is longer than 1 MiB, which nobody can review")));
        }
        if self.asked.fetch_add(1, Ordering::Relaxed) >= QUESTIONS_PER_RUN {
            return Some(Verdict::Deny(deny("this run has asked too often").and_interrupt()));
        }
        None
    }
}

#[async_trait]
impl Approver for RunApprover {
    async fn open(&self, question: &Question) -> Result<Opened, ApproverError> {
        if let Some(verdict) = self.by_rule(question) {
            return Ok(Opened::Decided(verdict));
        }
        Ok(match self.approvals.open(&self.asker, question) {
            Ok(expires_at) => Opened::Pending { id: question.id(), expires_at: Some(expires_at.into()) },
            Err(TooMany) => Opened::Decided(Verdict::Deny(
                question.deny("too many questions wait for this user already", POLICY),
            )),
        })
    }

    async fn wait(&self, id: ApprovalId) -> Result<Verdict, ApproverError> {
        Ok(self.approvals.wait(id).await)
    }

    async fn begin(&self, permit: &Permit) -> Result<(), ApproverError> {
        if !self.approvals.knows(permit.approval_id()) {
            return Ok(());
        }
        self.approvals.append(audit::begun(&self.asker, permit)).await.map_err(ApproverError::new)
    }

    async fn finish(&self, permit: &Permit, outcome: &ToolOutcome) -> Result<(), ApproverError> {
        if self.approvals.knows(permit.approval_id()) {
            self.approvals.note(audit::finished(&self.asker, permit, outcome.is_error)).await;
        }
        Ok(())
    }

    async fn withdraw(&self, id: ApprovalId) {
        self.approvals.withdraw(id).await;
    }
}

impl Drop for RunApprover {
    fn drop(&mut self) {
        let (open, approvals) = (self.approvals.open_of(self.asker.run), self.approvals.clone());
        if let (false, Ok(runtime)) = (open.is_empty(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                for id in open {
                    approvals.withdraw(id).await;
                }
            });
        }
    }
}
