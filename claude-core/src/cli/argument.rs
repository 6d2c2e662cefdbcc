//! Values that become arguments of the CLI, checked once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;

/// The most bytes of a model's name, a tool's name or a rule.
const NAME_BYTES: usize = 1024;

/// A Claude Code session's id: a UUID, in lower case. Anything else the CLI would look up as a title.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CliSessionId(Uuid);

impl CliSessionId {
    /// A fresh id, for a new session.
    #[must_use]
    #[allow(clippy::new_without_default)] // each one differs, which no default should
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads a UUID with hyphens.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match Uuid::parse_str(text) {
            Ok(id) if text.len() == 36 => Ok(Self(id)),
            _ => Err(invalid("session_id", "no UUID")),
        }
    }
}

impl fmt::Display for CliSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for CliSessionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for CliSessionId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<CliSessionId> for String {
    fn from(id: CliSessionId) -> Self {
        id.to_string()
    }
}

/// A model's name or alias: letters, digits and `.` `_` `-` `:` `/` `@` `[` `]`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelName(String);

impl ModelName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it can't be a model's.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fine = text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.len() <= NAME_BYTES
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:/@[]".contains(&byte));
        if fine { Ok(Self(text.into())) } else { Err(invalid("model", "no model's name")) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// A permission rule: a tool's name, or a name with what it may be used for: `Read`, `Bash(git log *)`,
/// `mcp__server__tool`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToolRule(String);

impl ToolRule {
    /// Checks a rule. The name has letters, digits, `_`, `-`, `.`, `:` and `*`, beginning with a letter; the part
    /// in parentheses is closed by the last character and has no control characters.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything else, such as another flag in disguise.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = || invalid("tools", format!("`{}` is no tool's name or rule", text.escape_debug()));
        let (name, specifier) = match text.split_once('(') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(')').ok_or_else(refuse)?)),
            None => (text, None),
        };
        let named = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:*".contains(&byte));
        let specified =
            specifier.is_none_or(|it| !it.is_empty() && !it.chars().any(char::is_control) && is_balanced(it));
        if named && specified && text.len() <= NAME_BYTES { Ok(Self(text.into())) } else { Err(refuse()) }
    }

    /// Reads a list as people write it: separated by commas or blanks outside of parentheses.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first that is no rule.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Error> {
        let mut depth = 0_i32;
        let mut parts = text.split(|it: char| {
            depth += i32::from(it == '(') - i32::from(it == ')');
            depth <= 0 && (it == ',' || it == ' ')
        });
        let parts: Vec<_> = parts.by_ref().filter(|part| !part.is_empty()).collect();
        parts.into_iter().map(Self::parse).collect()
    }

    /// Whether it is a tool's name alone.
    #[must_use]
    pub fn is_name(&self) -> bool {
        !self.0.contains('(')
    }

    /// The rule.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ToolRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Parentheses pair up, so that the CLI ends the rule where we do.
fn is_balanced(text: &str) -> bool {
    let depth = text.bytes().try_fold(0_u32, |depth, byte| match byte {
        b'(' => Some(depth + 1),
        b')' => depth.checked_sub(1),
        _ => Some(depth),
    });
    depth == Some(0)
}

/// Who decides about tools that no rule covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum PermissionMode {
    /// Ask.
    Default,
    /// Edits of files are allowed.
    AcceptEdits,
    /// The model's own judgement, checked by a classifier.
    Auto,
    /// Nothing is asked, everything is allowed. Counts as skipping permissions.
    BypassPermissions,
    /// Nothing is asked, what no rule allows is denied.
    DontAsk,
    /// Look and plan, change nothing.
    Plan,
}

impl PermissionMode {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Default, Self::AcceptEdits, Self::Auto, Self::BypassPermissions, Self::DontAsk, Self::Plan];

    /// As the control protocol and the init line name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::AcceptEdits => "acceptEdits",
            Self::Auto => "auto",
            Self::BypassPermissions => "bypassPermissions",
            Self::DontAsk => "dontAsk",
            Self::Plan => "plan",
        }
    }
}

impl fmt::Display for PermissionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PermissionMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            invalid("permission_mode", format!("`{}` is none of {names}", text.escape_debug()))
        })
    }
}

pub(crate) fn invalid(field: &'static str, reason: impl Into<Box<str>>) -> Error {
    Error::Invalid { field, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_the_cli_knows_pass() {
        let rules = [
            "Read",
            "Bash(git log *)",
            "Bash(npm run test:*)",
            "mcp__files__read",
            "mcp__srv__*",
            "Edit(src/**)",
            "Bash(echo (a) b)",
        ];
        for rule in rules {
            assert_eq!(ToolRule::parse(rule).unwrap().as_str(), rule);
        }
    }

    #[test]
    fn flags_in_disguise_are_refused() {
        let bad = [
            "--settings={\"hooks\":{}}",
            "-p",
            "",
            " ",
            "Read,--settings=x",
            "Read --settings=x",
            "Bash(",
            "Bash()",
            "Bash(a)b",
            "Bash(a))(b)",
            "Re\0ad",
            "Bash(a\nb)",
            "Read\n--x",
            "9x",
            "{}",
            "Bash(\u{7})",
        ];
        for rule in bad {
            assert!(ToolRule::parse(rule).is_err(), "{rule:?}");
        }
        assert!(ToolRule::parse(&"a".repeat(NAME_BYTES + 1)).is_err());
    }

    #[test]
    fn a_list_is_split_outside_of_parentheses() {
        let rules = ToolRule::parse_list("Read, Bash(git add a,b) Edit").unwrap();
        let rules: Vec<_> = rules.iter().map(ToolRule::as_str).collect();
        assert_eq!(rules, ["Read", "Bash(git add a,b)", "Edit"]);
        assert!(ToolRule::parse_list("Read,--settings={}").is_err());
    }

    #[test]
    fn models_sessions_and_modes_are_checked() {
        for model in ["opus", "claude-opus-5-5", "sonnet[1m]", "us.anthropic.claude-opus-4-6-v1:0", "arn/x@y"]
        {
            assert!(ModelName::parse(model).is_ok(), "{model}");
        }
        for model in ["", "-p", "--settings=x", "a b", "a\0", "a\n", "é"] {
            assert!(ModelName::parse(model).is_err(), "{model:?}");
        }
        for id in [
            "",
            "latest",
            "--continue",
            "297969ae4a7b4bdd9780b641d125eef6",
            "{297969ae-4a7b-4bdd-9780-b641d125eef6}",
        ] {
            assert!(CliSessionId::parse(id).is_err(), "{id:?}");
        }
        let id = CliSessionId::parse("297969AE-4a7b-4bdd-9780-b641d125eef6").unwrap();
        assert_eq!(id.to_string(), "297969ae-4a7b-4bdd-9780-b641d125eef6");
        assert_eq!("plan".parse::<PermissionMode>().unwrap(), PermissionMode::Plan);
        assert!("nonsense".parse::<PermissionMode>().is_err());
    }
}
