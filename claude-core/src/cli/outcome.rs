//! What a run came to.

use std::fmt;
use std::time::Duration;

use super::message::RunResult;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// CPU time in user mode, of what it waited for included.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// The most memory it had resident, in bytes.
    pub max_rss_bytes: u64,
    /// Processes of its tree that could not be ended.
    pub left: u32,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit {code}"),
            (_, Some(signal)) => write!(f, "signal {signal}"),
            _ => f.write_str("exit unknown"),
        }
    }
}

#[cfg(feature = "cli")]
impl From<process_tree::Exit> for Exit {
    fn from(exit: process_tree::Exit) -> Self {
        let (code, signal) = match exit.status {
            process_tree::Status::Code(code) => (Some(code), None),
            process_tree::Status::Signal(signal) => (None, Some(signal)),
            _ => (None, None),
        };
        let process_tree::Usage { user, system, max_rss_bytes, .. } = exit.usage;
        Self { code, signal, user, system, max_rss_bytes, left: exit.left }
    }
}

/// A run that did not fail: it has its result, or somebody stopped it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// The last result line; none where the run was stopped before it.
    pub result: Option<RunResult>,
    /// Whether somebody stopped it.
    pub interrupted: bool,
    /// How the process ended.
    pub exit: Exit,
}
