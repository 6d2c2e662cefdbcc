//! What a turn is asked.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli::{CliSessionId, PermissionMode};
use crate::messages::{Content, MessageParam};
use crate::text::Text;

/// One user message, the history before it, and who may do what. Plain data: it can be stored and started again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnRequest {
    /// The model; `None` is the backend's own choice.
    pub model: Option<Text>,
    /// The conversation before, oldest first. Claude Code keeps its own and takes none.
    #[serde(default)]
    pub history: Vec<MessageParam>,
    /// What the user says; `None` goes on where the history ended.
    pub message: Option<Content>,
    /// The system prompt; with Claude Code it is appended to its own.
    pub system: Option<Text>,
    /// The tools on offer.
    #[serde(default)]
    pub tools: ToolSet,
    /// Where the turn ends by itself.
    #[serde(default)]
    pub limits: TurnLimits,
    /// The Claude Code session to go on with.
    #[serde(default)]
    pub origin: Origin,
    /// The working directory of Claude Code.
    pub cwd: Option<PathBuf>,
    /// Who decides about tools in Claude Code.
    pub permission_mode: Option<PermissionMode>,
}

/// Which of the tools that a backend has are on offer.
#[non_exhaustive]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolSet {
    /// All.
    #[default]
    All,
    /// Those of these names.
    Only(Vec<Text>),
}

/// Which Claude Code session a turn goes on with.
#[non_exhaustive]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A new one.
    #[default]
    New,
    /// This one.
    Resume(CliSessionId),
    /// A copy of this one.
    Fork(CliSessionId),
}

/// Where a turn ends by itself, with `failed` and code `limit_reached`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct TurnLimits {
    /// Requests to the model. Beyond it no further one is made. 50.
    pub model_requests: u32,
    /// The most tokens of one answer of the model. 16,384.
    pub max_tokens: u32,
    /// Tokens of all answers together; `None`: no limit.
    pub output_tokens: Option<u64>,
    /// US dollars; where the price is unknown the turn does not begin. `None`: no limit.
    pub cost_usd: Option<f64>,
    /// Bytes of one tool's result that go to the model; what is beyond is cut, and said. 256 KiB.
    pub tool_output_bytes: usize,
    /// How long one tool may run; beyond it, it is ended and the model is told. 10 min.
    pub tool_time: Duration,
    /// How long the turn may take, waiting for approvals not counted; `None`: no limit.
    pub time: Option<Duration>,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            model_requests: 50,
            max_tokens: 16_384,
            output_tokens: None,
            cost_usd: None,
            tool_output_bytes: 256 << 10,
            tool_time: Duration::from_secs(600),
            time: None,
        }
    }
}

impl TurnRequest {
    /// Asks this model.
    #[must_use]
    pub fn new(model: impl Into<Text>, message: impl Into<Content>) -> Self {
        Self { model: Some(model.into()), message: Some(message.into()), ..Self::going_on(Vec::new()) }
    }

    /// Goes on where a history ended: with the tools that were called and have no result, else with the model.
    #[must_use]
    pub fn going_on(history: Vec<MessageParam>) -> Self {
        Self {
            model: None,
            history,
            message: None,
            system: None,
            tools: ToolSet::default(),
            limits: TurnLimits::default(),
            origin: Origin::default(),
            cwd: None,
            permission_mode: None,
        }
    }

    /// After this conversation.
    #[must_use]
    pub fn history(mut self, messages: Vec<MessageParam>) -> Self {
        self.history = messages;
        self
    }

    /// With this system prompt.
    #[must_use]
    pub fn system(mut self, prompt: impl Into<Text>) -> Self {
        self.system = Some(prompt.into());
        self
    }

    /// With these tools.
    #[must_use]
    pub fn tools(mut self, tools: ToolSet) -> Self {
        self.tools = tools;
        self
    }

    /// From this Claude Code session.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Claude Code works in this directory.
    #[must_use]
    pub fn cwd(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cwd = Some(directory.into());
        self
    }

    /// Who decides about tools in Claude Code.
    #[must_use]
    pub fn permission_mode(mut self, mode: PermissionMode) -> Self {
        self.permission_mode = Some(mode);
        self
    }

    /// With these limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut TurnLimits)) -> Self {
        change(&mut self.limits);
        self
    }
}
