//! One tool of a server.

use std::sync::Arc;

use async_trait::async_trait;
use rmcp::model::{CallToolRequestParams, CallToolResponse, JsonObject, Tool as Described};

use super::connection::{Line, failed};
use super::server::McpServer;
use super::{content, exact};
use crate::agent::{Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use crate::error::Result;
use crate::text::{Json, Text};
use crate::turn::Effect;

pub(super) struct McpTool {
    /// As the server calls it.
    name: String,
    spec: ToolSpec,
    effect: Effect,
    server: Arc<McpServer>,
    line: Line,
}

impl McpTool {
    pub(super) fn new(tool: Described, server: &Arc<McpServer>, line: &Line) -> Result<Self> {
        let hint = tool.annotations.as_ref().and_then(|annotations| annotations.read_only_hint);
        let schema = Json::of(&*tool.input_schema)
            .map_err(|error| failed(server, format!("the schema of `{}`: {error}", tool.name)))?;
        let spec = ToolSpec {
            name: server.tool_name(&tool.name).into(),
            description: tool.description.as_deref().map_or_else(Text::default, Text::from),
            input_schema: schema,
        };
        Ok(Self {
            effect: server.effect(&tool.name, hint == Some(true)),
            name: tool.name.into_owned(),
            spec,
            server: Arc::clone(server),
            line: line.clone(),
        })
    }

    async fn ask(&self, input: JsonObject) -> Result<ToolOutput, ToolError> {
        let session = self.line.session().await.map_err(|error| ToolError::new(error.to_string()))?;
        let call = CallToolRequestParams::new(self.name.clone()).with_arguments(input);
        match session.peer.call_tool_once(call).await {
            Ok(CallToolResponse::Complete(result)) => Ok(content::output(result)),
            Ok(_) => {
                Err(ToolError::new("the server wants to ask somebody, which is not possible here".to_owned()))
            }
            Err(error) => Err(ToolError::new(session.words(&self.server.target, error).await)),
        }
    }
}

#[async_trait]
impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn effect(&self) -> Effect {
        self.effect
    }

    async fn call(&self, input: Json, cx: ToolContext) -> Result<ToolOutput, ToolError> {
        exact::check(&input)?;
        let input = input.read().map_err(|_| ToolError::new("the input is no JSON object".to_owned()))?;
        let limit = self.server.limits.call;
        // A call that is dropped is cancelled at the server.
        tokio::select! {
            answer = tokio::time::timeout(limit, self.ask(input)) => {
                answer.map_err(|_| ToolError::new(format!("the server did not answer within {limit:?}")))?
            }
            () = cx.cancelled.cancelled() => Err(ToolError::new("the call was cancelled".to_owned())),
        }
    }
}
