//! `claude-exec run --backend api`: the Messages API answers, without tools.

use std::time::Duration;

use claude_core::agent::{AgentLoop, DEFAULT_MODEL};
use claude_core::error::Phase;
use claude_core::messages::Client;
use claude_core::turn::TurnEnd;
use claude_core::{Backend, Error, Result, Turn, TurnEvent, TurnRequest};
use tokio::time::timeout;

use crate::arguments::Run;
use crate::printer::Printer;
use crate::run::{Ended, invalid, prompt};
use crate::signals::Signals;

/// Asks, shows the answer and tells how it ended.
pub(crate) async fn run(task: &Run, printer: &mut Printer) -> Ended {
    match task.timeout {
        Some(after) => timeout(after, answer(task, printer))
            .await
            .unwrap_or_else(|_| Ended::Failed(Error::TimedOut { phase: Phase::Total, after }.into())),
        None => answer(task, printer).await,
    }
}

async fn answer(task: &Run, printer: &mut Printer) -> Ended {
    let turn = match request(task).await {
        Ok(request) => AgentLoop::new(Client::builder().build()).start(request),
        Err(error) => return Ended::Failed(error.into()),
    };
    let handle = turn.handle();
    let Ok(signals) = Signals::listen() else { return show_all(turn, task.idle_timeout, printer).await };
    tokio::select! {
        ended = show_all(turn, task.idle_timeout, printer) => ended,
        // The turn goes with the future that is dropped here, and its connection with it.
        () = signals.steer(&handle) => Ended::Abandoned,
    }
}

async fn show_all(mut turn: Turn, idle: Option<Duration>, printer: &mut Printer) -> Ended {
    loop {
        let event = match next(&mut turn, idle).await {
            Ok(Some(event)) => event,
            Ok(None) => return Ended::Completed,
            Err(error) => return Ended::Failed(error.into()),
        };
        if let Err(error) = printer.show_event(&event).await {
            return Ended::OutputClosed(error);
        }
        match TurnEnd::of(event) {
            None => {}
            Some(TurnEnd::Completed { .. }) => return Ended::Completed,
            Some(TurnEnd::Cancelled { .. }) => return Ended::Interrupted,
            Some(TurnEnd::Failed(failed)) => return Ended::Failed(failed.into()),
        }
    }
}

async fn next(turn: &mut Turn, idle: Option<Duration>) -> Result<Option<TurnEvent>> {
    match idle {
        Some(after) => {
            timeout(after, turn.next()).await.map_err(|_| Error::TimedOut { phase: Phase::Idle, after })
        }
        None => Ok(turn.next().await),
    }
}

async fn request(task: &Run) -> Result<TurnRequest> {
    if task.max_turns == Some(0) {
        return Err(invalid("max_turns", "it is 0"));
    }
    if task.max_cost.is_some_and(|usd| !usd.is_finite() || usd <= 0.0) {
        return Err(invalid("max_cost", "it is no amount above 0"));
    }
    let prompt = prompt(task.prompt.clone()).await?;
    if prompt.trim().is_empty() {
        return Err(invalid("prompt", "it is empty"));
    }
    if prompt.contains('\0') {
        return Err(invalid("prompt", "it has a NUL character"));
    }
    let model = task.model.as_ref().map_or(DEFAULT_MODEL, |it| it.as_str());
    let request = TurnRequest::new(model, prompt).limits(|limits| {
        limits.model_requests = task.max_turns.unwrap_or(limits.model_requests);
        limits.cost_usd = task.max_cost;
    });
    Ok(match &task.system_prompt {
        Some(system) => request.system(system.as_str()),
        None => request,
    })
}
