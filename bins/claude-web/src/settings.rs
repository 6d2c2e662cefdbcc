//! What can be set, beside what all servers share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};
use claude_core::agent::DEFAULT_MODEL;
use claude_core::cli::{ChildUser, ModelName, ToolRule};
use claude_core::pricing::Prices;
use server_kit::auth::Role;
use server_kit::data_dir::DataDir;
use server_kit::settings::{Program, ServerSettings};
use server_kit::store::commands::{KeyCommand, UserCommand};

use crate::chat::ChatConfig;
use crate::claude::{Busy, ClaudeConfig};
use crate::terminals::{DEFAULT_COMMANDS, Profiles, TerminalConfig, WorkingDir};

/// What this program says of itself.
pub const PROGRAM: Program = Program {
    port: "3001",
    also_known: &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"],
};

/// Claude on your own server: Claude Code over HTTP.
#[derive(Debug, Parser)]
#[command(name = "claude-web", version, args_conflicts_with_subcommands = false)]
pub struct Arguments {
    /// What all servers share.
    #[command(flatten)]
    pub server: ServerSettings,
    /// What concerns Claude Code.
    #[command(flatten)]
    pub claude: ClaudeSettings,
    /// What concerns chat turns.
    #[command(flatten)]
    pub chat: ChatSettings,
    /// What concerns terminals.
    #[command(flatten)]
    pub terminals: TerminalSettings,
    /// What to do; to serve, unless given.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Serve, which is also what happens without a command
    Serve,
    /// Users: add, list, change, delete them
    #[command(subcommand)]
    User(UserCommand),
    /// API keys: add, list, revoke them
    #[command(subcommand)]
    Key(KeyCommand),
}

impl AsRef<ServerSettings> for Arguments {
    fn as_ref(&self) -> &ServerSettings {
        &self.server
    }
}

/// What concerns Claude Code.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Claude Code")]
pub struct ClaudeSettings {
    /// Claude Code: a path, or a name to be looked for in PATH
    #[arg(long, env, default_value = "claude")]
    pub claude_code_path: PathBuf,
    /// User that Claude Code runs as, where the server may switch (as root); WORKSPACES_DIR then lies outside of DATA_DIR
    #[arg(long, env)]
    pub child_user: Option<String>,
    /// Where new sessions get their directory; `workspaces` in DATA_DIR unless set
    #[arg(long, env)]
    pub workspaces_dir: Option<PathBuf>,
    /// Directories below which a request may choose to work, separated by commas
    #[arg(long, env, value_delimiter = ',')]
    pub project_roots: Vec<PathBuf>,
    /// What happens to a run whose session is busy
    #[arg(long, env, value_enum, default_value_t)]
    pub session_busy: Busy,
    /// Milliseconds a run goes on after its last reader left
    #[arg(long, env, default_value_t = 10_000)]
    pub run_grace_ms: u64,
    /// Milliseconds a reader may stand still before it is cut
    #[arg(long, env, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(100..))]
    pub run_stall_ms: u64,
    /// Seconds a run may be silent; 0 = no limit
    #[arg(long, env, default_value_t = 600)]
    pub run_idle_timeout: u64,
    /// Seconds a run may take; 0 = no limit
    #[arg(long, env, default_value_t = 0)]
    pub run_timeout: u64,
    /// Claude Code processes at once; further runs wait
    #[arg(long, env, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_runs: u32,
    /// Let admins skip permissions: every tool runs, nobody is asked
    #[arg(
        long, env, num_args = 0..=1, default_value = "false", default_missing_value = "true",
        action = clap::ArgAction::Set, value_parser = BoolishValueParser::new(),
    )]
    pub allow_skip_permissions: bool,
}

/// What concerns chat turns.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Chat")]
pub struct ChatSettings {
    /// Model that the Messages API is asked for, unless a request names one
    #[arg(long, env, default_value = DEFAULT_MODEL)]
    pub default_model: String,
    /// File of prices (JSON) that replaces or adds to what is built in
    #[arg(long, env)]
    pub pricing_file: Option<PathBuf>,
    /// Minutes that a question about a tool waits for its answer; then the answer is no
    #[arg(long, env, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub approval_ttl: u64,
}

impl ChatSettings {
    /// How chat turns are run.
    ///
    /// # Errors
    /// When DEFAULT_MODEL can't be a model's name, or PRICING_FILE has no prices.
    pub fn config(&self) -> anyhow::Result<ChatConfig> {
        let model = ModelName::parse(&self.default_model).context("DEFAULT_MODEL")?;
        let prices = match &self.pricing_file {
            Some(file) => Prices::from_file(file).context("PRICING_FILE")?,
            None => Prices::default(),
        };
        Ok(ChatConfig { model: model.as_str().to_owned(), prices })
    }

    /// How long a question waits for its answer.
    #[must_use]
    pub fn approval_ttl(&self) -> Duration {
        Duration::from_secs(60 * self.approval_ttl)
    }
}

/// What concerns terminals.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Terminals")]
pub struct TerminalSettings {
    /// What may run on a terminal: `bash,claude`, or `name=command line;…`; `name@role` restricts
    #[arg(long, env, default_value = DEFAULT_COMMANDS)]
    pub terminal_commands: String,
    /// Who may have terminals, separated by commas; a terminal is all that the server's user may do
    #[arg(long, env, value_enum, value_delimiter = ',', default_value = "admin")]
    pub terminal_roles: Vec<Role>,
    /// Where terminals work; made for its owner alone
    #[arg(long, env, default_value = "/tmp/claude-sessions")]
    pub claude_working_dir: PathBuf,
    /// Minutes a terminal may be without input and output; 0 = no limit
    #[arg(long, env, default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=525_600))]
    pub session_timeout: u64,
    /// Terminals at once
    #[arg(long, env, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_sessions: u32,
    /// Terminals of one user at once; as many as MAX_SESSIONS unless set
    #[arg(long, env, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_sessions_per_user: Option<u32>,
    /// Milliseconds a terminal outlives its Socket.IO client, which may come back
    #[arg(long, env, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(..=86_400_000))]
    pub socketio_grace_ms: u64,
    /// Let programs write to the clipboards of Socket.IO clients (OSC 52)
    #[arg(
        long, env, num_args = 0..=1, default_value = "false", default_missing_value = "true",
        action = clap::ArgAction::Set, value_parser = BoolishValueParser::new(),
    )]
    pub socketio_clipboard: bool,
}

impl Arguments {
    /// How terminals are run, with this data directory.
    ///
    /// # Errors
    /// When a setting can't be used, or CLAUDE_WORKING_DIR can't be made.
    pub fn terminals(&self, data: &DataDir) -> anyhow::Result<TerminalConfig> {
        let settings = &self.terminals;
        let claude = self.claude.config(data.path())?;
        anyhow::ensure!(
            !settings.terminal_roles.contains(&Role::Viewer),
            "TERMINAL_ROLES names viewers, who only read: name admin, or admin,user"
        );
        let working_dir = WorkingDir::open(&settings.claude_working_dir, claude.child_user.as_ref());
        Ok(TerminalConfig {
            profiles: Profiles::parse(&settings.terminal_commands).context("TERMINAL_COMMANDS")?,
            claude_code: claude.program,
            roles: settings.terminal_roles.clone(),
            working_dir: working_dir.context("CLAUDE_WORKING_DIR")?,
            project_roots: claude.project_roots,
            child_user: claude.child_user,
            recordings: data.path().join("recordings"),
            sessions: settings.max_sessions as usize,
            per_user: settings.max_sessions_per_user.unwrap_or(settings.max_sessions) as usize,
            socketio_grace: Duration::from_millis(settings.socketio_grace_ms),
            socketio_clipboard: settings.socketio_clipboard,
            idle: (settings.session_timeout > 0).then(|| Duration::from_secs(60 * settings.session_timeout)),
        })
    }
}

/// What in DATA_DIR would make an admin of whoever reads it.
const HIDDEN: [&str; 2] = ["jwt-secret*", "claude-web.db*"];

/// Rules that keep Claude Code from reading that. `/proc` leads there too.
fn hidden(data_dir: &Path) -> anyhow::Result<Vec<ToolRule>> {
    // Claude Code follows links before it looks at its rules.
    let data_dir = data_dir.canonicalize().context("DATA_DIR")?;
    let files = HIDDEN.map(|name| data_dir.join(name)).into_iter().chain(["/proc/**".into()]);
    let rule = |path: PathBuf| ToolRule::parse(&format!("Read(/{})", path.display()));
    files.map(rule).collect::<Result<_, _>>().context("DATA_DIR has a name that no rule can hold")
}

impl ClaudeSettings {
    /// How Claude Code is run, with this data directory.
    ///
    /// # Errors
    /// When CHILD_USER can't be that user, or its workspaces would lie where it must not go; when DATA_DIR is not there.
    pub fn config(&self, data_dir: &Path) -> anyhow::Result<ClaudeConfig> {
        let seconds = |seconds: u64| (seconds > 0).then(|| Duration::from_secs(seconds));
        let workspaces = self.workspaces_dir.clone().unwrap_or_else(|| data_dir.join("workspaces"));
        Ok(ClaudeConfig {
            program: self.claude_code_path.clone(),
            child_user: self.child_user(&workspaces, data_dir)?,
            workspaces,
            project_roots: self.project_roots.clone(),
            allow_skip_permissions: self.allow_skip_permissions,
            hidden: hidden(data_dir)?,
            busy: self.session_busy,
            max_runs: self.max_runs as usize,
            idle_timeout: seconds(self.run_idle_timeout),
            timeout: seconds(self.run_timeout),
        })
    }

    fn child_user(&self, workspaces: &Path, data_dir: &Path) -> anyhow::Result<Option<ChildUser>> {
        let Some(name) = &self.child_user else { return Ok(None) };
        let user = ChildUser::by_name(name).context("CHILD_USER")?;
        anyhow::ensure!(
            user.uid() != 0,
            "CHILD_USER is root, from whom nothing is protected: name another user"
        );
        anyhow::ensure!(
            rustix::process::geteuid().is_root(),
            "CHILD_USER is set, but this server may not switch users: run it as root, or unset CHILD_USER"
        );
        let (workspaces, data_dir) = (std::path::absolute(workspaces)?, std::path::absolute(data_dir)?);
        anyhow::ensure!(
            !workspaces.starts_with(&data_dir),
            "with CHILD_USER, set WORKSPACES_DIR to a directory outside of DATA_DIR ({}): that user may not go there",
            data_dir.display()
        );
        Ok(Some(user))
    }
}
