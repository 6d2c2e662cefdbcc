//! How a run ends, and what its reader is told of it.

use axum::http::StatusCode;
use claude_core::Error;
use claude_core::cli::Outcome as CliOutcome;
use server_kit::problem::Problem;
use server_kit::runs::{Ended, Event, Failure, Outcome, RunWriter, Stop};

use crate::figures;

/// What is known of the last lines.
#[derive(Debug, Default)]
pub(super) struct Last {
    /// The CLI told its own result, and nothing began after it.
    pub(super) has_result: bool,
    /// Lines that could not be sent.
    pub(super) bad_lines: u64,
    /// What went wrong on our side.
    pub(super) failed: Option<Problem>,
}

/// A run whose process has ended.
pub(super) struct Finish {
    pub(super) log: RunWriter,
    pub(super) model: String,
    pub(super) outcome: Option<CliOutcome>,
    pub(super) process: Result<(), Error>,
    pub(super) has_session: bool,
    pub(super) last: Last,
    pub(super) stopped: Option<Stop>,
}

impl Finish {
    /// Ends the run.
    pub(super) async fn end(self) -> Ended {
        let outcome = self.outcome();
        if let Outcome::Failed(failure) = &outcome {
            figures::failed(&self.model, &failure.code);
        }
        let told = self.told(&outcome);
        let event = told.and_then(|problem| event(&self.log, &problem));
        self.log.end(outcome, event).await
    }

    fn outcome(&self) -> Outcome {
        let was_interrupted = self.outcome.as_ref().is_some_and(|outcome| outcome.interrupted);
        match (&self.last.failed, &self.process, self.stopped) {
            (Some(problem), ..) => Outcome::Failed(failure(problem)),
            (None, _, Some(Stop::Unrecorded)) => Outcome::Failed(failure(&unrecorded())),
            (None, Ok(()), stopped) if was_interrupted => {
                Outcome::Cancelled { by: stopped.unwrap_or(Stop::User).by() }
            }
            (None, Ok(()), _) => Outcome::Completed,
            (None, Err(_), Some(stop)) => Outcome::Cancelled { by: stop.by() },
            (None, Err(error), None) => Outcome::Failed(failure(&broken(error))),
        }
    }

    /// What the reader has to be told beyond the CLI's own lines.
    fn told(&self, outcome: &Outcome) -> Option<Problem> {
        if let Some(problem) = &self.last.failed {
            problem.log();
            return Some(problem.clone());
        }
        if self.last.bad_lines > 0 {
            let message = format!("{} lines were not sent: they are no JSON text", self.last.bad_lines);
            return Some(Problem::new(StatusCode::BAD_GATEWAY, "bad_line", message));
        }
        if self.last.has_result {
            return None;
        }
        Some(match (outcome, &self.process) {
            (Outcome::Cancelled { by }, _) => cancelled(by),
            (_, Err(error)) => broken(error),
            (Outcome::Failed(_), Ok(())) => unrecorded(),
            (Outcome::Completed, Ok(())) => no_result(),
        })
    }
}

/// A run that was stopped before it began.
pub(super) async fn stopped(log: RunWriter, stop: Stop) -> Ended {
    let event = event(&log, &cancelled(stop.by()));
    log.end(Outcome::Cancelled { by: stop.by() }, event).await
}

/// A run that could not begin.
pub(super) async fn failed(log: RunWriter, problem: &Problem) -> Ended {
    problem.log();
    let event = event(&log, problem);
    log.end(Outcome::Failed(failure(problem)), event).await
}

/// The CLI could not be started.
pub(super) fn not_started(error: &Error) -> Problem {
    tracing::error!(error = error as &dyn std::error::Error, "Claude Code can't be started");
    broken(error)
}

/// `event: error`, under the id of the request that started the run.
fn event(log: &RunWriter, problem: &Problem) -> Option<Event> {
    Event::json("error", &problem.body_for(log.request_id())).ok()
}

fn failure(problem: &Problem) -> Failure {
    Failure { code: problem.code().to_owned(), message: problem.message().to_owned() }
}

fn cancelled(by: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "cancelled", format!("the run was stopped: {by}"))
}

fn unrecorded() -> Problem {
    Problem::unavailable("the server's store does not take this run")
}

fn no_result() -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "no_result", "Claude Code ended without a result")
}

/// What the CLI's failure is called here.
fn broken(error: &Error) -> Problem {
    let code = match error {
        Error::CutLine { .. } => "incomplete",
        error => error.code(),
    };
    Problem::new(StatusCode::BAD_GATEWAY, code, error.to_string())
}
