//! A run of Claude Code before its process: its place in the line, then its session, its directory and its command.

use std::sync::Arc;

use claude_core::cli::Command;
use server_kit::auth::Identity;
use server_kit::problem::Problem;
use server_kit::runs::{Phase, RunWriter, Stop};

use super::ledger::Ledger;
use super::line_up::Ticket;
use super::request::{Origin, Task};
use super::service::Shared;
use super::workspace::{self, Workspace};

/// A place in the line for a run that was found good. Dropping it gives the place back.
pub(crate) struct Booking {
    shared: Arc<Shared>,
    who: Identity,
    task: Task,
    ticket: Ticket,
}

/// Why a run did not begin.
pub(crate) enum NotBegun {
    /// It was stopped while it waited.
    Stopped(Stop),
    /// It may not.
    Failed(Problem),
}

/// All that a run needs to begin.
pub(crate) struct Settled {
    /// How the CLI is started.
    pub(crate) command: Command,
    /// What is asked.
    pub(crate) prompt: String,
    /// Where it works.
    pub(crate) workspace: Workspace,
    /// Keeps its session. It holds the place in the line.
    pub(crate) ledger: Ledger,
}

impl Booking {
    pub(super) fn new(shared: Arc<Shared>, who: Identity, task: Task, ticket: Ticket) -> Self {
        Self { shared, who, task, ticket }
    }

    /// Whether it is not its turn yet.
    pub(crate) fn waits(&self) -> bool {
        self.ticket.waits()
    }

    /// Waits for its turn, and notes in the log that it begins.
    pub(crate) async fn begin(&mut self, log: &mut RunWriter) -> Result<(), NotBegun> {
        let mut stops = log.stop_signal();
        let waited = self.ticket.waits();
        tokio::select! {
            place = self.ticket.wait() => place.map_err(NotBegun::Failed)?,
            stop = stops.stopped() => return Err(NotBegun::Stopped(stop)),
        }
        if !waited {
            return Ok(());
        }
        // It was a long wait: what was allowed then may not be any more.
        if !self.shared.auth.still_counts(&self.who).await {
            let problem = Problem::unauthorized("who started this run may not any more");
            return Err(NotBegun::Failed(problem));
        }
        log.phase(Phase::Running).await.map_err(NotBegun::Failed)
    }

    /// Finds or makes the directory, and says how to start.
    pub(crate) async fn settle(self) -> Result<Settled, Problem> {
        let Self { shared, who, task, ticket } = self;
        // Only now: runs before it in the line have added to what the session cost.
        let session = match task.origin.session() {
            Some(id) => Some(shared.session(&who, id).await?),
            None => None,
        };
        let known = session.as_ref().map(|it| &*it.workspace);
        let workspace = shared.workspaces.of(&task.origin, known).await.map_err(workspace::problem)?;
        let cost_before = match task.origin {
            Origin::Resume(_) => session.map_or(0.0, |it| it.cost_usd),
            _ => 0.0,
        };
        let mut ledger = Ledger::new((shared.store.clone(), who.user.into()), ticket);
        ledger.works_in(workspace.path(), task.title(), cost_before);
        let command = shared.command(&task, &workspace);
        Ok(Settled { command, prompt: task.prompt, workspace, ledger })
    }
}
