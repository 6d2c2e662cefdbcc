//! The agent loop with two tools: one looks, one writes and is asked about on the terminal.
//!
//! ```sh
//! cargo run -p examples --example agent_with_tools            # offline, asks you
//! cargo run -p examples --example agent_with_tools -- --yes   # offline, allows all
//! ```

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use claude_core::agent::{AgentLoop, Tool, ToolContext, ToolError, ToolOutput, ToolRegistry, ToolSpec};
use claude_core::approval::approver::Asked;
use claude_core::approval::{Preview, channel};
use claude_core::messages::{Client, KeySource};
use claude_core::testing::{LoopbackApi, Reply};
use claude_core::{Backend, Effect, Json, TurnEvent, TurnRequest};
use serde_json::json;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let directory = std::env::temp_dir().join(format!("agent_with_tools.{}", std::process::id()));
    std::fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    std::fs::write(directory.join("backup.log"), "03:00 full: no space left on device\n")?;
    let api = LoopbackApi::start([
        Reply::tool_use("read_log", json!({"name": "backup.log"})).preface("I look at the log. "),
        Reply::tool_use("write_note", json!({"text": "Backups fail: the disk is full."})),
        Reply::text("The disk is full. I have left a note."),
    ])
    .await?;
    let client =
        Client::builder().base_url(api.url()).key(KeySource::Fixed("loopback".to_owned().into())).build();
    let (approver, mut questions) = channel();
    let decider = tokio::spawn(async move {
        while let Some(asked) = questions.recv().await {
            decide(asked).await;
        }
    });
    let tools = ToolRegistry::new().with(ReadLog::new(&directory)).with(WriteNote::new(&directory));
    let agent = AgentLoop::new(client).tools(tools).approver(Arc::new(approver));
    let mut turn = agent.start(TurnRequest::new("claude-sonnet-5-5", "Why did the backup fail?"));
    while let Some(event) = turn.next().await {
        show(&event);
    }
    drop((turn, agent));
    decider.await?;
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

fn show(event: &TurnEvent) {
    match event {
        TurnEvent::TextDelta { text, .. } => {
            print!("{text}");
            let _ = std::io::stdout().flush();
        }
        TurnEvent::ToolInput { input, tool_call_id } => print!("\n  {tool_call_id} {input}"),
        TurnEvent::ToolCall { name, effect, .. } => print!("\n[{name}, {effect:?}]"),
        TurnEvent::ApprovalRequired { name, preview, .. } => println!("  {name} would do: {preview:?}"),
        TurnEvent::ApprovalResolved { decision, by, .. } => println!("  {decision:?} by {by}"),
        TurnEvent::ToolResult { content, is_error, .. } => {
            println!("  result (error: {is_error}): {content}");
        }
        TurnEvent::Usage(used) => {
            println!("\n  {} + {} tokens so far", used.input_tokens, used.output_tokens);
        }
        TurnEvent::Completed { stop_reason } => println!("done: {}", stop_reason.as_deref().unwrap_or("-")),
        TurnEvent::Failed(failed) => println!("failed: {}", failed.message),
        _ => {}
    }
}

async fn decide(asked: Asked) {
    if std::env::args().any(|argument| argument == "--yes") {
        return asked.allow();
    }
    print!("  allow? [y/N] ");
    let _ = std::io::stdout().flush();
    // Reading the terminal blocks, which must not hold up the turn.
    let answer = tokio::task::spawn_blocking(|| std::io::stdin().lines().next()).await;
    match answer {
        Ok(Some(Ok(line))) if line.trim() == "y" => asked.allow(),
        _ => asked.deny("the user said no"),
    }
}

/// Looks: it runs without a question.
struct ReadLog {
    spec: ToolSpec,
    directory: PathBuf,
}

impl ReadLog {
    fn new(directory: &Path) -> Self {
        let name = json!({"type": "string", "description": "The file's name."});
        let schema = json!({"type": "object", "properties": {"name": name}, "required": ["name"]});
        let spec = ToolSpec::new("read_log", "Reads a log file.", schema);
        Self { spec, directory: directory.to_owned() }
    }
}

#[async_trait]
impl Tool for ReadLog {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn effect(&self) -> Effect {
        Effect::ReadOnly
    }

    async fn call(&self, input: Json, _cx: ToolContext) -> Result<ToolOutput, ToolError> {
        let name = member(&input, "name")?;
        if Path::new(&name).file_name().is_none_or(|bare| bare != &*name) {
            return Err(ToolError::new("a file's name has no directories"));
        }
        tokio::fs::read_to_string(self.directory.join(name))
            .await
            .map(ToolOutput::text)
            .map_err(ToolError::new)
    }
}

/// Writes: somebody sees what would change and decides.
struct WriteNote {
    spec: ToolSpec,
    path: PathBuf,
}

impl WriteNote {
    fn new(directory: &Path) -> Self {
        let schema =
            json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
        Self { spec: ToolSpec::new("write_note", "Leaves a note.", schema), path: directory.join("note.txt") }
    }
}

#[async_trait]
impl Tool for WriteNote {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn effect(&self) -> Effect {
        Effect::Write
    }

    async fn preview(&self, input: &Json) -> Result<Preview, ToolError> {
        let (path, after) = (self.path.display().to_string().into(), member(input, "text")?.into());
        Ok(Preview::Diff { path, before: None, after, is_hidden: false, others: None })
    }

    async fn call(&self, input: Json, cx: ToolContext) -> Result<ToolOutput, ToolError> {
        cx.output("writing …\n").await;
        tokio::fs::write(&self.path, member(&input, "text")?).await.map_err(ToolError::new)?;
        Ok(ToolOutput::text(format!("written: {}", self.path.display())))
    }
}

fn member(input: &Json, name: &str) -> Result<String, ToolError> {
    let mut members: std::collections::HashMap<String, serde_json::Value> =
        input.read().map_err(ToolError::new)?;
    match members.remove(name) {
        Some(serde_json::Value::String(text)) => Ok(text),
        _ => Err(ToolError::new(format!("`{name}` must be a string"))),
    }
}
