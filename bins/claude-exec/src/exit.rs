//! The exit codes, which scripts rely on.

use std::process::ExitCode;

use claude_core::Error;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// It went well. A denied tool in a run that completed is fine too.
    Fine = 0,
    /// The run failed, or reached a limit.
    Failed = 1,
    /// The command line or the prompt can't be used; unknown session, missing directory.
    Usage = 2,
    /// Claude Code is missing or unusable.
    Cli = 3,
    /// Not authenticated.
    Login = 4,
    /// Rate limited or overloaded: later it may work.
    Later = 5,
    /// It took too long.
    TimedOut = 124,
    /// Somebody stopped it.
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

impl Code {
    /// The exit code of a failure, by its stable name.
    #[must_use]
    pub fn of(failure: &str) -> Self {
        match failure {
            "cli_missing" | "cli_unusable" | "refused_as_root" => Self::Cli,
            "invalid_request" | "bad_directory" | "unknown_session" | "cli_usage" => Self::Usage,
            "not_logged_in" | "not_configured" | "unauthorized" => Self::Login,
            "rate_limited" | "overloaded" => Self::Later,
            "timed_out" => Self::TimedOut,
            _ => Self::Failed,
        }
    }
}

impl From<&Error> for Code {
    fn from(error: &Error) -> Self {
        Self::of(error.code())
    }
}
