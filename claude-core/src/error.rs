//! What can go wrong, named by what the caller does next.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Messages say what to do and hold no secret; a stderr tail is the child's own text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such program.
    #[error("Claude Code was not found as `{}`; install it or give its path", program.display())]
    CliMissing {
        /// As it was looked for.
        program: PathBuf,
    },
    /// The program is there but can't be started.
    #[error("`{}` can't be started", program.display())]
    CliUnusable {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The CLI can't be run as that user.
    #[error("Claude Code can't be run as user {uid}; that takes root")]
    UserRefused {
        /// The user's id.
        uid: u32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The working directory is missing, no directory, or not to be entered.
    #[error("`{}` is no directory that can be entered", path.display())]
    BadDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// An argument can't be passed on.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// Claude Code has neither a login nor a key.
    #[error("Claude Code is not logged in: run `claude` and log in, or set ANTHROPIC_API_KEY ({message})")]
    NotLoggedIn {
        /// In Claude Code's words.
        message: Box<str>,
    },
    /// Something that the call needs was not set.
    #[error("{what} is missing; set it")]
    NotConfigured {
        /// What.
        what: &'static str,
    },
    /// The API refused the credentials.
    #[error("the API refused the credentials: {message}{}", Request(request_id))]
    Unauthorized {
        /// In the backend's words.
        message: Box<str>,
        /// The request's id, where the API told one.
        request_id: Option<Box<str>>,
    },
    /// The API refused the request; but for 408 and 409, repeating it changes nothing.
    #[error("the API refused the request (status {status}): {message}{}", Request(request_id))]
    Rejected {
        /// HTTP status.
        status: u16,
        /// In the backend's words.
        message: Box<str>,
        /// The request's id, where the API told one.
        request_id: Option<Box<str>>,
    },
    /// An answer broke off. It may have been billed; whoever asks decides about asking again.
    #[error("the answer broke off: {what}{}", Request(request_id))]
    Incomplete {
        /// How.
        what: Box<str>,
        /// The request's id, where the API told one.
        request_id: Option<Box<str>>,
    },
    /// What came is no answer of the Messages API.
    #[error("this is no answer of the Messages API: {what}{}", Request(request_id))]
    Protocol {
        /// What was wrong.
        what: Box<str>,
        /// The request's id, where the API told one.
        request_id: Option<Box<str>>,
    },
    /// No such session, or not for this directory.
    #[error("there is no session {0}")]
    UnknownSession(crate::cli::CliSessionId),
    /// The account's rate limit is used up.
    #[error("rate limited: {message}{}", Request(request_id))]
    RateLimited {
        /// The least wait, where it was told.
        retry_after: Option<Duration>,
        /// In the backend's words.
        message: Box<str>,
        /// The request's id, where the API told one.
        request_id: Option<Box<str>>,
    },
    /// The service has too much to do.
    #[error("the service is overloaded: {message}{}", Request(request_id))]
    Overloaded {
        /// The least wait, where it was told.
        retry_after: Option<Duration>,
        /// In the backend's words.
        message: Box<str>,
        /// The request's id, where the API told one.
        request_id: Option<Box<str>>,
    },
    /// The service can't be reached, or failed inside.
    #[error("the service is unavailable: {message}{}", Request(request_id))]
    Unavailable {
        /// In the backend's words.
        message: Box<str>,
        /// The request's id, where the API told one.
        request_id: Option<Box<str>>,
    },
    /// Claude Code runs as root only in a sandbox when permissions are skipped.
    #[error(
        "Claude Code refuses to skip permissions as root; run as another user, or set IS_SANDBOX=1 in a sandbox"
    )]
    RefusedAsRoot,
    /// Claude Code refused its command line.
    #[error("Claude Code refused its command line: {message}")]
    CliUsage {
        /// In its own words.
        message: Box<str>,
    },
    /// Claude Code ended with an error of its own.
    #[error("Claude Code failed ({exit}): {message}")]
    CliFailed {
        /// How it ended.
        exit: crate::cli::Exit,
        /// Its result's text, else the end of its stderr.
        message: Box<str>,
    },
    /// A signal ended Claude Code before its result.
    #[error("Claude Code was killed ({exit}){}", Tail(stderr_tail))]
    Killed {
        /// How it ended.
        exit: crate::cli::Exit,
        /// The end of its stderr.
        stderr_tail: Box<str>,
    },
    /// The output ended in the middle of a line. What came before was passed on.
    #[error("Claude Code's output ended in the middle of a line ({exit}){}", Tail(stderr_tail))]
    CutLine {
        /// How it ended.
        exit: crate::cli::Exit,
        /// The end of its stderr.
        stderr_tail: Box<str>,
    },
    /// The output ended without a result line. What came before was passed on.
    #[error("Claude Code ended without a result ({exit}){}", Tail(stderr_tail))]
    NoResult {
        /// How it ended.
        exit: crate::cli::Exit,
        /// The end of its stderr.
        stderr_tail: Box<str>,
    },
    /// A line of the output exceeds the limit.
    #[error("Claude Code wrote a line of more than {max} bytes")]
    LineTooLong {
        /// The limit in bytes.
        max: usize,
    },
    /// A limit that the caller set was reached.
    #[error("limit reached: {limit} ({message})")]
    LimitReached {
        /// `max_turns` or `max_cost` where Claude Code ended by itself, else a member of
        /// [`TurnLimits`](crate::turn::TurnLimits).
        limit: &'static str,
        /// In the backend's words.
        message: Box<str>,
    },
    /// It took too long; what ran was ended.
    #[error("timed out: {} after {after:?}", phase.sentence())]
    TimedOut {
        /// What took too long.
        phase: Phase,
        /// The limit.
        after: Duration,
    },
    /// The process has ended, so it can't be asked for anything any more.
    #[error("the process has ended")]
    Ended,
    /// Claude Code refused a control request.
    #[error("Claude Code refused: {message}")]
    Refused {
        /// In its own words.
        message: Box<str>,
    },
    /// An MCP server can't be started or reached, or answered what it should not.
    #[error("MCP server `{server}`: {what}")]
    Mcp {
        /// The server, as it was named.
        server: Box<str>,
        /// What went wrong.
        what: Box<str>,
    },
    /// The system failed.
    #[error("{what}")]
    System {
        /// Doing what.
        what: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Until a connection stood.
    Connect,
    /// Until the answer began.
    FirstByte,
    /// Silence.
    Idle,
    /// The whole run or call.
    Total,
}

impl Phase {
    fn sentence(self) -> &'static str {
        match self {
            Self::Connect => "not connected",
            Self::FirstByte => "no answer",
            Self::Idle => "no output",
            Self::Total => "not finished",
        }
    }
}

impl Error {
    /// A stable name in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::CliMissing { .. } => "cli_missing",
            Self::CliUnusable { .. } => "cli_unusable",
            Self::UserRefused { .. } => "user_refused",
            Self::BadDirectory { .. } => "bad_directory",
            Self::Invalid { .. } => "invalid_request",
            Self::NotLoggedIn { .. } => "not_logged_in",
            Self::NotConfigured { .. } => "not_configured",
            Self::Incomplete { .. } => "incomplete",
            Self::Protocol { .. } => "protocol",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Rejected { .. } => "rejected",
            Self::UnknownSession(_) => "unknown_session",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded { .. } => "overloaded",
            Self::Unavailable { .. } => "unavailable",
            Self::RefusedAsRoot => "refused_as_root",
            Self::CliUsage { .. } => "cli_usage",
            Self::CliFailed { .. } => "cli_failed",
            Self::Killed { .. } => "killed",
            Self::CutLine { .. } => "cut_line",
            Self::NoResult { .. } => "no_result",
            Self::LineTooLong { .. } => "line_too_long",
            Self::LimitReached { .. } => "limit_reached",
            Self::TimedOut { .. } => "timed_out",
            Self::Ended => "ended",
            Self::Refused { .. } => "refused",
            Self::Mcp { .. } => "mcp",
            Self::System { .. } => "system",
        }
    }

    /// Whether the same call may succeed later without a change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Overloaded { .. } | Self::Unavailable { .. } => true,
            // The API's "timed out" and "conflict". And what never reached anyone.
            Self::Rejected { status: 408 | 409, .. } | Self::TimedOut { phase: Phase::Connect, .. } => true,
            _ => false,
        }
    }

    /// The least wait before the same call, where it was told.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Overloaded { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// ` (request ID)`, or nothing where there is none.
struct Request<'a>(&'a Option<Box<str>>);

impl std::fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_ref().map_or(Ok(()), |id| write!(f, " (request {id})"))
    }
}

/// `: tail`, or nothing where there is none.
struct Tail<'a>(&'a str);

impl std::fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert!(size_of::<Error>() < 128, "{}", size_of::<Error>());
    }
}
