//! A Messages API on this machine, for trying the real Claude Code CLI without an account.
//!
//! The prompt chooses what the model does:
//!
//! ```text
//! $ cargo run --example loopback_messages_api -- 8080
//! $ echo "scenario:tool_bash command='date'" | claude -p
//! ```

use anyhow::Context;
use claude_core::testing::{LoopbackApi, Plan};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse().with_context(|| format!("`{port}` is no port"))?,
        None => 0,
    };
    let api = LoopbackApi::start_at(port, Plan::scenarios()).await.context("cannot listen")?;
    println!("export ANTHROPIC_BASE_URL={}", api.url());
    println!("export ANTHROPIC_API_KEY=loopback");
    // Serves until Ctrl-C ends the process.
    std::future::pending::<()>().await;
    Ok(())
}
