//! Somebody decides about tools: this program allows writes below /tmp, with a banner added, and denies all
//! others.
//!
//! ```sh
//! cargo run -p examples --example approve_tools                       # offline, with a stand-in
//! cargo run -p examples --example approve_tools -- "Write /tmp/a.txt" # with `claude` from PATH
//! ```

use std::sync::Arc;

use claude_core::approval::approver::Asked;
use claude_core::approval::channel;
use claude_core::cli::Command;
use claude_core::testing::{StandIn, stand_in};
use claude_core::{Json, TurnEvent};
use serde_json::{Map, Value, json};

fn main() -> anyhow::Result<()> {
    claude_core::init();
    stand_in::become_if_asked();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(approve())
}

async fn approve() -> anyhow::Result<()> {
    let (approver, mut questions) = channel();
    let decider = tokio::spawn(async move {
        while let Some(asked) = questions.recv().await {
            decide(asked);
        }
    });
    let mut process = command()?.approver(Arc::new(approver)).spawn().await?;
    while let Some(output) = process.next().await {
        for event in output?.events {
            match event {
                TurnEvent::ApprovalRequired { name, input, .. } => println!("may {name} run with {input}?"),
                TurnEvent::ApprovalResolved { decision, by, .. } => println!("{decision:?} by {by}"),
                TurnEvent::ToolResult { content, is_error, .. } => {
                    println!("result (error: {is_error}): {content}");
                }
                TurnEvent::TextDelta { text, .. } => println!("{text}"),
                _ => {}
            }
        }
    }
    drop(process);
    decider.await?;
    Ok(())
}

/// A file below /tmp may be written, with a first line of ours. The edited input is what runs.
fn decide(asked: Asked) {
    let mut input: Map<String, Value> = asked.question().input().read().unwrap_or_default();
    let path = input.get("file_path").and_then(Value::as_str).unwrap_or_default();
    if &**asked.question().name() != "Write" || !path.starts_with("/tmp/") || path.contains("..") {
        return asked.deny("only files below /tmp may be written");
    }
    let content = input.get("content").and_then(Value::as_str).unwrap_or_default();
    let content = format!("# written with approval\n{content}");
    input.insert("content".into(), content.into());
    asked.allow_edited(Json::from(Value::Object(input)));
}

fn command() -> anyhow::Result<Command> {
    if let Some(prompt) = std::env::args().nth(1) {
        return Ok(Command::new("claude").inherit_anthropic().prompt(prompt));
    }
    let write = json!({"file_path": "/tmp/report.txt", "content": "All backups are fine."});
    let (name, plan) = StandIn::new().asks("Write", write).to_env();
    Ok(Command::new(std::env::current_exe()?).env(name, plan).prompt("Write a report."))
}
