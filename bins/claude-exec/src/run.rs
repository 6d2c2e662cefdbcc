//! `claude-exec run`.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;
use std::time::Instant;

use claude_core::approval::{Approver, DenyWrites};
use claude_core::cli::{Command, Detail, Output, PermissionMode, Process, ToolRule};
use claude_core::error::Phase;
use claude_core::{Error, Result};
use tokio::time::timeout;

use crate::api;
use crate::arguments::{Approve, Backend, Run};
use crate::exit::Code;
use crate::failure::Failure;
use crate::printer::{End, Printer};
use crate::signals::Signals;
use crate::terminal::{Terminal, tell};
use crate::terminal_approver::{DenyAll, TerminalApprover};

/// The most bytes of a prompt that are read from stdin; one more is refused by the driver.
const PROMPT_BYTES: u64 = (10 << 20) + 1;

/// Runs one prompt and tells how it ended.
pub(crate) async fn run(task: Run) -> Code {
    let mut printer = Printer::new(task.output);
    let started = Instant::now();
    // What an earlier run left that was killed together with all its helpers; nobody waits for it.
    tokio::task::spawn_blocking(claude_core::sweep);
    let ended = match task.backend {
        Backend::Api => api::run(&task, &mut printer).await,
        Backend::Cli => match start(&task).await {
            Ok(process) => follow(process, &mut printer).await,
            Err(error) => Ended::Failed(error.into()),
        },
    };
    let code = ended.code();
    let skips_stdout = matches!(ended, Ended::Abandoned | Ended::OutputClosed(_));
    let end = End { failure: ended.failure(), code, elapsed: started.elapsed(), skips_stdout };
    let written = printer.end(&end).await;
    if let (Ended::OutputClosed(error), _) | (_, Err(error)) = (&ended, &written) {
        tell_unwritten(error);
    }
    if written.is_err() && code == Code::Fine { Code::Failed } else { code }
}

/// A reader that left knows it.
fn tell_unwritten(error: &io::Error) {
    if error.kind() != io::ErrorKind::BrokenPipe {
        tell(&format!("claude-exec: stdout can't be written: {error}"));
    }
}

/// How a run ended.
pub(crate) enum Ended {
    Completed,
    Interrupted,
    /// It did not even end.
    Abandoned,
    Failed(Failure),
    /// Stdout can't be written.
    OutputClosed(io::Error),
}

impl Ended {
    fn code(&self) -> Code {
        match self {
            Self::Completed => Code::Fine,
            Self::Interrupted | Self::Abandoned => Code::Interrupted,
            Self::Failed(failure) => failure.exit(),
            Self::OutputClosed(_) => Code::Failed,
        }
    }

    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

async fn start(task: &Run) -> Result<Process> {
    let command = command(task)?;
    let prompt = match task.timeout {
        Some(after) => timeout(after, prompt(task.prompt.clone()))
            .await
            .map_err(|_| Error::TimedOut { phase: Phase::Total, after })??,
        None => prompt(task.prompt.clone()).await?,
    };
    command.prompt(prompt).spawn().await
}

/// Shows the outputs until the end, or until somebody insists on leaving.
async fn follow(process: Process, printer: &mut Printer) -> Ended {
    let handle = process.control().handle();
    let Ok(signals) = Signals::listen() else { return show_all(process, printer).await };
    tokio::select! {
        ended = show_all(process, printer) => ended,
        // The process goes with the future that is dropped here, and its tree with it.
        () = signals.steer(&handle) => Ended::Abandoned,
    }
}

async fn show_all(mut process: Process, printer: &mut Printer) -> Ended {
    while let Some(output) = process.next().await {
        let output: Output = match output {
            Ok(output) => output,
            Err(error) => return Ended::Failed(error.into()),
        };
        if let Err(error) = printer.show(&output).await {
            return Ended::OutputClosed(error);
        }
    }
    match process.outcome() {
        Some(outcome) if outcome.interrupted => Ended::Interrupted,
        _ => Ended::Completed,
    }
}

fn command(task: &Run) -> Result<Command> {
    let mut command = Command::new(&task.cli.program).cwd(&task.cwd).inherit_anthropic();
    let shows_text = task.output == crate::arguments::Output::Text;
    let shows_pieces = shows_text || task.include_partial_messages;
    command = apply(command, shows_pieces, Command::partial_messages);
    // Lines that are only passed on, or summed up, need not be parsed.
    command = apply(command, !shows_text, |command| command.detail(Detail::Outcome));
    command = apply(command, task.fork, Command::fork);
    command = apply(command, task.continue_latest, Command::continue_latest);
    command = apply(command, task.dangerously_skip_permissions, Command::dangerously_skip_permissions);
    command = with(command, task.session.clone(), Command::session);
    command = with(command, task.resume.clone(), Command::resume);
    command = with(command, task.model.clone(), Command::model);
    command = with(command, task.permission_mode, Command::permission_mode);
    command = with(command, task.max_turns, Command::max_turns);
    command = with(command, task.max_cost, Command::max_budget_usd);
    command = with(command, task.append_system_prompt.clone(), Command::append_system_prompt);
    command = with(command, task.system_prompt.clone(), Command::system_prompt);
    command = with(command, approver(task), Command::approver);
    command = task.add_dir.iter().fold(command, Command::add_directory);
    command = task.mcp_config.iter().cloned().fold(command, Command::mcp_config);
    let command =
        command.allow_tools(rules(&task.allowed_tools)?).disallow_tools(rules(&task.disallowed_tools)?);
    Ok(command.limits(|limits| (limits.total, limits.idle) = (task.timeout, task.idle_timeout)))
}

fn apply(command: Command, on: bool, setting: fn(Command) -> Command) -> Command {
    if on { setting(command) } else { command }
}

fn with<T>(command: Command, value: Option<T>, setting: impl FnOnce(Command, T) -> Command) -> Command {
    match value {
        Some(value) => setting(command, value),
        None => command,
    }
}

fn rules(lists: &[String]) -> Result<Vec<ToolRule>> {
    let rules: Vec<_> = lists.iter().map(|list| ToolRule::parse_list(list)).collect::<Result<_>>()?;
    Ok(rules.into_iter().flatten().collect())
}

/// Who answers questions; nobody where none are asked.
fn approver(task: &Run) -> Option<Arc<dyn Approver>> {
    let skips =
        task.dangerously_skip_permissions || task.permission_mode == Some(PermissionMode::BypassPermissions);
    match task.approve {
        _ if skips => None,
        Approve::AllowRead => Some(Arc::new(DenyWrites)),
        Approve::Deny => Some(Arc::new(DenyAll)),
        Approve::Ask => match Terminal::open() {
            Ok(terminal) => Some(Arc::new(TerminalApprover::new(terminal, task.cwd.clone()))),
            Err(_) => Some(Arc::new(DenyAll)),
        },
    }
}

/// From the command line, else from stdin; a thread reads it, so that a silent pipe can time out.
pub(crate) async fn prompt(argument: Option<String>) -> Result<String> {
    match argument {
        Some(prompt) if prompt != "-" => Ok(prompt),
        None if io::stdin().is_terminal() => {
            Err(invalid("prompt", "there is none: give it as an argument, or by a pipe"))
        }
        _ => match tokio::task::spawn_blocking(read_stdin).await {
            Ok(Ok(bytes)) => String::from_utf8(bytes).map_err(|_| invalid("prompt", "it is no UTF-8")),
            Ok(Err(error)) => Err(invalid("prompt", &format!("stdin can't be read: {error}"))),
            Err(_) => Err(invalid("prompt", "stdin can't be read")),
        },
    }
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().take(PROMPT_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn invalid(field: &'static str, reason: &str) -> Error {
    Error::Invalid { field, reason: reason.into() }
}
