//! Why something couldn't be done, named by what the caller does next.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::exit::Exit;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something couldn't be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are as many as there may be. Try again once one has ended.
    #[error("at most {max} {limit}")]
    LimitReached {
        /// Of what.
        limit: Limit,
        /// How many there may be.
        max: usize,
    },
    /// Columns or rows are outside 1…1000.
    #[error("a terminal has 1 to 1000 columns and rows")]
    BadSize,
    /// The working directory is none, can't be entered, or lies outside of its root.
    #[error("{path:?} is not a directory to work in")]
    BadDirectory {
        /// As given.
        path: PathBuf,
    },
    /// There is no such program, or it can't be run.
    #[error("the command {program:?} is missing")]
    CommandMissing {
        /// As given.
        program: OsString,
        /// What the system said, where it is there but can't be run.
        source: Option<io::Error>,
    },
    /// The system has no terminal left.
    #[error("the system gives no terminal")]
    NoPty(#[source] io::Error),
    /// A limit of the child's resources can't be set here.
    #[error("the limit on {limit} can't be set here")]
    LimitRefused {
        /// Which one: `cpu`, `memory`, `files`, `processes`.
        limit: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The recording's file can't be made.
    #[error("the recording can't be written")]
    Recording(#[source] io::Error),
    /// Anything else that kept the child from starting.
    #[error("the child can't be started")]
    Spawn(#[source] io::Error),
    /// There is no such terminal any more.
    #[error("there is no such terminal")]
    NotFound,
    /// An acknowledgement of bytes that were not sent yet. It changed nothing.
    #[error("only bytes before {sent} were sent")]
    AckAhead {
        /// Where what was sent ends.
        sent: u64,
    },
    /// A watcher looks on; it neither types, nor resizes, nor signals.
    #[error("a watcher may only look")]
    ReadOnly,
    /// The signal can't be delivered to whoever is in the foreground.
    #[error("the signal can't be delivered")]
    Signal(#[source] io::Error),
    /// The child has ended.
    #[error("the child has ended")]
    Exited(Exit),
    /// This viewer was closed or let go of its other half.
    #[error("this viewer is not attached any more")]
    Detached,
    /// No more terminals: the program is ending.
    #[error("terminals are shutting down")]
    ShuttingDown,
}

/// Of what there may be only so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Terminals.
    Sessions,
    /// Terminals of one owner.
    SessionsOfOwner,
    /// Viewers of one terminal.
    Viewers,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Sessions => "terminals",
            Limit::SessionsOfOwner => "terminals of one owner",
            Limit::Viewers => "viewers of one terminal",
        })
    }
}

impl Error {
    /// Whether the same call may work later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::LimitReached { .. } | Error::NoPty(_))
    }
}
