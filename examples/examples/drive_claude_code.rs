//! One run of Claude Code through the library: the answer as it comes, its tools, its cost.
//!
//! ```sh
//! cargo run -p examples --example drive_claude_code                      # offline, with a stand-in
//! cargo run -p examples --example drive_claude_code -- "Why is it slow?" # with `claude` from PATH
//! ```

use claude_core::TurnEvent;
use claude_core::cli::Command;
use claude_core::testing::{StandIn, stand_in};

fn main() -> anyhow::Result<()> {
    // Before any thread: what will own the children is forked here.
    claude_core::init();
    // Only for running offline: this program is started again in place of the CLI.
    stand_in::become_if_asked();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(drive())
}

async fn drive() -> anyhow::Result<()> {
    let command = match std::env::args().nth(1) {
        Some(prompt) => Command::new("claude").inherit_anthropic().prompt(prompt),
        None => {
            let (name, plan) =
                StandIn::new().text("The disk is full: /var/log holds 40 GB of yesterday.").to_env();
            Command::new(std::env::current_exe()?).env(name, plan).prompt("Why did the backup fail?")
        }
    };
    let mut process = command.partial_messages().spawn().await?;
    while let Some(output) = process.next().await {
        for event in output?.events {
            show(&event);
        }
    }
    if let Some(outcome) = process.outcome() {
        let cost = outcome.result.as_ref().and_then(|result| result.total_cost_usd);
        println!("[cost {cost:?} dollars, {}, {:?} of CPU time]", outcome.exit, outcome.exit.user);
    }
    Ok(())
}

fn show(event: &TurnEvent) {
    match event {
        TurnEvent::Started { model, .. } => println!("[{model} answers]"),
        TurnEvent::TextDelta { text, .. } => print!("{text}"),
        TurnEvent::Message { .. } => println!(),
        TurnEvent::ToolCall { name, input: Some(input), .. } => println!("[calls {name} with {input}]"),
        TurnEvent::Failed(failed) => println!("[failed: {}]", failed.message),
        _ => {}
    }
}
