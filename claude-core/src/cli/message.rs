//! The lines of `--output-format stream-json`, typed. Members that this version does not know stay in the
//! raw line beside them.

mod usual;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::line::Kind;
use crate::text::{Json, Text, read_slices};

/// One line. Texts in it are slices of the line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Message {
    /// A turn begins.
    Init(Init),
    /// Another `system` line.
    System(System),
    /// A content block of an answer.
    Assistant(Assistant),
    /// Results of tools.
    User(User),
    /// A Messages API event.
    StreamEvent(Box<StreamEvent>),
    /// A turn ended.
    Result(Box<RunResult>),
    /// The CLI asks whether a tool may run.
    CanUseTool(CanUseTool),
    /// What the CLI asked is void.
    ControlCancel(ControlCancel),
    /// The CLI answers a request.
    ControlResponse(ControlResponse),
    /// It was not asked for, so it was not parsed.
    Unparsed(Kind),
    /// JSON of a type or shape that this version does not know.
    Unknown(Kind),
    /// No JSON object.
    Garbage,
}

impl Message {
    /// Parses a line whose kind was told already. What has another shape than expected is [`Message::Unknown`].
    pub(crate) fn read(kind: Kind, line: &Bytes) -> Self {
        Self::try_read(kind, line).unwrap_or(Self::Unknown(kind))
    }

    fn try_read(kind: Kind, line: &Bytes) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Init => Self::Init(read_slices(line)?),
            Kind::System => Self::System(read_slices(line)?),
            Kind::Assistant => Self::Assistant(read_slices(line)?),
            Kind::User => Self::User(read_slices(line)?),
            Kind::StreamEvent => {
                let delta = usual::stream_event(line).map(Box::new);
                Self::StreamEvent(delta.map_or_else(|| read_slices(line), Ok)?)
            }
            Kind::Result => Self::Result(Box::new(read_slices(line)?)),
            Kind::ControlRequest => {
                let asked: ControlRequest = read_slices(line)?;
                let CanUseToolBody { tool_name, input, tool_use_id, permission_suggestions } = asked.request;
                let request_id = asked.request_id;
                Self::CanUseTool(CanUseTool {
                    request_id,
                    tool_name,
                    input,
                    tool_use_id,
                    permission_suggestions,
                })
            }
            Kind::ControlCancel => Self::ControlCancel(read_slices(line)?),
            Kind::ControlResponse => {
                let answered: ControlResponseLine = read_slices(line)?;
                Self::ControlResponse(answered.response)
            }
            Kind::Unknown => Self::Unknown(kind),
            Kind::Garbage => Self::Garbage,
        })
    }
}

/// `system/init`.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Init {
    /// The session.
    pub session_id: Text,
    /// The model that answers; old versions don't tell.
    pub model: Option<Text>,
    /// The working directory.
    pub cwd: Option<Text>,
    /// The tools on offer.
    #[serde(default)]
    pub tools: Vec<Text>,
    /// MCP servers, each `{name, status}`.
    pub mcp_servers: Option<Json>,
    /// The permission mode.
    #[serde(rename = "permissionMode")]
    pub permission_mode: Option<Text>,
    /// The CLI's version.
    pub claude_code_version: Option<Text>,
    /// Where the key comes from, such as `ANTHROPIC_API_KEY` or `none`.
    #[serde(rename = "apiKeySource")]
    pub api_key_source: Option<Text>,
}

/// Another `system` line, with the members of those that the driver understands.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct System {
    /// Which one.
    pub subtype: Text,
    /// A text for a person (`informational`, `model_refusal_fallback`).
    pub content: Option<Text>,
    /// A text for a person (`permission_denied`).
    pub message: Option<Text>,
    /// `api_retry`: counted from 1.
    pub attempt: Option<u32>,
    /// `api_retry`: milliseconds until then.
    pub retry_delay_ms: Option<f64>,
    /// `api_retry`: the API's status; none where there was no connection.
    pub error_status: Option<u16>,
    /// `api_retry`: `rate_limit`, `authentication_failed`, `server_error`, `overloaded`, `unknown`.
    pub error: Option<Text>,
    /// `background_tasks_changed`: what runs beside the conversation.
    pub tasks: Option<Vec<Task>>,
    /// `compact_boundary`: tokens before and after.
    pub compact_metadata: Option<CompactMetadata>,
}

/// Something that runs beside the conversation.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Task {
    /// `local_agent` for a subagent, another for a command.
    pub task_type: Option<Text>,
}

/// How much a compaction saved.
#[derive(Debug, Clone, Copy, Deserialize)]
#[non_exhaustive]
pub struct CompactMetadata {
    /// Tokens before.
    pub pre_tokens: Option<u64>,
    /// Tokens after.
    pub post_tokens: Option<u64>,
}

/// `assistant`: one content block of a message, whose id repeats for each of its blocks.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Assistant {
    /// The message with this block.
    pub message: ApiMessage,
    /// The tool call whose subagent speaks.
    pub parent_tool_use_id: Option<Text>,
    /// `authentication_failed` and the like: the text is an error's.
    pub error: Option<Text>,
    /// When it was written, RFC 3339.
    pub timestamp: Option<Text>,
}

/// A message as the API has it.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ApiMessage {
    /// The message's id.
    #[serde(default)]
    pub id: Text,
    /// The model; `<synthetic>` for texts of the CLI itself.
    pub model: Option<Text>,
    /// A list of content blocks, or a string.
    pub content: Json,
    /// What it used, as known at its start.
    pub usage: Option<Json>,
}

/// `user`: results of tools, or a text that the CLI adds.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The message.
    pub message: UserMessage,
    /// The tool call whose subagent it belongs to.
    pub parent_tool_use_id: Option<Text>,
    /// When it was written, RFC 3339.
    pub timestamp: Option<Text>,
    /// An echo of what was sent in.
    #[serde(default, rename = "isReplay", deserialize_with = "null_is_default")]
    pub is_replay: bool,
}

/// The inside of a `user` line.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct UserMessage {
    /// A list of content blocks, or a string.
    pub content: Json,
}

/// `stream_event`.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct StreamEvent {
    /// The Messages API event.
    pub event: ApiEvent,
    /// The tool call whose subagent speaks.
    pub parent_tool_use_id: Option<Text>,
}

/// The members of Messages API events that the translation needs.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ApiEvent {
    /// `message_start`, `content_block_delta`, …
    #[serde(rename = "type")]
    pub kind: Text,
    /// The content block.
    pub index: Option<u64>,
    /// `message_start`.
    pub message: Option<ApiMessage>,
    /// `content_block_start`.
    pub content_block: Option<Block>,
    /// `content_block_delta`, `message_delta`.
    pub delta: Option<Delta>,
    /// `message_delta`.
    pub usage: Option<Json>,
}

/// A content block.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Block {
    /// `text`, `thinking`, `tool_use`, `tool_result`, …
    #[serde(rename = "type")]
    pub kind: Text,
    /// `text`.
    pub text: Option<Text>,
    /// `thinking`.
    pub thinking: Option<Text>,
    /// `tool_use`: the call.
    pub id: Option<Text>,
    /// `tool_use`: the tool.
    pub name: Option<Text>,
    /// `tool_use`: its input.
    pub input: Option<Json>,
    /// `tool_result`: the call.
    pub tool_use_id: Option<Text>,
    /// `tool_result`: a string or content blocks.
    pub content: Option<Json>,
    /// `tool_result`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub is_error: bool,
}

impl Block {
    pub(crate) fn text(text: Text) -> Self {
        let (kind, text) = ("text".into(), Some(text));
        let (thinking, id, name, input) = (None, None, None, None);
        Self { kind, text, thinking, id, name, input, tool_use_id: None, content: None, is_error: false }
    }
}

/// What is added to a content block or a message.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Delta {
    /// `text_delta`, `thinking_delta`, `input_json_delta`, `signature_delta`; none in `message_delta`.
    #[serde(rename = "type")]
    pub kind: Option<Text>,
    /// `text_delta`.
    pub text: Option<Text>,
    /// `thinking_delta`.
    pub thinking: Option<Text>,
    /// `input_json_delta`.
    pub partial_json: Option<Text>,
}

/// `result`: a turn ended, well or not: [`RunResult::is_error`] tells, `subtype` does not. A member that is not
/// what it should be counts as missing: the end of a turn must not be missed for it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RunResult {
    /// `success`, `error_during_execution`, `error_max_turns`, `error_max_budget_usd`, …
    #[serde(deserialize_with = "lenient")]
    pub subtype: Text,
    /// Whether it failed.
    #[serde(deserialize_with = "lenient")]
    pub is_error: bool,
    /// The answer's last text, or an error's.
    #[serde(deserialize_with = "lenient")]
    pub result: Option<Text>,
    /// What failed, in place of `result`.
    #[serde(deserialize_with = "lenient")]
    pub errors: Vec<Text>,
    /// The session, to be resumed.
    #[serde(deserialize_with = "lenient")]
    pub session_id: Option<Text>,
    /// Why the model stopped.
    #[serde(deserialize_with = "lenient")]
    pub stop_reason: Option<Text>,
    /// `completed`, `api_error`, `aborted_streaming`, `aborted_tools`, `max_turns`, …
    #[serde(deserialize_with = "lenient")]
    pub terminal_reason: Option<Text>,
    /// HTTP status of the API's refusal.
    #[serde(deserialize_with = "lenient")]
    pub api_error_status: Option<u16>,
    /// Requests to the model.
    #[serde(deserialize_with = "lenient")]
    pub num_turns: Option<u64>,
    /// Milliseconds overall.
    #[serde(deserialize_with = "lenient")]
    pub duration_ms: Option<u64>,
    /// US dollars of the session so far, its earlier runs included.
    #[serde(deserialize_with = "lenient")]
    pub total_cost_usd: Option<f64>,
    /// The same in versions before 2.
    #[serde(deserialize_with = "lenient")]
    pub cost_usd: Option<f64>,
    /// Tokens of this turn, as the API has them.
    #[serde(deserialize_with = "lenient")]
    pub usage: Option<Json>,
    /// Tokens and cost by model.
    #[serde(rename = "modelUsage", deserialize_with = "lenient")]
    pub model_usage: Option<Json>,
    /// What was denied: a list of `{tool_name, tool_use_id, tool_input}`.
    #[serde(deserialize_with = "lenient")]
    pub permission_denials: Option<Json>,
    /// Turns that still wait.
    #[serde(deserialize_with = "lenient")]
    pub queued_turn_count: u64,
}

impl RunResult {
    /// The text of the answer or of the failure.
    #[must_use]
    pub fn text(&self) -> &str {
        self.result.as_deref().or_else(|| self.errors.first().map(|error| &**error)).unwrap_or_default()
    }

    /// US dollars of the session so far, whatever the version calls them.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        self.total_cost_usd.or(self.cost_usd)
    }

    /// Whether somebody stopped the turn.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.terminal_reason.as_deref().is_some_and(|reason| reason.starts_with("aborted"))
    }
}

/// `control_request`, `can_use_tool`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CanUseTool {
    /// To be repeated in the answer.
    pub request_id: Text,
    /// The tool.
    pub tool_name: Text,
    /// Its input.
    pub input: Json,
    /// The call.
    pub tool_use_id: Text,
    /// Rules that would answer the like: `addRules`, `setMode`, …
    pub permission_suggestions: Vec<Json>,
}

#[derive(Deserialize)]
struct ControlRequest {
    request_id: Text,
    request: CanUseToolBody,
}

#[derive(Deserialize)]
struct CanUseToolBody {
    tool_name: Text,
    input: Json,
    tool_use_id: Text,
    #[serde(default, deserialize_with = "null_is_default")]
    permission_suggestions: Vec<Json>,
}

/// `control_cancel_request`.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ControlCancel {
    /// The request that is void.
    pub request_id: Text,
}

#[derive(Deserialize)]
struct ControlResponseLine {
    response: ControlResponse,
}

/// `control_response`: the CLI's answer to a request of ours.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ControlResponse {
    /// `success` or `error`.
    pub subtype: Text,
    /// Which request.
    pub request_id: Option<Text>,
    /// What was wrong.
    pub error: Option<Text>,
    /// The answer.
    pub response: Option<Json>,
}

/// A member of another shape counts as one that is missing.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    Ok(Json::deserialize(from)?.read_slices().unwrap_or_default())
}

/// A member that is `null` counts as one that is missing.
fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::line::scan;

    fn read(line: &'static str) -> Message {
        let line = Bytes::from_static(line.as_bytes());
        Message::read(scan(&line, false).kind, &line)
    }

    #[test]
    fn texts_are_slices_of_the_line() {
        let line =
            Bytes::from_static(br#"{"type":"assistant","message":{"id":"m","content":[{"type":"text"}]}}"#);
        let Message::Assistant(it) = Message::read(Kind::Assistant, &line) else {
            panic!("no assistant line")
        };
        let at = it.message.content.as_str().as_ptr() as usize - line.as_ptr() as usize;
        assert_eq!(&line[at..at + 3], b"[{\"");
    }

    #[test]
    fn another_shape_is_unknown_and_not_an_error() {
        assert!(matches!(read(r#"{"type":"assistant","message":7}"#), Message::Unknown(Kind::Assistant)));
        assert!(matches!(
            read(r#"{"type":"control_request","request":{"subtype":"new"}}"#),
            Message::Unknown(Kind::ControlRequest)
        ));
        assert!(matches!(read("oops"), Message::Garbage));
    }

    #[test]
    fn the_old_shape_of_a_result_has_its_cost() {
        let Message::Result(it) =
            read(r#"{"type":"result","subtype":"success","cost_usd":0.5,"total_cost":0.5}"#)
        else {
            panic!("no result")
        };
        assert_eq!((it.cost(), it.is_error), (Some(0.5), false));
    }

    #[test]
    fn an_odd_member_does_not_hide_the_end_of_a_turn() {
        let line = r#"{"type":"result","subtype":"success","result":"hi \ud83d!","duration_ms":1.5,"usage":null,
            "api_error_status":"none","cost_usd":1,"total_cost_usd":2,"errors":"x","is_error":null,"session_id":"s"}"#;
        let Message::Result(it) = read(line) else { panic!("no result") };
        let told = (it.cost(), it.is_error, it.duration_ms, it.session_id.as_deref());
        assert_eq!(told, (Some(2.0), false, None, Some("s")));
        assert!(it.text().starts_with("hi "), "{}", it.text());
    }
}
