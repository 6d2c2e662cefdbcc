//! Claude Code as a backend of turns.

mod order;
mod relay;

use super::command::Command;
use super::process::Process;
use crate::error::Result;
use crate::turn::{Emitter, Stops, Turn, TurnEnd, TurnHandle, TurnRequest};

/// Answers turns by Claude Code: one process for each.
///
/// What a [`TurnRequest`] says wins over the template's setting of the same kind; system prompts add up, and of two
/// limits the lower one counts. Of its limits, `max_tokens`, `tool_output_bytes` and `tool_time` are Claude Code's
/// own business. What can't be passed on is the end `failed`, with code `invalid_request`: a history (Claude Code keeps
/// its own, see [`Origin`](crate::turn::Origin)), a request without a message, a model or tool whose name is none.
///
/// [`ToolSet::Only`](crate::turn::ToolSet::Only) names built-in tools, and no MCP server is started then.
///
/// ```no_run
/// use claude_core::cli::{self, Command};
/// use claude_core::{Backend, TurnRequest};
///
/// # async fn ask() {
/// let backend = cli::Backend::new(Command::new("claude").inherit_anthropic());
/// let answer = backend.start(TurnRequest::new("opus", "Why did the backup fail?")).finish().await;
/// println!("{}", answer.text);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Backend {
    command: Command,
}

impl Backend {
    /// Each turn starts a process as `command` says; the request adds its prompt, model, session and the like.
    #[must_use]
    pub fn new(command: Command) -> Self {
        Self { command }
    }
}

impl crate::turn::Backend for Backend {
    fn start(&self, request: TurnRequest) -> Turn {
        let template = self.command.clone();
        let (handle, stops) = TurnHandle::new();
        Turn::steered_by(handle.clone(), |emitter| async move {
            match answer(template, request, (handle, stops), &emitter).await {
                Ok(end) => end,
                Err(error) => TurnEnd::from(&error),
            }
        })
    }
}

async fn answer(
    template: Command,
    request: TurnRequest,
    (handle, stops): (TurnHandle, Stops),
    emitter: &Emitter,
) -> Result<TurnEnd> {
    if let Some(stop) = stops.asked() {
        return Ok(TurnEnd::stopped(stop));
    }
    let allowance = relay::Allowance::of(&request.limits);
    let process = order::command(template, request)?.spawn_steered((handle, stops)).await?;
    Ok(relay::relay(process, emitter, allowance).await)
}

/// Drops the lines and keeps the events; the process's end is the turn's.
impl From<Process> for Turn {
    fn from(process: Process) -> Self {
        Self::steered_by(process.control().handle(), |emitter| async move {
            relay::relay(process, &emitter, relay::Allowance::default()).await
        })
    }
}
