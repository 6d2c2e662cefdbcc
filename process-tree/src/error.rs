//! Why a child couldn't be started or reached.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use crate::command::{Reach, Resource};

/// Why a child couldn't be started or reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such program.
    #[error("no program {program:?}")]
    Missing {
        /// As given to [`Command::new`](crate::Command::new).
        program: OsString,
    },
    /// The program is there but can't be run: not executable, of a foreign format, or its interpreter is
    /// missing.
    #[error("{program:?} can't be run")]
    NotExecutable {
        /// As given to [`Command::new`](crate::Command::new).
        program: OsString,
        /// What the kernel said.
        source: io::Error,
    },
    /// The working directory can't be entered.
    #[error("directory {path:?} can't be entered")]
    BadDirectory {
        /// As given to [`Command::cwd`](crate::Command::cwd), or the owner's own.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A resource limit was refused, mostly for being above what this user may set; or one on
    /// [`Resource::Processes`] couldn't be enforced, as the child is root's and its cgroup has no `pids.max`.
    #[error("limit {resource:?} was refused")]
    Limit {
        /// The one refused.
        resource: Resource,
        /// What the kernel said; [`Unsupported`](io::ErrorKind::Unsupported) where it can't be enforced.
        source: io::Error,
    },
    /// The child couldn't become that user, mostly for an owner that isn't root.
    #[error("can't become user {uid}")]
    User {
        /// Whom.
        uid: u32,
        /// What the kernel said.
        source: io::Error,
    },
    /// The system's list of users has no such name.
    #[error("no user {name:?}")]
    UnknownUser {
        /// As given to [`User::by_name`](crate::User::by_name).
        name: String,
    },
    /// A list of users or groups is there but can't be read.
    #[error("{path:?} can't be read")]
    Users {
        /// Which one.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The descriptor couldn't become the child's controlling terminal.
    #[error("no controlling terminal")]
    Terminal(#[source] io::Error),
    /// Anything else that failed on the way.
    #[error("child not started: {step}")]
    Spawn {
        /// Which step it was.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The reach that was forced isn't available here.
    #[error("a tree can't be held by {0:?} here")]
    ReachUnavailable(Reach),
    /// The child is gone.
    #[error("the child has ended")]
    Ended,
    /// An argument, variable or path holds a NUL byte, or a variable's name is empty or holds `=`.
    #[error("a NUL byte, or a variable name that can't be")]
    Nul,
}

impl Error {
    /// For `map_err`: the step that failed.
    pub(crate) fn at(step: &'static str) -> impl Fn(io::Error) -> Error {
        move |source| Error::Spawn { step, source }
    }
}
