//! Runs that fail before a model said anything.

use serde_json::Value;

use super::session::{Outcome, Session, Stop};
use super::shapes::{self, json, text};
use super::system;

pub(super) const REFUSED_AS_ROOT: &str =
    "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons";

const NOT_LOGGED_IN: &str = "Not logged in · Please run /login";

/// Retries without `CLAUDE_CODE_MAX_RETRIES`.
const RETRIES: u32 = 10;

/// The longest wait before a retry that the CLI would tell, in milliseconds.
const RETRY_DELAY_MAX: u64 = 32_000;

/// No key and no login.
pub(super) fn not_logged_in(session: &mut Session) -> Result<Outcome, Stop> {
    session.init("none")?;
    let tail = r#","is_api_error_message":true}"#;
    apology(session, "authentication_failed", NOT_LOGGED_IN, tail)?;
    let fields = [text("text", NOT_LOGGED_IN), json("status", &Value::Null)];
    fail(session, &fields, "")
}

/// The session to resume doesn't exist.
pub(super) fn unknown_session(session: &mut Session) -> Result<Outcome, Stop> {
    let asked = session.arguments.resume.clone().unwrap_or_else(|| session.id.clone());
    let error = if uuid::Uuid::try_parse(&asked).is_ok() {
        format!("No conversation found with session ID: {asked}")
    } else {
        session.id = uuid::Uuid::new_v4().to_string();
        format!(
            "Error: --resume requires a valid session ID or session title when used with --print. Usage: \
             claude -p --resume <session-id|title>. Provided value \"{asked}\" is not a UUID and does not \
             match any session title."
        )
    };
    let line = session.line(shapes::RESULT_UNKNOWN_SESSION, &[text("error", &error)]);
    session.emit(&line)?;
    system::complain(&error);
    Ok(Outcome::Failed)
}

/// The API answers every request with this status.
pub(super) fn api_error(session: &mut Session, status: u16) -> Result<Outcome, Stop> {
    let kind = Kind::of(status);
    session.init("ANTHROPIC_API_KEY")?;
    let retries = if kind.retried { retries() } else { 0 };
    for attempt in 1..=retries {
        let delay = (500_u64 << (attempt - 1).min(6)).min(RETRY_DELAY_MAX);
        let line = session.line(
            shapes::API_RETRY,
            &[
                json("attempt", &attempt.into()),
                json("max_retries", &retries.into()),
                json("retry_delay_ms", &delay.into()),
                json("status", &status.into()),
                text("error", kind.cli),
            ],
        );
        session.emit(&line)?;
    }
    let api = kind.api;
    let request_id = super::turn::id("req");
    let tail = format!(
        r#","request_id":"{request_id}","is_api_error_message":true,"api_error_status":{status},"api_error_type":"{api}"}}"#
    );
    apology(session, kind.cli, &kind.text, &tail)?;
    let fields = [text("text", &kind.text), json("status", &status.into())];
    fail(session, &fields, &format!(r#","api_error_type":"{api}""#))
}

fn retries() -> u32 {
    let told = std::env::var("CLAUDE_CODE_MAX_RETRIES").ok();
    told.and_then(|told| told.parse().ok()).unwrap_or(RETRIES)
}

/// How the CLI speaks of a status.
struct Kind {
    cli: &'static str,
    api: &'static str,
    text: String,
    retried: bool,
}

impl Kind {
    fn of(status: u16) -> Self {
        let (cli, api, text, retried) = match status {
            401 => (
                "authentication_failed",
                "authentication_error",
                "Invalid API key · Fix external API key".to_owned(),
                true,
            ),
            429 => (
                "rate_limit",
                "rate_limit_error",
                "API Error: Request rejected (429) · This request would exceed your account's rate limit. \
                 Please try again later."
                    .to_owned(),
                true,
            ),
            404 => (
                "model_not_found",
                "not_found_error",
                "There's an issue with the selected model. It may not exist or you may not have access to \
                 it. Run --model to pick a different model."
                    .to_owned(),
                false,
            ),
            529 => ("overloaded", "overloaded_error", format!("API Error: {status} Overloaded"), true),
            408 | 409 | 500.. => ("server_error", "api_error", format!("API Error: {status}"), true),
            _ => ("unknown", "invalid_request_error", format!("API Error: {status}"), false),
        };
        Self { cli, api, text, retried }
    }
}

/// The `assistant` line that tells the error; what follows `error` differs by kind.
fn apology(session: &mut Session, error: &str, message: &str, tail: &str) -> Result<(), Stop> {
    let line = session.line(
        shapes::ASSISTANT_ERROR,
        &[text("message_id", &uuid::Uuid::new_v4().to_string()), text("text", message), text("error", error)],
    );
    session.emit(&format!("{}{tail}", line.strip_suffix('}').unwrap_or(&line)))
}

/// The error result; `more` stands behind `api_error_status`.
fn fail(session: &mut Session, fields: &[shapes::Field<'_>], more: &str) -> Result<Outcome, Stop> {
    let mut all = vec![
        json("num_turns", &1.into()),
        json("result_index", &session.turns.into()),
        json("denials", &Value::Array(Vec::new())),
    ];
    all.extend_from_slice(fields);
    let line = session.line(shapes::RESULT_API_ERROR, &all);
    let line = line.replacen(r#","result":""#, &format!(r#"{more},"result":""#), 1);
    session.emit(&line)?;
    Ok(Outcome::Failed)
}
