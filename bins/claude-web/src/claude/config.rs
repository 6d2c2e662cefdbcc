//! What can be set about Claude Code runs.

use std::path::PathBuf;
use std::time::Duration;

use claude_core::cli::{ChildUser, ToolRule};

/// What happens to a run whose session is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Busy {
    /// It waits its turn.
    #[default]
    Wait,
    /// It is refused.
    Refuse,
}

/// How Claude Code is run.
#[derive(Debug, Clone)]
pub struct ClaudeConfig {
    /// The CLI: a path, or a name to be looked for in `PATH`.
    pub program: PathBuf,
    /// The user the CLI runs as, where it isn't the server's. Workspaces are owned by it.
    pub child_user: Option<ChildUser>,
    /// Where new sessions get their directory.
    pub workspaces: PathBuf,
    /// Where else a session may work, if a request says so.
    pub project_roots: Vec<PathBuf>,
    /// Whether admins may skip permissions.
    pub allow_skip_permissions: bool,
    /// What is not read for users that are no admins, whatever they may have read otherwise.
    pub hidden: Vec<ToolRule>,
    /// What happens to a run whose session is busy.
    pub busy: Busy,
    /// CLI processes at once; further runs wait.
    pub max_runs: usize,
    /// How long a run may be silent; beyond it, it is ended.
    pub idle_timeout: Option<Duration>,
    /// How long a run may take; beyond it, it is ended.
    pub timeout: Option<Duration>,
}
