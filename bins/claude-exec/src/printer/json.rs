//! One object at the end.

use std::fmt::Write;

use claude_core::Json;
use serde::Serialize;

use super::End;
use super::summary::Summary;
use crate::exit::Code;
use crate::terminal::steers;

#[derive(Serialize)]
struct Object<'a> {
    result: Option<&'a str>,
    is_error: bool,
    session_id: Option<&'a str>,
    usage: Option<&'a Json>,
    cost_usd: Option<f64>,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
}

#[derive(Serialize)]
struct Failure<'a> {
    code: &'a str,
    message: &'a str,
}

pub(super) fn object(summary: Option<&Summary>, session_id: Option<&str>, end: &End<'_>) -> String {
    let interrupted = || Failure { code: "interrupted", message: "somebody stopped it" };
    let failure = end.failure.map(|it| Failure { code: &it.code, message: &it.message });
    let object = Object {
        result: summary.map(|it| it.text.as_str()),
        is_error: end.code != Code::Fine,
        session_id: summary.and_then(|it| it.session_id.as_deref()).or(session_id),
        usage: summary.and_then(|it| it.usage.as_ref()),
        cost_usd: summary.and_then(|it| it.cost_usd),
        duration_ms: u64::try_from(end.elapsed.as_millis()).unwrap_or(u64::MAX),
        error: failure.or_else(|| (end.code == Code::Interrupted).then(interrupted)),
    };
    serde_json::to_string(&object).map(|line| escaped(&line) + "\n").unwrap_or_default()
}

/// JSON escapes what ASCII has of control characters; others steer a terminal as well.
fn escaped(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut out, it| {
        if steers(it) {
            let _ = write!(out, "\\u{:04x}", it as u32);
        } else {
            out.push(it);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped_and_stays_the_same_text() {
        let json = serde_json::to_string("a\u{9b}b\u{202e}\u{1b}é").unwrap();
        let escaped = escaped(&json);
        assert!(escaped.contains("\\u009b") && escaped.contains("\\u202e"), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), "a\u{9b}b\u{202e}\u{1b}é");
    }
}
