//! `status`: how a socket's terminal stands.

use pty_core::{Exit, Reason, Start, TerminalId};
use serde_json::{Value, json};
use server_kit::problem::Problem;

use crate::terminals::wire;

/// Its first event: there is a terminal.
pub(super) fn opened(id: TerminalId, start: &Start) -> Value {
    let (cols, rows) = (start.size.cols(), start.size.rows());
    json!({"state": "opened", "id": id.to_string(), "from": start.from, "cols": cols, "rows": rows})
}

/// Its last event, once the child has ended.
pub(super) fn exited(exit: &Exit) -> Value {
    let reason = if exit.signal.is_some() { "killed" } else { "exited" };
    json!({"state": "closed", "reason": reason, "code": exit.code, "signal": exit.signal})
}

/// Its last event, where the terminal was closed.
pub(super) fn closed(reason: Reason) -> Value {
    let (reason, ..) = wire::closed(reason);
    json!({"state": "closed", "reason": reason, "code": null})
}

/// Its last event: another socket has the terminal now.
pub(super) fn taken_over() -> Value {
    json!({"state": "closed", "reason": "taken_over", "code": null})
}

/// Its last event: whoever it was let in as counts no more.
pub(super) fn unauthorized() -> Value {
    error("unauthorized", "your token or account counts no more; the terminal waits for you a while")
}

/// Its last event: it said more than the server holds.
pub(super) fn input_overflow() -> Value {
    error("input_overflow", "more input waits for the child than the server holds")
}

/// Bytes that are not held any more were skipped.
pub(super) fn gap(from: u64, to: u64) -> Value {
    json!({"state": "error", "reason": "gap", "from": from, "to": to, "message": "this output is not held any more"})
}

/// Something that was asked for can't be done.
pub(super) fn refused(problem: &Problem) -> Value {
    error(problem.code(), problem.message())
}

/// Something went wrong.
pub(super) fn error(reason: &str, message: &str) -> Value {
    json!({"state": "error", "reason": reason, "message": message})
}
