//! What may be asked in a chat, and of whom.

use claude_core::cli::ModelName;
use claude_core::messages::{Content, ContentBlock};
use claude_core::{Json, Text, TurnRequest};
use serde::{Deserialize, Serialize};
use server_kit::auth::{Access, Identity, Scope};
use server_kit::problem::Problem;

use super::service::ChatConfig;
use crate::claude::{ClaudeRequest, parsed, prompt};

/// Most attachments of one message.
const ATTACHMENTS: usize = 20;

/// Who answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackendName {
    /// The Messages API.
    #[default]
    Api,
    /// Claude Code on this server.
    ClaudeCode,
}

/// A message to Claude.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatRequest {
    /// What Claude is told.
    pub message: String,
    /// Not there yet.
    #[serde(default)]
    pub conversation_id: Option<serde_json::Value>,
    /// Content blocks as the Messages API has them, of type `image` or `document`. Only with backend `api`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub attachments: Option<Vec<Json>>,
    /// Who answers; the Messages API unless given.
    #[serde(default)]
    pub backend: Option<BackendName>,
    /// The model; the server's or Claude Code's own choice unless given.
    #[serde(default)]
    pub model: Option<String>,
    /// With backend `api` the tools on offer, all unless given; with `claude-code` the tools that run without a question.
    #[serde(default)]
    pub tools: Option<Vec<String>>,
    /// The Claude Code session to go on with. Only with backend `claude-code`, as all that follow.
    #[serde(default)]
    pub session_id: Option<String>,
    /// Where a new session works: a directory below one of the server's `PROJECT_ROOTS`.
    #[serde(default)]
    pub cwd: Option<String>,
    /// `default`, `acceptEdits`, `auto`, `dontAsk`, `plan` or `bypassPermissions`.
    #[serde(default)]
    pub permission_mode: Option<String>,
}

/// A request that was found good, as far as it can be told here.
#[derive(Debug)]
pub(super) enum Asked {
    /// Of the Messages API.
    Api(Box<TurnRequest>),
    /// Of Claude Code, which checks the rest.
    ClaudeCode(Box<ClaudeRequest>),
}

impl ChatRequest {
    pub(super) fn check(self, who: &Identity, config: &ChatConfig) -> Result<Asked, Problem> {
        if self.conversation_id.is_some() {
            return Err(Problem::invalid("conversation_id", "there are no conversations here yet"));
        }
        match self.backend.unwrap_or_default() {
            BackendName::Api => self.api(config),
            BackendName::ClaudeCode => self.claude_code(who),
        }
    }

    fn api(self, config: &ChatConfig) -> Result<Asked, Problem> {
        for (field, is_there) in [
            ("session_id", self.session_id.is_some()),
            ("cwd", self.cwd.is_some()),
            ("permission_mode", self.permission_mode.is_some()),
        ] {
            if is_there {
                return Err(Problem::invalid(field, "is for the backend claude-code only"));
            }
        }
        // This server has no tools of its own yet.
        if let Some(tool) = self.tools.iter().flatten().next() {
            let shown: String = tool.chars().take(64).collect();
            return Err(Problem::invalid("tools", format!("there is no tool {shown:?}")));
        }
        let message = Text::from(prompt("message", self.message)?);
        let model = parsed("model", self.model.as_deref(), ModelName::parse)?;
        let model = model.as_ref().map_or(config.model.as_str(), ModelName::as_str);
        let blocks = attachments(self.attachments.unwrap_or_default())?;
        let content = match blocks.is_empty() {
            true => Content::Text(message),
            false => Content::Blocks(blocks.into_iter().chain([ContentBlock::text(message)]).collect()),
        };
        Ok(Asked::Api(Box::new(TurnRequest::new(model, content))))
    }

    fn claude_code(self, who: &Identity) -> Result<Asked, Problem> {
        if !who.may(Access::user(Scope::Claude)) {
            return Err(Problem::forbidden("this key may not use Claude Code; that takes the scope claude"));
        }
        if self.attachments.is_some_and(|attachments| !attachments.is_empty()) {
            return Err(Problem::invalid("attachments", "Claude Code takes none; put files where it works"));
        }
        Ok(Asked::ClaudeCode(Box::new(ClaudeRequest {
            prompt: self.message,
            session_id: self.session_id,
            allowed_tools: self.tools,
            model: self.model,
            permission_mode: self.permission_mode,
            cwd: self.cwd,
            include_partial_messages: Some(true),
            ..ClaudeRequest::default()
        })))
    }
}

/// What every attachment has.
#[derive(Deserialize)]
struct Attachment {
    #[serde(rename = "type")]
    kind: Text,
    #[expect(dead_code, reason = "it has to be there; what it holds is the API's to judge")]
    source: Source,
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    #[expect(dead_code, reason = "it has to be there")]
    kind: Text,
}

/// The blocks of attachments. Blocks of other types would put words into the mouth of tools or of the model.
fn attachments(list: Vec<Json>) -> Result<Vec<ContentBlock>, Problem> {
    if list.len() > ATTACHMENTS {
        return Err(Problem::invalid("attachments", "are more than 20"));
    }
    list.iter().enumerate().map(|(at, json)| attachment(json).ok_or_else(|| no_attachment(at))).collect()
}

fn attachment(json: &Json) -> Option<ContentBlock> {
    let known: Attachment = json.read().ok()?;
    let block = json.read().ok()?;
    matches!(&*known.kind, "image" | "document").then_some(block)
}

fn no_attachment(at: usize) -> Problem {
    Problem::invalid(format!("attachments[{at}]"), "is no image or document block with a source")
}
