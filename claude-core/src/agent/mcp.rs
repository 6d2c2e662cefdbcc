//! MCP servers as sources of tools.
//!
//! ```no_run
//! use claude_core::agent::mcp::McpServer;
//! use claude_core::agent::ToolRegistry;
//!
//! # async fn example() -> claude_core::Result<()> {
//! let files = McpServer::stdio("mcp-server-files", ["/srv/docs"]).prefix("files").read_only(["read_file"]);
//! let tools = files.connect().await?.tools();
//! # drop(tools);
//! # Ok(())
//! # }
//! ```
//!
//! A server over pipes belongs to this process with all that descends from it, and gets an allow-list of the
//! environment: [`init`](crate::init) comes first in `main`, as for Claude Code. Each tool holds the connection;
//! it ends with the last of them. A server that died costs the calls that were on their way, and is started again
//! by the next one.
//!
//! What a server says of its tools is its own word: every tool counts as one that writes, and is asked about,
//! unless [`McpServer::read_only`] or [`McpServer::trust_annotations`] says otherwise. Questions of a server to
//! the model or to a person are refused.

mod child;
mod connection;
mod content;
mod exact;
mod http;
mod server;
mod tool;

use std::fmt;
use std::sync::Arc;

pub use server::{Limits, McpServer};

use self::connection::Line;
use self::tool::McpTool;
use super::{Tool, registry};
use crate::error::Result;
use crate::text::Text;

/// The tools of a server, and the connection to it. Cheap to clone.
#[derive(Clone)]
pub struct McpTools {
    server: Arc<McpServer>,
    line: Line,
    tools: Vec<Arc<McpTool>>,
    left_out: Vec<Box<str>>,
}

impl McpServer {
    /// Starts or reaches the server, and asks for its tools. Tools that it adds later come with the next connection;
    /// one that the API would refuse is [left out](McpTools::left_out) and costs the others nothing.
    ///
    /// # Errors
    /// [`Error::Mcp`](crate::Error::Mcp): it can't be started or reached, took too long, or speaks something else.
    pub async fn connect(self) -> Result<McpTools> {
        let server = Arc::new(self);
        let (line, tools) = Line::open(Arc::clone(&server)).await?;
        let (mut taken, mut left_out) = (Vec::<Arc<McpTool>>::new(), Vec::new());
        for tool in tools {
            let tool = McpTool::new(tool, &server, &line)?;
            match may_be_offered(&tool, &taken) {
                Ok(()) => taken.push(Arc::new(tool)),
                Err(reason) => left_out.push(reason.into()),
            }
        }
        Ok(McpTools { server, line, tools: taken, left_out })
    }
}

fn may_be_offered(tool: &McpTool, others: &[Arc<McpTool>]) -> Result<(), String> {
    let spec = tool.spec();
    registry::check(spec)?;
    let is_twice = others.iter().any(|other| other.spec().name == spec.name);
    if is_twice { Err(format!("there are two tools named `{}`", spec.name)) } else { Ok(()) }
}

impl McpTools {
    /// The tools, for a [`ToolRegistry`](super::ToolRegistry).
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.iter().map(|tool| Arc::clone(tool) as Arc<dyn Tool>).collect()
    }

    /// Why tools of the server are not among them, one sentence for each.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        self.left_out.iter().map(|reason| &**reason)
    }

    /// What the server wants the model to know about it; its own words.
    #[must_use]
    pub fn instructions(&self) -> Option<Text> {
        self.line.instructions()
    }
}

impl fmt::Debug for McpTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.tools.iter().map(|tool| &tool.spec().name).collect();
        f.debug_struct("McpTools")
            .field("server", &self.server.name())
            .field("tools", &names)
            .finish_non_exhaustive()
    }
}
