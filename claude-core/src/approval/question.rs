//! A question, and the two answers it can get.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Digest, Preview};
use crate::text::{Json, Text};
use crate::turn::{Decision, Effect};

/// Names one question, for its whole life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalId(Uuid);

impl ApprovalId {
    /// A fresh id (UUIDv7), in the order of creation.
    #[must_use]
    #[allow(clippy::new_without_default)] // each one differs, which no default should
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads a UUID; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// May this tool run with this input? Holds the only copy of the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Question {
    id: ApprovalId,
    tool_call_id: Text,
    name: Text,
    input: Json,
    effect: Effect,
    preview: Preview,
    digest: Digest,
    session_rule: Option<Text>,
    asked_at: crate::Timestamp,
}

/// A question as it is stored; the digest is made anew, not believed.
#[derive(Deserialize)]
struct Written {
    id: ApprovalId,
    tool_call_id: Text,
    name: Text,
    input: Json,
    effect: Effect,
    preview: Preview,
    #[serde(default)]
    session_rule: Option<Text>,
    asked_at: crate::Timestamp,
}

impl From<Written> for Question {
    fn from(it: Written) -> Self {
        let digest = Digest::of(&it.name, &it.input);
        let Written { id, tool_call_id, name, input, effect, preview, session_rule, asked_at } = it;
        Self { id, tool_call_id, name, input, effect, preview, digest, session_rule, asked_at }
    }
}

impl Question {
    /// Asks for one call. The preview is the input itself until [`Question::showing`] sets another.
    #[must_use]
    pub fn new(tool_call_id: Text, name: Text, input: Json, effect: Effect) -> Self {
        Written {
            id: ApprovalId::new(),
            tool_call_id,
            name,
            preview: Preview::Input { input: input.clone() },
            input,
            effect,
            session_rule: None,
            asked_at: SystemTime::now().into(),
        }
        .into()
    }

    /// The same question with another preview.
    #[must_use]
    pub fn showing(mut self, preview: Preview) -> Self {
        self.preview = preview;
        self
    }

    /// The same question, which may be answered for the rest of the session: `rule` is what that allows.
    #[must_use]
    pub fn offering(mut self, rule: Text) -> Self {
        self.session_rule = Some(rule);
        self
    }

    /// The same question, which can be answered for this call only.
    #[must_use]
    pub fn offering_nothing(mut self) -> Self {
        self.session_rule = None;
        self
    }

    /// The same question with another input: with its digest, the input itself as its preview, and for one call only.
    #[must_use]
    pub fn edited(self, input: Json) -> Self {
        let preview = Preview::Input { input: input.clone() };
        let Self { id, tool_call_id, name, effect, asked_at, .. } = self;
        Written { id, tool_call_id, name, input, effect, preview, session_rule: None, asked_at }.into()
    }

    /// Names the question.
    #[must_use]
    pub fn id(&self) -> ApprovalId {
        self.id
    }

    /// The tool call asked about.
    #[must_use]
    pub fn tool_call_id(&self) -> &Text {
        &self.tool_call_id
    }

    /// The tool's name.
    #[must_use]
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// The exact input.
    #[must_use]
    pub fn input(&self) -> &Json {
        &self.input
    }

    /// What the tool does to the world.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// What the call would do, for a person.
    #[must_use]
    pub fn preview(&self) -> &Preview {
        &self.preview
    }

    /// Binds a decision to the name and the input.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What a yes for the rest of the session would allow; `None` where that is not to be had.
    #[must_use]
    pub fn session_rule(&self) -> Option<&Text> {
        self.session_rule.as_ref()
    }

    /// When it was asked.
    #[must_use]
    pub fn asked_at(&self) -> crate::Timestamp {
        self.asked_at
    }

    /// Whether a permit is for the call asked about. The ids of questions may differ: the same call may have
    /// been asked about before.
    #[must_use]
    pub fn is_answered_by(&self, permit: &Permit) -> bool {
        self.tool_call_id == permit.tool_call_id && self.name == permit.name
    }

    /// Yes, to exactly what was asked.
    #[must_use]
    pub fn allow(&self, by: impl Into<Text>) -> Permit {
        self.permit(self.input.clone(), self.digest.clone(), by.into())
    }

    /// Yes, but with this input, which is what runs and what is recorded.
    #[must_use]
    pub fn allow_edited(&self, input: Json, by: impl Into<Text>) -> Permit {
        let digest = Digest::of(&self.name, &input);
        self.permit(input, digest, by.into())
    }

    /// No. The model is told `reason`.
    #[must_use]
    pub fn deny(&self, reason: impl Into<Text>, by: impl Into<Text>) -> Denial {
        Denial { reason: reason.into(), by: by.into(), decision: Decision::Deny, interrupt: false }
    }

    fn permit(&self, input: Json, digest: Digest, by: Text) -> Permit {
        let edited = digest != self.digest;
        let (tool_call_id, name) = (self.tool_call_id.clone(), self.name.clone());
        let offers_session = self.session_rule.is_some() && !edited;
        let scope = Scope::Once;
        Permit { approval_id: self.id, tool_call_id, name, input, digest, edited, offers_session, scope, by }
    }
}

/// How far a yes reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This call.
    Once,
    /// This call and its like for the rest of the session.
    Session,
}

/// A yes. Made only by [`Question::allow`] and [`Question::allow_edited`]; its input is what runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    approval_id: ApprovalId,
    tool_call_id: Text,
    name: Text,
    input: Json,
    digest: Digest,
    edited: bool,
    offers_session: bool,
    scope: Scope,
    by: Text,
}

impl Permit {
    /// The same yes for the rest of the session, as far as [`Question::session_rule`] says. Where there is no
    /// such rule, and for an input that was edited, it stays a yes to this call.
    #[must_use]
    pub fn for_session(mut self) -> Self {
        if self.offers_session {
            self.scope = Scope::Session;
        }
        self
    }

    /// The question answered.
    #[must_use]
    pub fn approval_id(&self) -> ApprovalId {
        self.approval_id
    }

    /// The tool call.
    #[must_use]
    pub fn tool_call_id(&self) -> &Text {
        &self.tool_call_id
    }

    /// The tool's name.
    #[must_use]
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// What runs.
    #[must_use]
    pub fn input(&self) -> &Json {
        &self.input
    }

    /// Binds the permit to name and input.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether the input is another than the one asked about.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.edited
    }

    /// How far it reaches.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Who said it.
    #[must_use]
    pub fn by(&self) -> &Text {
        &self.by
    }
}

/// A no.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// What the model is told.
    pub reason: Text,
    /// Who said it.
    pub by: Text,
    /// [`Decision::Deny`], or why nobody said it.
    pub decision: Decision,
    /// Whether the turn ends with it.
    pub interrupt: bool,
}

impl Denial {
    /// The same no, which also ends the turn.
    #[must_use]
    pub fn and_interrupt(mut self) -> Self {
        self.interrupt = true;
        self
    }

    /// Nobody answered in time.
    #[must_use]
    pub fn expired() -> Self {
        Self::by_itself("nobody answered in time", Decision::Expired)
    }

    /// The question became void.
    #[must_use]
    pub fn withdrawn() -> Self {
        Self::by_itself("the question was withdrawn", Decision::Withdrawn)
    }

    fn by_itself(reason: &'static str, decision: Decision) -> Self {
        Self { reason: reason.into(), by: "policy".into(), decision, interrupt: false }
    }
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allow(Permit),
    /// No.
    Deny(Denial),
}

impl Verdict {
    /// As events and stores name it.
    #[must_use]
    pub fn decision(&self) -> Decision {
        match self {
            Self::Allow(permit) if permit.scope == Scope::Session => Decision::AllowSession,
            Self::Allow(_) => Decision::Allow,
            Self::Deny(denial) => denial.decision,
        }
    }

    /// Who said it.
    #[must_use]
    pub fn by(&self) -> &Text {
        match self {
            Self::Allow(permit) => &permit.by,
            Self::Deny(denial) => &denial.by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        let input = Json::parse(r#"{"path":"a"}"#).unwrap();
        Question::new("toolu_1".into(), "Write".into(), input, Effect::Write)
    }

    #[test]
    fn a_permit_runs_what_was_asked_or_what_was_edited() {
        let question = question();
        let same = question.allow("ann");
        assert_eq!((same.input(), same.is_edited()), (question.input(), false));

        let edited = question.allow_edited(Json::parse(r#"{"path":"b"}"#).unwrap(), "ann");
        assert_eq!((edited.input().as_str(), edited.is_edited()), (r#"{"path":"b"}"#, true));
        assert_ne!(edited.digest(), question.digest());

        let reordered = question.allow_edited(Json::parse(r#"{ "path" : "a" }"#).unwrap(), "ann");
        assert!(!reordered.is_edited());
    }

    #[test]
    fn a_yes_for_the_session_needs_a_rule_and_the_input_that_was_shown() {
        let plain = question();
        assert_eq!(plain.allow("ann").for_session().scope(), Scope::Once);
        let offering = plain.offering("Write".into());
        assert_eq!(offering.allow("ann").for_session().scope(), Scope::Session);
        let edited = offering.allow_edited(Json::parse("{}").unwrap(), "ann");
        assert_eq!(edited.for_session().scope(), Scope::Once);
    }

    #[test]
    fn a_stored_question_gets_its_digest_from_its_input() {
        let question = question();
        let stored = serde_json::to_string(&question).unwrap().replace(r#""path":"a""#, r#""path":"evil""#);
        let read: Question = serde_json::from_str(&stored).unwrap();
        assert_ne!(read.digest(), question.digest());
        assert_eq!(read.id(), question.id());
    }
}
