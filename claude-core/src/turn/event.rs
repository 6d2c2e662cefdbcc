//! What a turn says while it goes on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::approval::{ApprovalId, Preview};
use crate::error::Error;
use crate::text::{Json, Text};

/// What a tool does to the world. A tool that nobody knows counts as [`Effect::Write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It only looks.
    ReadOnly,
    /// It changes something, or may.
    Write,
}

/// One event of a turn. On the wire it is a JSON object whose `type` is the variant's name in snake case.
///
/// Texts come in order. Exactly one of [`Completed`](Self::Completed), [`Failed`](Self::Failed) and
/// [`Cancelled`](Self::Cancelled) comes, as the last event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TurnEvent {
    /// The turn began.
    Started {
        /// This turn.
        turn_id: Text,
        /// Who answers: `claude-code` or `api`.
        backend: Text,
        /// The model as the backend names it.
        model: Text,
        /// The Claude Code session, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_id: Option<Text>,
    },
    /// More of the answer's text.
    TextDelta {
        /// The piece, to be appended.
        text: Text,
        /// The tool call whose subagent speaks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_call_id: Option<Text>,
    },
    /// More of the model's thinking.
    ThinkingDelta {
        /// The piece, to be appended.
        text: Text,
        /// The tool call whose subagent thinks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_call_id: Option<Text>,
    },
    /// The model calls a tool. Without `input`, it follows by `tool_input_delta` and `tool_input`.
    ToolCall {
        /// The call.
        tool_call_id: Text,
        /// The tool's name.
        name: Text,
        /// The complete input, where it is known already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Json>,
        /// What the tool does to the world.
        effect: Effect,
        /// The tool call whose subagent calls.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_call_id: Option<Text>,
    },
    /// More of a tool's input; it is JSON only once complete.
    ToolInputDelta {
        /// The call.
        tool_call_id: Text,
        /// The piece, to be appended.
        partial_json: Text,
    },
    /// The complete input of a call, before it runs.
    ToolInput {
        /// The call.
        tool_call_id: Text,
        /// The input.
        input: Json,
    },
    /// Somebody has to decide before the tool runs.
    ApprovalRequired {
        /// The question, for the answer.
        approval_id: ApprovalId,
        /// The call.
        tool_call_id: Text,
        /// The tool's name.
        name: Text,
        /// The exact input asked about.
        input: Json,
        /// What it would do, for a person.
        preview: Preview,
        /// When the question is answered with no; `None`: never.
        expires_at: Option<Timestamp>,
    },
    /// A question was decided.
    ApprovalResolved {
        /// The question.
        approval_id: ApprovalId,
        /// How.
        decision: Decision,
        /// Who decided: a user's name, or `policy`.
        by: Text,
    },
    /// A running tool's output.
    ToolOutput {
        /// The call.
        tool_call_id: Text,
        /// The piece, to be appended.
        chunk: Text,
    },
    /// A tool ended.
    ToolResult {
        /// The call.
        tool_call_id: Text,
        /// What the model gets: a string or content blocks, as the API has them.
        content: Json,
        /// Whether the tool failed or was denied.
        is_error: bool,
        /// How long it took in milliseconds, where it is known.
        duration_ms: Option<u64>,
    },
    /// A finished message.
    Message {
        /// `assistant` or `user` (results of tools).
        role: Text,
        /// The content blocks as the API has them.
        content: Json,
        /// The model that wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Text>,
        /// What this message used, as the API reports it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Json>,
    },
    /// What the turn has used so far.
    Usage(Usage),
    /// A request to the model failed and is repeated.
    Retrying {
        /// Counted from 1.
        attempt: u32,
        /// Milliseconds until then.
        delay_ms: u64,
        /// Why, as the backend names it.
        reason: Text,
    },
    /// Something a person should know.
    Notice {
        /// The notice.
        text: Text,
    },
    /// The history was shortened.
    Compacted {
        /// Tokens before.
        from: Option<u64>,
        /// Tokens after.
        to: Option<u64>,
    },
    /// Something that this version does not know, as it came.
    Unknown {
        /// The JSON.
        raw: Json,
    },
    /// The end: the answer is complete.
    Completed {
        /// Why the model stopped, as the API names it.
        stop_reason: Option<Text>,
    },
    /// The end: the turn failed.
    Failed(Failed),
    /// The end: somebody stopped the turn.
    Cancelled {
        /// Who or what: `user`, `no_reader`, `shutdown`.
        by: Text,
    },
}

impl TurnEvent {
    /// The `type` on the wire, which is the name of the server-sent event too.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::TextDelta { .. } => "text_delta",
            Self::ThinkingDelta { .. } => "thinking_delta",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolInputDelta { .. } => "tool_input_delta",
            Self::ToolInput { .. } => "tool_input",
            Self::ApprovalRequired { .. } => "approval_required",
            Self::ApprovalResolved { .. } => "approval_resolved",
            Self::ToolOutput { .. } => "tool_output",
            Self::ToolResult { .. } => "tool_result",
            Self::Message { .. } => "message",
            Self::Usage(_) => "usage",
            Self::Retrying { .. } => "retrying",
            Self::Notice { .. } => "notice",
            Self::Compacted { .. } => "compacted",
            Self::Unknown { .. } => "unknown",
            Self::Completed { .. } => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Failed(_) | Self::Cancelled { .. })
    }
}

/// Tokens and cost of a turn up to now; each event replaces the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens that were neither read from the cache nor written to it.
    pub input_tokens: u64,
    /// Tokens the model wrote.
    pub output_tokens: u64,
    /// Prompt tokens read from the cache.
    pub cache_read_tokens: u64,
    /// Prompt tokens written to the cache.
    pub cache_write_tokens: u64,
    /// US dollars; `None` means unknown, never free. From Claude Code it is the session's, earlier runs included.
    pub cost_usd: Option<f64>,
}

/// Why a turn failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failed {
    /// A stable code in snake case.
    pub code: Text,
    /// One sentence for a person.
    pub message: Text,
    /// Whether the same turn may succeed later.
    pub retryable: bool,
    /// The least wait in milliseconds, where one was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Failed {
    /// With this code, for good.
    pub fn new(code: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: false, retry_after_ms: None }
    }

    /// The same, but it may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Whether the same turn may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// The least wait, where one was told.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(Duration::from_millis)
    }
}

impl From<&Error> for Failed {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().into(),
            message: error.to_string().into(),
            retryable: error.is_retryable(),
            retry_after_ms: error
                .retry_after()
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// How a question was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// Yes, this once.
    Allow,
    /// Yes, and the same kind of call for the rest of the session.
    AllowSession,
    /// No.
    Deny,
    /// Nobody answered in time, which means no.
    Expired,
    /// The question became void: its turn ended.
    Withdrawn,
}

/// The events that one piece of input gave: none, one, or a few.
pub type Events = smallvec::SmallVec<[TurnEvent; 1]>;

/// A reference-counted name for constants such as backends.
pub(crate) fn constant(name: &'static str) -> Text {
    Text::try_from(bytes::Bytes::from_static(name.as_bytes())).unwrap_or_default()
}
