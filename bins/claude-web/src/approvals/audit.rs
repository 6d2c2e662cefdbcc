//! What the audit is told of questions. Entries are only ever added.

use claude_core::approval::{Digest, Permit, Question, Verdict};
use claude_core::turn::Decision;
use claude_core::{Json, Text};
use serde_json::{Value, json};
use store_core::audit::NewAuditEntry;

use super::entry::Asker;
use crate::audit::SYSTEM;

/// Most bytes of an input that stands in the audit; of a longer one its digest and its length do.
const INPUT_BYTES: usize = 16 << 10;

/// A question was decided, by its owner or by nobody.
pub(super) fn decided(
    asker: &Asker,
    question: &Question,
    verdict: &Verdict,
    reason: Option<&Text>,
) -> NewAuditEntry {
    let is_policy = matches!(verdict.decision(), Decision::Expired | Decision::Withdrawn);
    let (digest, input, is_edited) = match verdict {
        Verdict::Allow(permit) => (permit.digest(), permit.input(), permit.is_edited()),
        Verdict::Deny(_) => (question.digest(), question.input(), false),
    };
    let mut detail = call(question.name(), digest, input);
    detail["run"] = json!(asker.run);
    detail["tool_call"] = json!(question.tool_call_id());
    detail["decision"] = json!(verdict.decision());
    detail["by"] = json!(verdict.by());
    detail["edited"] = json!(is_edited);
    detail["reason"] = json!(reason);
    NewAuditEntry {
        actor: if is_policy { SYSTEM.to_owned() } else { asker.owner.to_string() },
        action: "approval.decide".to_owned(),
        subject: format!("approval {}", question.id()),
        detail,
    }
}

/// A permitted tool runs now, with exactly this.
pub(super) fn begun(asker: &Asker, permit: &Permit) -> NewAuditEntry {
    let mut detail = call(permit.name(), permit.digest(), permit.input());
    detail["run"] = json!(asker.run);
    detail["by"] = json!(permit.by());
    let subject = format!("approval {}", permit.approval_id());
    NewAuditEntry { actor: asker.owner.to_string(), action: "approval.run".to_owned(), subject, detail }
}

/// It has run.
pub(super) fn finished(asker: &Asker, permit: &Permit, is_error: bool) -> NewAuditEntry {
    let detail = json!({"run": asker.run, "digest": permit.digest(), "is_error": is_error});
    let subject = format!("approval {}", permit.approval_id());
    NewAuditEntry { actor: asker.owner.to_string(), action: "approval.ran".to_owned(), subject, detail }
}

fn call(name: &Text, digest: &Digest, input: &Json) -> Value {
    let text = input.as_str();
    let mut call = json!({"name": name, "digest": digest});
    if text.len() <= INPUT_BYTES {
        call["input"] = json!(text);
    } else {
        call["input_bytes"] = json!(text.len());
    }
    call
}
