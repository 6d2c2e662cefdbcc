//! What may be given of an application.

use serde_json::Value;

use super::super::checks::{Kind, Rule, number};
use super::super::rows::Row;

const SOURCES: Kind = Kind::OneOf(&["github", "docker", "git", "gitlab", "bitbucket", "gitea", "drop"]);
const STATUSES: Kind = Kind::OneOf(&["idle", "running", "done", "error"]);
const FLAGS: [&str; 2] = ["enabled", "isStaticSpa"];

/// Columns that a change leaves as they are.
const FIXED: [&str; 5] = ["applicationId", "appName", "createdAt", "refreshToken", "networkIds"];

pub(super) const ID: Rule<'_> = Rule::required("applicationId", Kind::Name);

/// For a new one, in the given parent.
pub(super) fn of_new(parent: &'static str, is_strict: bool) -> Vec<Rule<'static>> {
    let mut rules = vec![
        Rule::required("name", Kind::Name),
        Rule::optional("appName", Kind::AppName),
        Rule::nullable("description", Kind::Text),
        Rule::required(parent, Kind::Name),
        Rule::nullable("serverId", Kind::Text),
    ];
    if is_strict {
        rules.push(Rule::optional("sourceType", SOURCES));
    }
    rules
}

/// For a change of any columns: those of a fresh row that were given.
pub(super) fn of_change<'a>(fresh: &'a Row, input: &Row) -> Vec<Rule<'a>> {
    let given = fresh.iter().filter(|(name, _)| input.contains_key(*name) && !FIXED.contains(&name.as_str()));
    let rules = given.filter_map(|(name, value)| {
        let kind = kind(name, value)?;
        Some(if value.is_null() { Rule::nullable(name, kind) } else { Rule::optional(name, kind) })
    });
    std::iter::once(ID).chain(rules).collect()
}

/// What is checked of a column; `None` for a document.
fn kind(name: &str, fresh: &Value) -> Option<Kind> {
    match (name, fresh) {
        ("sourceType", _) => Some(SOURCES),
        ("applicationStatus", _) => Some(STATUSES),
        ("name", _) => Some(Kind::Name),
        (_, Value::Number(_)) => Some(Kind::NumberLike),
        (_, Value::Bool(_)) => Some(Kind::Flag),
        (_, Value::String(_)) => Some(Kind::Text),
        (_, Value::Null) if FLAGS.contains(&name) => Some(Kind::Flag),
        (_, Value::Null)
            if name.ends_with("Swarm") || matches!(name, "watchPaths" | "args" | "previewLabels") =>
        {
            None
        }
        (_, Value::Null) => Some(Kind::Text),
        _ => None,
    }
}

/// What was given for a change, as it is kept.
pub(super) fn changes(fresh: &Row, input: &Row) -> Row {
    let given = input.iter().filter(|(name, _)| fresh.contains_key(*name) && !FIXED.contains(&name.as_str()));
    let kept = given.map(|(name, value)| {
        let is_number = fresh.get(name).is_some_and(Value::is_number);
        let value = if is_number { number(value) } else { None }.unwrap_or_else(|| value.clone());
        (name.clone(), value)
    });
    kept.collect()
}
