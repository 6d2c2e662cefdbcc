//! One turn as JSON lines on stdout: each line is an event, the last one is the end.
//!
//! ```sh
//! export ANTHROPIC_API_KEY=…                                        # and ANTHROPIC_BASE_URL for another server
//! cargo run -p examples --example stream_a_turn -- "Why is the sky blue?"
//! git diff | cargo run -p examples --example stream_a_turn -- --backend claude-code --model opus
//! ```
//!
//! Exit code: 0 completed, 1 failed or stopped, 2 usage. Ctrl-C interrupts the turn, a second one ends it.

use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use claude_core::agent::AgentLoop;
use claude_core::cli::{self, Command};
use claude_core::messages::Client;
use claude_core::{Backend, Turn, TurnEvent, TurnHandle, TurnRequest};

/// The most bytes of a prompt that are read from stdin; what is beyond is not asked.
const PROMPT_BYTES: u64 = 10 << 20;

/// Asks one prompt and prints the events of the turn as JSON lines.
#[derive(Debug, Parser)]
#[command(name = "stream_a_turn")]
struct Arguments {
    /// What to ask; `-`, or nothing with a pipe as input: read it from there.
    prompt: Option<String>,

    /// Who answers.
    #[arg(long, value_enum, default_value_t)]
    backend: Answerer,

    /// Which model.
    #[arg(long, default_value = "claude-sonnet-5-5")]
    model: String,

    /// The Claude Code program: a path, or a name to look for in PATH.
    #[arg(long, value_name = "PATH", env = "CLAUDE_CODE_PATH", default_value = "claude")]
    claude: PathBuf,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Answerer {
    /// The Messages API.
    #[default]
    Api,
    /// Claude Code.
    ClaudeCode,
}

fn main() -> anyhow::Result<ExitCode> {
    // Before any thread: what will own the children is forked here.
    claude_core::init();
    let arguments = Arguments::parse();
    let Some(prompt) = prompt(arguments.prompt.clone())? else {
        let message = "there is no prompt: give it as an argument, or as UTF-8 by a pipe";
        Arguments::command().error(ErrorKind::MissingRequiredArgument, message).exit();
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(arguments, prompt))
}

async fn run(arguments: Arguments, prompt: String) -> anyhow::Result<ExitCode> {
    // From here on it makes no difference who answers.
    let backend: Arc<dyn Backend> = match arguments.backend {
        Answerer::Api => Arc::new(AgentLoop::new(Client::builder().build())),
        Answerer::ClaudeCode => {
            Arc::new(cli::Backend::new(Command::new(arguments.claude).inherit_anthropic()))
        }
    };
    let turn = backend.start(TurnRequest::new(arguments.model, prompt));
    tokio::spawn(stop_on_ctrl_c(turn.handle()));
    match print(turn).await {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        // A reader that left knows it; the turn was dropped and with it what it started.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
        Err(error) => Err(error.into()),
    }
}

/// Prints each event at once, and says whether the turn completed.
async fn print(mut turn: Turn) -> io::Result<bool> {
    let mut completed = false;
    while let Some(event) = turn.next().await {
        let mut line = serde_json::to_vec(&event)?;
        line.push(b'\n');
        let mut stdout = io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.flush()?;
        completed = matches!(event, TurnEvent::Completed { .. });
    }
    Ok(completed)
}

async fn stop_on_ctrl_c(handle: TurnHandle) {
    if tokio::signal::ctrl_c().await.is_ok() {
        handle.interrupt();
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        handle.cancel("user");
    }
}

/// From the command line, else from stdin; `None` where there is none.
fn prompt(argument: Option<String>) -> anyhow::Result<Option<String>> {
    let prompt = match argument {
        Some(prompt) if prompt != "-" => prompt,
        None if io::stdin().is_terminal() => return Ok(None),
        _ => {
            let mut bytes = Vec::new();
            io::stdin().take(PROMPT_BYTES).read_to_end(&mut bytes)?;
            String::from_utf8(bytes).unwrap_or_default()
        }
    };
    Ok(Some(prompt).filter(|it| !it.trim().is_empty()))
}
