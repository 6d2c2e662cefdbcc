//! What may be decided, and by whom.

use std::path::Path;

use claude_core::approval::{Question, Verdict};
use claude_core::cli::preview;
use claude_core::{Effect, Json, Text};
use serde::Deserialize;
use server_kit::auth::{Access, Identity, Role};
use server_kit::problem::Problem;

use super::entry::Asker;

/// Most bytes of a reason.
const REASON_BYTES: usize = 4_000;

/// Most bytes of an edited input.
pub(super) const INPUT_BYTES: usize = 1 << 20;

/// Tools whose calls are each decided by themselves: what they do can't be taken back.
const ONCE_ONLY: [&str; 3] = ["supabaseDelete", "gitPush", "pm2Restart"];

/// Words of commands that are each decided by themselves.
const ONCE_ONLY_WORDS: [&str; 12] = [
    "rm", "rmdir", "unlink", "shred", "delete", "drop", "truncate", "push", "restart", "reboot", "shutdown",
    "kill",
];

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Yes, this once.
    Allow,
    /// Yes, and to the like for the rest of the Claude Code session, as `session_rule` says.
    AllowSession,
    /// No.
    Deny,
}

/// A decision.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// What is decided.
    pub decision: Choice,
    /// With `allow`: the input that runs in place of the one asked about.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub input: Option<Json>,
    /// With `deny`: what the model is told.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A decision that may be made.
pub(super) struct Made {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<Text>,
    /// The question with the input that runs, where that was edited.
    pub(super) edited: Option<Question>,
}

/// Whether this user may decide this question now.
pub(super) fn check_rights(who: &Identity, asker: &Asker, question: &Question) -> Result<(), Problem> {
    if !who.may(Access::user(asker.scope)) {
        return Err(Problem::forbidden("this key may not decide here"));
    }
    if question.effect() == Effect::Write && who.role != Role::Admin {
        return Err(Problem::forbidden("only admins may decide about tools that change something"));
    }
    Ok(())
}

impl Decide {
    /// Checks the decision against the question. Reads files for the preview of an edited input.
    pub(super) fn check(self, question: &Question, by: &str, cwd: &Path) -> Result<Made, Problem> {
        let reason = reason(self.reason)?;
        match (self.decision, self.input) {
            (Choice::Deny, Some(_)) => Err(Problem::invalid("input", "is for allow only")),
            (Choice::AllowSession, Some(_)) => {
                Err(Problem::invalid("input", "an edited input can be allowed once only"))
            }
            (Choice::AllowSession, None) if question.session_rule().is_none() => {
                Err(Problem::invalid("decision", "this call can be allowed once only"))
            }
            (Choice::AllowSession, None) => {
                let verdict = Verdict::Allow(question.allow(by).for_session());
                Ok(Made { verdict, reason, edited: None })
            }
            (Choice::Allow, None) => {
                Ok(Made { verdict: Verdict::Allow(question.allow(by)), reason, edited: None })
            }
            (Choice::Allow, Some(input)) => {
                let edited = edited(question, input, cwd)?;
                let permit = question.allow_edited(edited.input().clone(), by);
                let edited = permit.is_edited().then_some(edited);
                Ok(Made { verdict: Verdict::Allow(permit), reason, edited })
            }
            (Choice::Deny, None) => {
                let words = reason.clone().unwrap_or_else(|| "the user said no".into());
                Ok(Made { verdict: Verdict::Deny(question.deny(words, by)), reason, edited: None })
            }
        }
    }
}

/// The question with an input that somebody edited.
fn edited(question: &Question, input: Json, cwd: &Path) -> Result<Question, Problem> {
    if !input.as_str().trim_start().starts_with('{') {
        return Err(Problem::invalid("input", "is no JSON object"));
    }
    if input.as_str().len() > INPUT_BYTES {
        return Err(Problem::invalid("input", "is longer than 1 MiB"));
    }
    let shown = preview(question.name(), &input, cwd);
    Ok(question.clone().edited(input).showing(shown))
}

fn reason(text: Option<String>) -> Result<Option<Text>, Problem> {
    match text {
        Some(text) if text.len() > REASON_BYTES => {
            Err(Problem::invalid("reason", "is longer than 4000 bytes"))
        }
        Some(text) if text.contains('\0') => Err(Problem::invalid("reason", "holds a NUL")),
        text => Ok(text.filter(|text| !text.trim().is_empty()).map(Text::from)),
    }
}

/// Takes the offer of a yes for the session from questions that have to be decided one by one.
pub(super) fn once_only(question: Question) -> Question {
    let is_grave =
        ONCE_ONLY.contains(&&**question.name()) || question.session_rule().is_some_and(is_grave_rule);
    if is_grave { question.offering_nothing() } else { question }
}

fn is_grave_rule(rule: &Text) -> bool {
    let mut words = rule.split(|it: char| !it.is_ascii_alphanumeric());
    words.any(|word| ONCE_ONLY_WORDS.iter().any(|grave| word.eq_ignore_ascii_case(grave)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str) -> Question {
        let input = Json::parse(r#"{"command":"ls"}"#).unwrap();
        Question::new("toolu_1".into(), name.into(), input, Effect::Write)
    }

    #[test]
    fn what_can_not_be_taken_back_is_decided_one_by_one() {
        for (name, rule, offers) in [
            ("Bash", "Bash(ls *)", true),
            ("Write", "Write", true),
            ("Bash", "Bash(rm *)", false),
            ("Bash", "Bash(git push *)", false),
            ("Bash", "Bash(systemctl RESTART nginx)", false),
            ("Bash", "Bash(ls *), Bash(kubectl delete *)", false),
            ("Bash", "Bash(charm *)", true),
            ("gitPush", "gitPush", false),
        ] {
            let left = once_only(question(name).offering(rule.into()));
            assert_eq!(left.session_rule().is_some(), offers, "{rule}");
        }
    }

    #[test]
    fn a_decision_that_contradicts_itself_is_refused() {
        let input = || Json::parse("{}").unwrap();
        let list = Json::parse("[1]").unwrap();
        let question = question("Bash").offering("Bash(ls *)".into());
        for (decision, input) in
            [(Choice::Deny, input()), (Choice::AllowSession, input()), (Choice::Allow, list)]
        {
            let decide = Decide { decision, input: Some(input), reason: None };
            assert!(decide.check(&question, "ann", Path::new("/")).is_err());
        }
    }

    #[test]
    fn an_edited_input_is_shown_and_bound_anew() {
        let question = question("Bash");
        let input = Some(Json::parse(r#"{"command":"pwd"}"#).unwrap());
        let decide = Decide { decision: Choice::Allow, input, reason: None };
        let made = decide.check(&question, "ann", Path::new("/")).unwrap();
        let edited = made.edited.unwrap();
        assert_ne!(edited.digest(), question.digest());
        assert_eq!(edited.id(), question.id());
        assert!(serde_json::to_string(edited.preview()).unwrap().contains("pwd"));
    }
}
