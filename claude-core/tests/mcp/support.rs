//! What the tests share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use claude_core::Json;
use claude_core::agent::mcp::{McpServer, McpTools};
use claude_core::agent::{Tool, ToolContext, ToolError, ToolOutput};
use serde_json::Value;

use super::server::ROLE;

/// No test takes this long, unless something hangs.
const HANGS: Duration = Duration::from_secs(60);

pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(HANGS, test()).await.expect("it hangs") });
}

/// This program as a server that behaves like this.
pub(crate) fn server(role: &str) -> McpServer {
    McpServer::stdio(std::env::current_exe().unwrap(), [""; 0]).env(ROLE, role)
}

pub(crate) fn tool(tools: &McpTools, name: &str) -> Arc<dyn Tool> {
    tools.tools().into_iter().find(|tool| tool.spec().name == name).unwrap()
}

pub(crate) async fn call(tools: &McpTools, name: &str, input: Value) -> Result<ToolOutput, ToolError> {
    tool(tools, name).call(Json::from(input), ToolContext::alone()).await
}

pub(crate) fn content(output: &ToolOutput) -> Value {
    output.content.read().unwrap()
}
