//! What may be asked for, and by whom.

use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use claude_core::cli::{CliSessionId, ModelName, PermissionMode, ToolRule};
use serde::Deserialize;
use server_kit::auth::{Identity, Role};
use server_kit::problem::Problem;

use super::config::ClaudeConfig;

/// Most bytes of a prompt: what the CLI takes on stdin.
const PROMPT_BYTES: usize = 10 << 20;

/// Most bytes of `appendSystemPrompt`: what one argument may have, less its flag's name.
const SYSTEM_PROMPT_BYTES: usize = 130_000;

/// Most rules of one list, and most bytes of them together.
const RULES: usize = 256;
const RULES_BYTES: usize = 64 << 10;

/// Most requests to the model that may be asked for.
const TURNS: u32 = 10_000;

/// What a user that is no admin may let the CLI use without a question: what only looks.
const READING: [&str; 3] = ["Read", "Glob", "Grep"];

/// Most characters of a session's title.
const TITLE: usize = 80;

/// A run of Claude Code to be started.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaudeRequest {
    /// What Claude is asked. `/commands` at its start and `@file` in it reach the CLI as they are.
    pub prompt: String,
    /// The session to go on with, as the CLI gave its id; a new one without it.
    #[serde(default)]
    pub session_id: Option<String>,
    /// Runs every tool without asking. Only for admins, and only where the server allows it.
    #[serde(default, rename = "dangerously-skip-permissions")]
    pub dangerously_skip_permissions: Option<bool>,
    /// Tools that run without a question: `Read`, `Bash(git log *)`.
    #[serde(default, rename = "allowedTools")]
    pub allowed_tools: Option<Vec<String>>,
    /// Tools that may not be used.
    #[serde(default, rename = "disallowedTools")]
    pub disallowed_tools: Option<Vec<String>>,
    /// The model, or the CLI's alias of one.
    #[serde(default)]
    pub model: Option<String>,
    /// `default`, `acceptEdits`, `auto`, `dontAsk`, `plan` or `bypassPermissions`.
    #[serde(default, rename = "permissionMode")]
    pub permission_mode: Option<String>,
    /// Requests to the model at most.
    #[serde(default, rename = "maxTurns")]
    pub max_turns: Option<u32>,
    /// Added to the CLI's own system prompt.
    #[serde(default, rename = "appendSystemPrompt")]
    pub append_system_prompt: Option<String>,
    /// The session stays as it is; what follows gets a new id.
    #[serde(default, rename = "forkSession")]
    pub fork_session: Option<bool>,
    /// Texts also piece by piece, as they are written.
    #[serde(default, rename = "includePartialMessages")]
    pub include_partial_messages: Option<bool>,
    /// Where a new session works: a directory below one of the server's `PROJECT_ROOTS`.
    #[serde(default)]
    pub cwd: Option<String>,
}

/// What the fields of a request are called, for who sent it.
#[derive(Debug)]
pub(crate) struct Fields {
    prompt: &'static str,
    allowed_tools: &'static str,
    permission_mode: &'static str,
}

impl Fields {
    /// As Claude Code calls them.
    pub(crate) const CLAUDE: Self =
        Self { prompt: "prompt", allowed_tools: "allowedTools", permission_mode: "permissionMode" };
    /// As a chat calls them.
    pub(crate) const CHAT: Self =
        Self { prompt: "message", allowed_tools: "tools", permission_mode: "permission_mode" };
}

/// Where a run comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A new session, in a new workspace or in this directory.
    New {
        directory: Option<PathBuf>,
    },
    Resume(CliSessionId),
    Fork(CliSessionId),
}

impl Origin {
    pub(super) fn session(&self) -> Option<&CliSessionId> {
        match self {
            Self::New { .. } => None,
            Self::Resume(id) | Self::Fork(id) => Some(id),
        }
    }
}

/// A request that was found good, for this user.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) prompt: String,
    pub(super) origin: Origin,
    pub(super) skip_permissions: bool,
    pub(super) allowed_tools: Vec<ToolRule>,
    pub(super) disallowed_tools: Vec<ToolRule>,
    pub(super) model: Option<ModelName>,
    pub(super) permission_mode: Option<PermissionMode>,
    pub(super) max_turns: Option<u32>,
    pub(super) append_system_prompt: Option<String>,
    pub(super) partial_messages: bool,
}

impl Task {
    pub(super) fn check(
        request: ClaudeRequest,
        who: &Identity,
        config: &ClaudeConfig,
        fields: &Fields,
    ) -> Result<Self, Problem> {
        let origin = origin(&request, config)?;
        let mut task = Self {
            prompt: prompt(fields.prompt, request.prompt)?,
            origin,
            skip_permissions: request.dangerously_skip_permissions.unwrap_or(false),
            allowed_tools: rules(fields.allowed_tools, request.allowed_tools)?,
            disallowed_tools: rules("disallowedTools", request.disallowed_tools)?,
            model: parsed("model", request.model.as_deref(), ModelName::parse)?,
            permission_mode: parsed(fields.permission_mode, request.permission_mode.as_deref(), str::parse)?,
            max_turns: max_turns(request.max_turns)?,
            append_system_prompt: system_prompt(request.append_system_prompt)?,
            partial_messages: request.include_partial_messages.unwrap_or(false),
        };
        task.is_allowed(who, config, fields)?;
        if who.role < Role::Admin {
            task.disallowed_tools.extend(config.hidden.iter().cloned());
        }
        Ok(task)
    }

    /// Rights come from the account and the server's settings alone, never from a text.
    fn is_allowed(&self, who: &Identity, config: &ClaudeConfig, fields: &Fields) -> Result<(), Problem> {
        let is_admin = who.role == Role::Admin;
        let skips = self.skips_permissions();
        if skips && !config.allow_skip_permissions {
            return Err(Problem::forbidden(
                "this server does not let permissions be skipped (ALLOW_SKIP_PERMISSIONS)",
            ));
        }
        if skips && !is_admin {
            return Err(Problem::forbidden("only admins may skip permissions"));
        }
        if is_admin {
            return Ok(());
        }
        if matches!(self.permission_mode, Some(PermissionMode::AcceptEdits | PermissionMode::Auto)) {
            return Err(forbidden_tool(
                fields.permission_mode,
                "only admins may let edits pass without a question",
            ));
        }
        let reads = |rule: &&ToolRule| READING.contains(&rule.as_str().split('(').next().unwrap_or_default());
        match self.allowed_tools.iter().find(|rule| !reads(rule)) {
            Some(rule) => {
                let message =
                    format!("only admins may allow {}; users may allow Read, Glob and Grep", rule.as_str());
                Err(forbidden_tool(fields.allowed_tools, message))
            }
            None => Ok(()),
        }
    }

    /// Whether every tool runs without a question, by whichever name.
    pub(super) fn skips_permissions(&self) -> bool {
        self.skip_permissions || self.permission_mode == Some(PermissionMode::BypassPermissions)
    }

    /// What a new session is called: the beginning of its prompt.
    pub(super) fn title(&self) -> String {
        let line = self.prompt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        line.chars().filter(|it| !it.is_control()).take(TITLE).collect()
    }
}

fn forbidden_tool(field: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden_tool", message).field(field)
}

/// A prompt that can be asked: some text, without NUL, not too long.
pub(crate) fn prompt(field: &'static str, text: String) -> Result<String, Problem> {
    match text {
        text if text.trim().is_empty() => Err(Problem::invalid(field, "is empty")),
        text if text.contains('\0') => Err(Problem::invalid(field, "holds a NUL")),
        text if text.len() > PROMPT_BYTES => Err(Problem::invalid(field, "is longer than 10 MiB")),
        text => Ok(text),
    }
}

fn system_prompt(text: Option<String>) -> Result<Option<String>, Problem> {
    let field = "appendSystemPrompt";
    match text {
        Some(text) if text.contains('\0') => Err(Problem::invalid(field, "holds a NUL")),
        Some(text) if text.len() > SYSTEM_PROMPT_BYTES => {
            Err(Problem::invalid(field, "is longer than 130000 bytes"))
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

fn max_turns(turns: Option<u32>) -> Result<Option<u32>, Problem> {
    match turns {
        Some(0) => Err(Problem::invalid("maxTurns", "is less than 1")),
        Some(turns) if turns > TURNS => Err(Problem::invalid("maxTurns", "is more than 10000")),
        turns => Ok(turns),
    }
}

fn rules(field: &'static str, list: Option<Vec<String>>) -> Result<Vec<ToolRule>, Problem> {
    let list = list.unwrap_or_default();
    if list.len() > RULES || list.iter().map(String::len).sum::<usize>() > RULES_BYTES {
        return Err(Problem::invalid(field, "has too many rules"));
    }
    list.iter().map(|rule| ToolRule::parse(rule).map_err(|error| wrong(field, &error))).collect()
}

pub(crate) fn parsed<T, E>(
    field: &'static str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem>
where
    E: std::error::Error,
{
    text.map(|text| parse(text).map_err(|error| wrong(field, &error))).transpose()
}

fn wrong(field: &'static str, error: &impl std::error::Error) -> Problem {
    Problem::invalid(field, error.to_string())
}

fn origin(request: &ClaudeRequest, config: &ClaudeConfig) -> Result<Origin, Problem> {
    let session = parsed("session_id", request.session_id.as_deref(), CliSessionId::parse)?;
    match (session, request.fork_session.unwrap_or(false), &request.cwd) {
        (Some(_), _, Some(_)) => Err(Problem::invalid("cwd", "a session goes on in its own directory")),
        (Some(id), true, None) => Ok(Origin::Fork(id)),
        (Some(id), false, None) => Ok(Origin::Resume(id)),
        (None, true, _) => Err(Problem::invalid("forkSession", "there is no session_id to fork")),
        (None, false, None) => Ok(Origin::New { directory: None }),
        (None, false, Some(cwd)) => Ok(Origin::New { directory: Some(directory(cwd, config)?) }),
    }
}

/// A directory below one of the roots, whatever links lead there.
fn directory(cwd: &str, config: &ClaudeConfig) -> Result<PathBuf, Problem> {
    let refuse = || Problem::invalid("cwd", "is no directory below the server's PROJECT_ROOTS");
    if !Path::new(cwd).is_absolute() || cwd.contains('\0') {
        return Err(refuse());
    }
    let real = std::fs::canonicalize(cwd).map_err(|_| refuse())?;
    let roots = config.project_roots.iter().filter_map(|root| std::fs::canonicalize(root).ok());
    let is_below = roots.into_iter().any(|root| real.starts_with(root));
    if is_below && real.is_dir() { Ok(real) } else { Err(refuse()) }
}
