//! What can be set about terminals.

use std::path::PathBuf;
use std::time::Duration;

use claude_core::cli::ChildUser;
use server_kit::auth::Role;

use super::profile::Profiles;
use super::workdir::WorkingDir;

/// How terminals are run.
#[derive(Debug)]
pub struct TerminalConfig {
    /// What may run.
    pub profiles: Profiles,
    /// Claude Code: a path, or a name to be looked for in `PATH`.
    pub claude_code: PathBuf,
    /// Who may have terminals.
    pub roles: Vec<Role>,
    /// Where they work, unless a request says otherwise.
    pub working_dir: WorkingDir,
    /// Where else they may work.
    pub project_roots: Vec<PathBuf>,
    /// The user they run as, where it isn't the server's.
    pub child_user: Option<ChildUser>,
    /// Where recordings are kept.
    pub recordings: PathBuf,
    /// How many there may be, overall and for each user.
    pub sessions: usize,
    /// The same for each user.
    pub per_user: usize,
    /// How long one may be without input and output.
    pub idle: Option<Duration>,
    /// How long one that was started over Socket.IO outlives its socket.
    pub socketio_grace: Duration,
    /// Whether programs may write to the clipboards of Socket.IO clients.
    pub socketio_clipboard: bool,
}
