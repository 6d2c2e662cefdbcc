//! How a terminal stands.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::exit::Exit;
use crate::id::{Owner, TerminalId};
use crate::size::Size;

/// How far a terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The child lives.
    Running,
    /// The child has ended or is being ended; some of its descendants may still live.
    Ending,
    /// Nobody is left. What it wrote can still be read.
    Exited,
}

impl Phase {
    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Running => "running",
            Phase::Ending => "ending",
            Phase::Exited => "exited",
        }
    }
}

/// How a terminal stands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Info {
    /// Its id.
    pub id: TerminalId,
    /// Whose it is.
    pub owner: Owner,
    /// What runs in it, as its [`Spec`](crate::Spec) calls it.
    pub label: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Its size.
    pub size: Size,
    /// The child's process id; meaningful while it lives.
    pub pid: u32,
    /// How far it is.
    pub phase: Phase,
    /// When it began.
    pub created_at: SystemTime,
    /// The oldest byte of output that is held.
    pub base: u64,
    /// Where output ends for now.
    pub head: u64,
    /// Viewers attached now.
    pub viewers: usize,
    /// How the child ended.
    pub exit: Option<Exit>,
    /// Where it is recorded.
    pub recording: Option<PathBuf>,
}
