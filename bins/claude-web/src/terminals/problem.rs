//! What is answered to what pty-core can't do.

use std::io;
use std::time::Duration;

use axum::http::StatusCode;
use pty_core::{Error, Limit};
use server_kit::problem::Problem;

/// When to try again for one more.
const RETRY: Duration = Duration::from_secs(5);

/// The answer to a terminal that can't be started or attached to.
pub(super) fn of(error: Error) -> Problem {
    let unavailable = |code, message| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(Duration::from_secs(1))
    };
    match error {
        Error::LimitReached { limit, max } => {
            let code = if limit == Limit::Viewers { "too_many_viewers" } else { "too_many_sessions" };
            let message = format!("there may be at most {max} {limit}; end one first");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, code, message).retry_after(RETRY)
        }
        Error::BadSize => Problem::invalid("cols", "cols and rows are 1 to 1000 each"),
        Error::BadDirectory { .. } => bad_directory(),
        Error::CommandMissing { .. } => {
            let message = "the command is not installed on this server, or can't be run";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "command_missing", message).because(error)
        }
        Error::NoPty(_) => unavailable("no_pty", "the system gives no terminal now").because(error),
        Error::LimitRefused { limit, .. } => {
            let message = format!("the limit on {limit} can't be set on this server");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "limit_refused", message).because(error)
        }
        Error::Recording(ref source) if is_full(source) => {
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "the server's disk is full")
                .because(error)
        }
        Error::ShuttingDown => unavailable("shutting_down", "the server is about to stop"),
        Error::NotFound => Problem::not_found(),
        other => Problem::internal(other),
    }
}

pub(super) fn bad_directory() -> Problem {
    Problem::invalid("cwd", "is no directory below CLAUDE_WORKING_DIR or one of the server's PROJECT_ROOTS")
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
