//! Whether a run was fine, judged from its last result, its exit and its stderr.
//!
//! `subtype` says `success` for failures too, and exit 0 is no proof of a whole answer: the result line's
//! `is_error` and the exit decide together.

use std::time::Duration;

use super::argument::CliSessionId;
use super::message::RunResult;
use super::outcome::{Exit, Outcome};
use super::secrets::Secrets;
use crate::error::Error;

/// What is known when the output and the process have ended.
pub(crate) struct Evidence<'a> {
    /// The last result line.
    pub(crate) result: Option<&'a RunResult>,
    pub(crate) exit: Exit,
    pub(crate) stderr_tail: &'a str,
    /// What must not show in an error.
    pub(crate) secrets: &'a Secrets,
    /// The output ended in the middle of a line.
    pub(crate) cut: bool,
    /// We asked it to stop.
    pub(crate) interrupted: bool,
    /// We ended it after its result, since nothing more was to come.
    pub(crate) dismissed: bool,
    /// The session that was to be resumed.
    pub(crate) resumed: Option<&'a CliSessionId>,
}

/// The one place that decides whether a run was fine.
pub(crate) fn judge(it: &Evidence<'_>) -> Result<Outcome, Error> {
    let stopped = it.interrupted || it.result.is_some_and(RunResult::is_aborted);
    if it.result.is_some_and(|result| !result.is_error) && (it.exit.code == Some(0) || it.dismissed) {
        return Ok(Outcome { result: it.result.cloned(), interrupted: false, exit: it.exit });
    }
    if stopped {
        return Ok(Outcome { result: it.result.cloned(), interrupted: true, exit: it.exit });
    }
    let stderr_tail = || it.stderr_tail.into();
    Err(match it.result {
        Some(result) if result.is_error => failed_result(it, result),
        None if it.dismissed => Error::NoResult { exit: it.exit, stderr_tail: stderr_tail() },
        _ if it.cut => Error::CutLine { exit: it.exit, stderr_tail: stderr_tail() },
        _ if it.exit.was_killed() => Error::Killed { exit: it.exit, stderr_tail: stderr_tail() },
        Some(_) => Error::CliFailed { exit: it.exit, message: after_result(it.stderr_tail) },
        _ if it.exit.code == Some(0) => Error::NoResult { exit: it.exit, stderr_tail: stderr_tail() },
        _ => refused_start(it),
    })
}

/// A result line that says it failed.
fn failed_result(it: &Evidence<'_>, result: &RunResult) -> Error {
    let message = || it.secrets.redact(result.text()).into();
    match (result.api_error_status, &*result.subtype) {
        (Some(401 | 403), _) => Error::Unauthorized { message: message(), request_id: None },
        (Some(429), _) => Error::RateLimited { retry_after: None, message: message(), request_id: None },
        (Some(503 | 529), _) => Error::Overloaded { retry_after: None, message: message(), request_id: None },
        (Some(500..), _) => Error::Unavailable { message: message(), request_id: None },
        (Some(status), _) => Error::Rejected { status, message: message(), request_id: None },
        (_, "error_max_turns") => Error::LimitReached { limit: "max_turns", message: message() },
        (_, "error_max_budget_usd") => Error::LimitReached { limit: "max_cost", message: message() },
        _ => match (it.resumed, result.text()) {
            (Some(session), text) if is_unknown_session(text) => Error::UnknownSession(session.clone()),
            (_, text) if text.contains("Please run /login") => Error::NotLoggedIn { message: message() },
            (_, text) if is_connection(text) => Error::Unavailable { message: message(), request_id: None },
            _ => Error::CliFailed { exit: it.exit, message: message() },
        },
    }
}

/// What is said of an exit that contradicts a fine result.
fn after_result(stderr_tail: &str) -> Box<str> {
    if stderr_tail.is_empty() { "it failed after its result".into() } else { stderr_tail.into() }
}

/// No result: the CLI refused to start, and said why in one line.
fn refused_start(it: &Evidence<'_>) -> Error {
    let (exit, message) = (it.exit, it.stderr_tail);
    if let (Some(session), true) = (it.resumed, is_unknown_session(message)) {
        return Error::UnknownSession(session.clone());
    }
    let usage = [
        "error: unknown option",
        "error: option",
        "error: missing",
        "Error: When using --print",
        "is already in use",
    ];
    match message {
        text if text.contains("cannot be used with root/sudo") => Error::RefusedAsRoot,
        text if text.contains("Please run /login") => Error::NotLoggedIn { message: text.into() },
        text if usage.iter().any(|sign| text.contains(sign)) => Error::CliUsage { message: text.into() },
        "" => Error::NoResult { exit, stderr_tail: "".into() },
        text => Error::CliFailed { exit, message: text.into() },
    }
}

fn is_unknown_session(text: &str) -> bool {
    text.contains("No conversation found with session ID")
}

fn is_connection(text: &str) -> bool {
    [
        "ECONNREFUSED",
        "ECONNRESET",
        "ENOTFOUND",
        "ETIMEDOUT",
        "Connection error",
        "Connection refused",
        "Unable to connect",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

impl Exit {
    /// Nobody saw how it ended.
    pub(crate) fn unknown() -> Self {
        let none = Duration::ZERO;
        Self { code: None, signal: None, user: none, system: none, max_rss_bytes: 0, left: 0 }
    }

    /// Killed by a signal, or by its own handler of one, which exits with 128 and the signal's number.
    fn was_killed(&self) -> bool {
        self.signal.is_some() || self.code.is_some_and(|code| (129..=159).contains(&code))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::cli::line::Kind;
    use crate::cli::message::Message;

    fn result(line: &'static str) -> RunResult {
        match Message::read(Kind::Result, &Bytes::from_static(line.as_bytes())) {
            Message::Result(result) => *result,
            other => panic!("{other:?}"),
        }
    }

    fn exit(code: i32) -> Exit {
        Exit { code: Some(code), ..Exit::unknown() }
    }

    fn evidence<'a>(result: Option<&'a RunResult>, exit: Exit, stderr_tail: &'a str) -> Evidence<'a> {
        let (cut, interrupted, dismissed, resumed) = (false, false, false, None);
        let secrets: &'static Secrets =
            Box::leak(Box::new(Secrets::of(&[("A_KEY".into(), "sk-planted".into())])));
        Evidence { result, exit, stderr_tail, secrets, cut, interrupted, dismissed, resumed }
    }

    const FINE: &str = r#"{"type":"result","subtype":"success","is_error":false}"#;
    const BAD: &str = r#"{"type":"result","subtype":"success","is_error":true,"result":"no"}"#;

    #[test]
    fn a_fine_result_needs_a_fine_exit() {
        let (fine, bad) = (result(FINE), result(BAD));
        assert!(judge(&evidence(Some(&fine), exit(0), "noise")).is_ok_and(|it| !it.interrupted));
        assert_eq!(judge(&evidence(Some(&fine), exit(1), "")).unwrap_err().code(), "cli_failed");
        assert_eq!(judge(&evidence(Some(&bad), exit(0), "")).unwrap_err().code(), "cli_failed");
        let killed = Exit { signal: Some(9), ..Exit::unknown() };
        assert_eq!(judge(&evidence(Some(&fine), killed, "")).unwrap_err().code(), "killed");
        assert!(judge(&Evidence { dismissed: true, ..evidence(Some(&fine), killed, "") }).is_ok());
    }

    #[test]
    fn an_error_that_echoes_the_key_does_not_show_it() {
        let echo = result(
            r#"{"type":"result","subtype":"x","is_error":true,"result":"bad key sk-planted","api_error_status":401}"#,
        );
        let error = judge(&evidence(Some(&echo), exit(1), "")).unwrap_err();
        assert!(error.to_string().contains("[redacted]") && !format!("{error:?}").contains("planted"));
    }

    #[test]
    fn exit_0_without_a_result_is_no_success() {
        assert_eq!(judge(&evidence(None, exit(0), "")).unwrap_err().code(), "no_result");
        let cut = Evidence { cut: true, ..evidence(None, exit(0), "") };
        assert_eq!(judge(&cut).unwrap_err().code(), "cut_line");
        let dismissed = Evidence { dismissed: true, ..evidence(None, exit(130), "") };
        assert_eq!(judge(&dismissed).unwrap_err().code(), "no_result");
    }

    #[test]
    fn what_was_stopped_did_not_fail() {
        let stopped = Evidence { interrupted: true, ..evidence(None, exit(143), "") };
        assert!(judge(&stopped).is_ok_and(|it| it.interrupted));
        let aborted =
            result(r#"{"type":"result","subtype":"x","is_error":true,"terminal_reason":"aborted_tools"}"#);
        assert!(judge(&evidence(Some(&aborted), exit(1), "")).is_ok_and(|it| it.interrupted));
    }
}
