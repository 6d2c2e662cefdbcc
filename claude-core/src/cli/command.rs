//! A run of Claude Code to be started: what it is asked, and how.

mod limits;
mod line;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

pub use self::limits::Limits;
use super::argument::{CliSessionId, ModelName, PermissionMode, ToolRule};
use super::child_user::ChildUser;
use super::process::Process;
use super::translator::Detail;
use crate::approval::Approver;
use crate::error::Result;
use crate::messages::Content;
use crate::text::Text;
use crate::turn::{Stops, TurnHandle};

/// Which history a run goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum History {
    #[default]
    New,
    NewAs(CliSessionId),
    Resume(CliSessionId),
    Latest,
}

/// Builds the command line of `claude -p`. Each value is one `--flag=value`; the prompt goes by stdin.
///
/// The child sees an allow-list of our environment: `HOME`, `PATH`, `USER`, `SHELL`, `TMPDIR`, `XDG_*`, locale,
/// terminal, proxies, certificates, `CLAUDE_*`, `DISABLE_*`, `IS_SANDBOX`. `ANTHROPIC_*` and the CLI's own
/// `CLAUDE_CODE_OAUTH_*` pass after [`Command::inherit_anthropic`] only. Another [user](Command::user) gets its own
/// `HOME` and names instead of ours, and neither our `TMPDIR` nor our `XDG_*`.
#[derive(Clone)]
pub struct Command {
    pub(crate) program: PathBuf,
    pub(crate) cwd: PathBuf,
    pub(crate) prompt: Content,
    pub(crate) detail: Detail,
    pub(crate) approver: Option<Arc<dyn Approver>>,
    pub(crate) limits: Limits,
    pub(crate) user: Option<ChildUser>,
    history: History,
    fork: bool,
    model: Option<ModelName>,
    permission_mode: Option<PermissionMode>,
    skip_permissions: bool,
    allowed_tools: Vec<ToolRule>,
    disallowed_tools: Vec<ToolRule>,
    tools: Option<Vec<ToolRule>>,
    directories: Vec<PathBuf>,
    mcp_configs: Vec<String>,
    strict_mcp_config: bool,
    system_prompt: Option<String>,
    append_system_prompt: Option<String>,
    max_turns: Option<u32>,
    max_budget_usd: Option<f64>,
    partial_messages: bool,
    inherit_anthropic: bool,
    api_key: Option<SecretString>,
    variables: Vec<(OsString, OsString)>,
}

impl Command {
    /// A run of `program`: a path, or a name to be looked for in `PATH`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            cwd: PathBuf::from("."),
            prompt: Content::Text(Text::default()),
            detail: Detail::default(),
            approver: None,
            limits: Limits::default(),
            user: None,
            history: History::New,
            fork: false,
            model: None,
            permission_mode: None,
            skip_permissions: false,
            allowed_tools: Vec::new(),
            disallowed_tools: Vec::new(),
            tools: None,
            directories: Vec::new(),
            mcp_configs: Vec::new(),
            strict_mcp_config: false,
            system_prompt: None,
            append_system_prompt: None,
            max_turns: None,
            max_budget_usd: None,
            partial_messages: false,
            inherit_anthropic: false,
            api_key: None,
            variables: Vec::new(),
        }
    }

    /// What the model is asked. `/commands` at its start and `@file` inside it are active.
    #[must_use]
    pub fn prompt(mut self, prompt: impl Into<Text>) -> Self {
        self.prompt = Content::Text(prompt.into());
        self
    }

    /// What the model is asked, with images or documents in it: text, or blocks as the API has them.
    #[must_use]
    pub fn content(mut self, content: impl Into<Content>) -> Self {
        self.prompt = content.into();
        self
    }

    /// The working directory, ours unless set.
    #[must_use]
    pub fn cwd(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cwd = directory.into();
        self
    }

    /// Goes on with a session. Its id stays, unless [`Command::fork`] is set too.
    #[must_use]
    pub fn resume(mut self, session: CliSessionId) -> Self {
        self.history = History::Resume(session);
        self
    }

    /// Goes on with the newest session of the working directory; without one a new session begins.
    #[must_use]
    pub fn continue_latest(mut self) -> Self {
        self.history = History::Latest;
        self
    }

    /// Begins a session under this id.
    #[must_use]
    pub fn session(mut self, session: CliSessionId) -> Self {
        self.history = History::NewAs(session);
        self
    }

    /// The session that is gone on with stays as it is; what follows gets a new id.
    #[must_use]
    pub fn fork(mut self) -> Self {
        self.fork = true;
        self
    }

    /// The model, or the CLI's alias of one.
    #[must_use]
    pub fn model(mut self, model: ModelName) -> Self {
        self.model = Some(model);
        self
    }

    /// Who decides about tools that no rule covers.
    #[must_use]
    pub fn permission_mode(mut self, mode: PermissionMode) -> Self {
        self.permission_mode = Some(mode);
        self
    }

    /// `--dangerously-skip-permissions`: every tool runs, nobody is asked.
    #[must_use]
    pub fn dangerously_skip_permissions(mut self) -> Self {
        self.skip_permissions = true;
        self
    }

    /// Tools that may be used without a question.
    #[must_use]
    pub fn allow_tools(mut self, rules: impl IntoIterator<Item = ToolRule>) -> Self {
        self.allowed_tools.extend(rules);
        self
    }

    /// Tools that may not be used.
    #[must_use]
    pub fn disallow_tools(mut self, rules: impl IntoIterator<Item = ToolRule>) -> Self {
        self.disallowed_tools.extend(rules);
        self
    }

    /// The built-in tools on offer, by name; none where there is none. Tools of MCP servers stay as they are.
    #[must_use]
    pub fn only_tools(mut self, names: impl IntoIterator<Item = ToolRule>) -> Self {
        self.tools = Some(names.into_iter().collect());
        self
    }

    /// A further directory that tools may use.
    #[must_use]
    pub fn add_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directories.push(directory.into());
        self
    }

    /// MCP servers: a file's path, or JSON. It names commands to run, so it must not come from a stranger.
    #[must_use]
    pub fn mcp_config(mut self, config: impl Into<String>) -> Self {
        self.mcp_configs.push(config.into());
        self
    }

    /// No MCP servers but those of [`Command::mcp_config`].
    #[must_use]
    pub fn strict_mcp_config(mut self) -> Self {
        self.strict_mcp_config = true;
        self
    }

    /// Replaces the CLI's own system prompt. At most 128 KiB.
    #[must_use]
    pub fn system_prompt(mut self, text: impl Into<String>) -> Self {
        self.system_prompt = Some(text.into());
        self
    }

    /// Adds to the CLI's own system prompt. At most 128 KiB.
    #[must_use]
    pub fn append_system_prompt(mut self, text: impl Into<String>) -> Self {
        self.append_system_prompt = Some(text.into());
        self
    }

    /// Requests to the model, at most; beyond it the run ends with [`LimitReached`](crate::Error::LimitReached).
    #[must_use]
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.max_turns = Some(turns);
        self
    }

    /// US dollars, at most, as far as the CLI sees it coming.
    #[must_use]
    pub fn max_budget_usd(mut self, dollars: f64) -> Self {
        self.max_budget_usd = Some(dollars);
        self
    }

    /// Texts as they are written, piece by piece, and not only block by block.
    #[must_use]
    pub fn partial_messages(mut self) -> Self {
        self.partial_messages = true;
        self
    }

    /// How much of each line is parsed.
    #[must_use]
    pub fn detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// Who is asked before a tool runs that no rule covers. Without one, the CLI denies such calls by itself.
    #[must_use]
    pub fn approver(mut self, approver: Arc<dyn Approver>) -> Self {
        self.approver = Some(approver);
        self
    }

    /// Hands on our `ANTHROPIC_*` and `CLAUDE_CODE_OAUTH_*` variables: key, token, base URL, models.
    #[must_use]
    pub fn inherit_anthropic(mut self) -> Self {
        self.inherit_anthropic = true;
        self
    }

    /// The key for this run, whatever our environment has.
    #[must_use]
    pub fn api_key(mut self, key: SecretString) -> Self {
        self.api_key = Some(key);
        self
    }

    /// Sets one variable of the child's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs the CLI, and with it every tool, as another user of this machine, which takes root. Program and working
    /// directory must be within that user's reach, and where it is to be logged in, the login is that user's too.
    #[must_use]
    pub fn user(mut self, user: ChildUser) -> Self {
        self.user = Some(user);
        self
    }

    /// Changes limits: `.limits(|l| l.line_bytes = 1 << 20)`.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`Invalid`](crate::Error::Invalid) names an argument that can't be passed on;
    /// [`BadDirectory`](crate::Error::BadDirectory), [`CliMissing`](crate::Error::CliMissing),
    /// [`CliUnusable`](crate::Error::CliUnusable) and [`UserRefused`](crate::Error::UserRefused) tell why it did not start. What goes wrong later comes out of
    /// the [`Process`].
    pub async fn spawn(self) -> Result<Process> {
        self.spawn_steered(TurnHandle::new()).await
    }

    /// As [`Command::spawn`], stopped by whoever has the handle.
    pub(super) async fn spawn_steered(self, handle: (TurnHandle, Stops)) -> Result<Process> {
        self.check()?;
        Process::start(self, handle).await
    }

    /// Adds to what is added to the system prompt already.
    pub(super) fn append_system_prompt_too(mut self, text: &str) -> Self {
        self.append_system_prompt = Some(match self.append_system_prompt.take() {
            Some(before) => format!("{before}\n\n{text}"),
            None => text.to_owned(),
        });
        self
    }

    /// No MCP server is started.
    pub(super) fn without_mcp(mut self) -> Self {
        self.mcp_configs.clear();
        self.strict_mcp_config()
    }

    /// The lower of two limits counts.
    pub(super) fn at_most_turns(mut self, turns: u32) -> Self {
        self.max_turns = Some(self.max_turns.map_or(turns, |known| known.min(turns)));
        self
    }

    /// The lower of two limits counts; what is no amount is kept, to be refused by name.
    pub(super) fn at_most_usd(mut self, dollars: f64) -> Self {
        self.max_budget_usd = match self.max_budget_usd {
            Some(known) if known <= dollars => Some(known),
            _ => Some(dollars),
        };
        self
    }

    /// Whether questions, interrupts and settings go over stdin and stdout. Blocks have no other way in.
    pub(crate) fn is_controlled(&self) -> bool {
        self.approver.is_some() || matches!(self.prompt, Content::Blocks(_))
    }

    pub(crate) fn resumed(&self) -> Option<&CliSessionId> {
        match &self.history {
            History::Resume(session) => Some(session),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}
