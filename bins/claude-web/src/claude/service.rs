//! Starts runs of Claude Code, each in its session's turn and directory.

use std::sync::Arc;

use claude_core::cli::{CliSessionId, Command, Detail};
use server_kit::auth::{Authenticate, Identity};
use server_kit::guard::Permit;
use server_kit::problem::Problem;
use server_kit::runs::{Ended, NewRun, RunId, RunWriter, Runs};
use store_core::Store;
use store_core::audit::NewAuditEntry;
use store_core::session::SessionId;

use super::booking::{Booking, NotBegun, Settled};
use super::config::ClaudeConfig;
use super::ending::{self, Finish};
use super::line_up::{LineUp, Ticket};
use super::relay::Relay;
use super::request::{ClaudeRequest, Fields, Origin, Task};
use super::workspace::{Workspace, Workspaces};
use crate::answer::Started;

/// The kind of these runs.
const KIND: &str = "claude";

/// Starts Claude Code for whoever may, and keeps track of its sessions.
#[derive(Clone)]
pub struct ClaudeCode {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    config: ClaudeConfig,
    pub(super) auth: Arc<dyn Authenticate>,
    pub(super) store: Store,
    runs: Runs,
    line_up: LineUp,
    pub(super) workspaces: Workspaces,
}

/// How the caller wants to hear of a run.
#[derive(Debug)]
pub enum Delivery {
    /// It reads along; the run ends when it leaves.
    Stream,
    /// It asks later (`Prefer: respond-async`): the run goes on by itself, its events are kept. It counts as a stream of
    /// its user until it ends.
    Later(Permit),
}

impl ClaudeCode {
    /// With these settings, this store and these runs.
    ///
    /// # Errors
    /// When the directory of the workspaces can't be made.
    pub fn new(config: ClaudeConfig, app: (Arc<dyn Authenticate>, Store, Runs)) -> std::io::Result<Self> {
        let (auth, store, runs) = app;
        let workspaces = Workspaces::open(&config.workspaces, config.child_user.clone())?;
        let line_up = LineUp::new(config.max_runs, config.busy);
        Ok(Self { shared: Arc::new(Shared { config, auth, store, runs, line_up, workspaces }) })
    }

    /// Starts a run.
    ///
    /// # Errors
    /// 400 for a field that can't be used, 403 for what isn't allowed, 404 for an unknown session, 409 or 429 for a
    /// busy one, 503 and 507 when the server can't.
    pub async fn start(
        &self,
        who: &Identity,
        request: ClaudeRequest,
        delivery: Delivery,
    ) -> Result<Started, Problem> {
        let new = NewRun::new(who.user, KIND);
        let (booking, new) = self.book(who, request, (new, &Fields::CLAUDE)).await?;
        let waits = booking.waits();
        let (new, permit) = match delivery {
            Delivery::Stream => (new, None),
            Delivery::Later(permit) => (new.archived(), Some(permit)),
        };
        let work = |log| async move {
            let _until_the_end = permit;
            work(booking, log).await
        };
        let (run, events) = self.shared.runs.spawn(new, work).await?;
        Ok(Started { run, events, waits })
    }

    /// Takes a place in the line for a run that is about to be started, once it was found good. The fields of the
    /// request are called so.
    ///
    /// # Errors
    /// As [`ClaudeCode::start`].
    pub(crate) async fn book(
        &self,
        who: &Identity,
        request: ClaudeRequest,
        (mut new, fields): (NewRun, &Fields),
    ) -> Result<(Booking, NewRun), Problem> {
        let shared = &self.shared;
        let task = Task::check(request, who, &shared.config, fields)?;
        if let Some(id) = task.origin.session() {
            shared.session(who, id).await?;
            new = new.session(id.to_string());
        }
        let ticket = shared.line_up.enter(task.origin.session())?;
        if ticket.waits() {
            new = new.queued();
        }
        if task.skips_permissions() {
            shared.note_skipping(who, new.id()).await?;
        }
        Ok((Booking::new(shared.clone(), who.clone(), task, ticket), new))
    }

    /// Whether a session has a run that works.
    #[must_use]
    pub fn is_busy(&self, session: &str) -> bool {
        CliSessionId::parse(session).is_ok_and(|id| self.shared.line_up.is_busy(&id))
    }

    /// Keeps runs out of a session while the guard lives.
    ///
    /// # Errors
    /// 409 `session_busy` where a run works in it, or waits to.
    pub fn reserve(&self, session: &str) -> Result<Reserved, Problem> {
        let id = CliSessionId::parse(session).map_err(|_| Problem::not_found())?;
        self.shared.line_up.reserve(&id).map(Reserved)
    }

    /// Removes a session's workspace, if it is one of ours. There is no harm in what isn't there.
    ///
    /// # Errors
    /// When it can't be removed.
    pub async fn remove_workspace(&self, path: &str) -> Result<(), Problem> {
        self.shared.workspaces.remove(path).await.map_err(Problem::internal)
    }
}

/// A session that no run works in, as long as this lives.
#[derive(Debug)]
pub struct Reserved(#[expect(dead_code, reason = "it is held")] Ticket);

/// What a run goes on from: what the store knows of its session.
pub(super) struct Known {
    pub(super) workspace: String,
    /// What it cost before.
    pub(super) cost_usd: f64,
}

impl Shared {
    /// Who lets every tool run is written down before it does.
    async fn note_skipping(&self, who: &Identity, run: RunId) -> Result<(), Problem> {
        let entry = NewAuditEntry {
            actor: who.user.to_string(),
            action: "claude.skip_permissions".to_owned(),
            subject: format!("run {run}"),
            detail: serde_json::json!({"name": who.name}),
        };
        self.store.system().audit().append(entry).await?;
        Ok(())
    }

    pub(super) async fn session(&self, who: &Identity, id: &CliSessionId) -> Result<Known, Problem> {
        let id = SessionId::parse(&id.to_string()).map_err(|_| Problem::not_found())?;
        let session = self.store.of(&who.user.into()).sessions().get(&id).await?;
        Ok(Known { workspace: session.workspace_path, cost_usd: session.cost.dollars() })
    }

    pub(super) fn command(&self, task: &Task, workspace: &Workspace) -> Command {
        let config = &self.config;
        let mut command = Command::new(&config.program)
            .cwd(workspace.path())
            .prompt(task.prompt.clone())
            .detail(Detail::Outcome)
            .inherit_anthropic()
            .allow_tools(task.allowed_tools.iter().cloned())
            .disallow_tools(task.disallowed_tools.iter().cloned())
            .limits(|limits| (limits.idle, limits.total) = (config.idle_timeout, config.timeout));
        if let Some(user) = &config.child_user {
            command = command.user(user.clone());
        }
        command = match &task.origin {
            Origin::New { .. } => command,
            Origin::Resume(id) => command.resume(id.clone()),
            Origin::Fork(id) => command.resume(id.clone()).fork(),
        };
        if let Some(model) = &task.model {
            command = command.model(model.clone());
        }
        if let Some(mode) = task.permission_mode {
            command = command.permission_mode(mode);
        }
        if let Some(turns) = task.max_turns {
            command = command.max_turns(turns);
        }
        if let Some(text) = &task.append_system_prompt {
            command = command.append_system_prompt(text.clone());
        }
        if task.partial_messages {
            command = command.partial_messages();
        }
        if task.skip_permissions {
            command = command.dangerously_skip_permissions();
        }
        command
    }
}

/// One run, from its place in the line to its end.
async fn work(mut booking: Booking, mut log: RunWriter) -> Ended {
    match booking.begin(&mut log).await {
        Ok(()) => {}
        Err(NotBegun::Stopped(stop)) => return ending::stopped(log, stop).await,
        Err(NotBegun::Failed(problem)) => return ending::failed(log, &problem).await,
    }
    let Settled { command, workspace, ledger, .. } = match booking.settle().await {
        Ok(settled) => settled,
        Err(problem) => return ending::failed(log, &problem).await,
    };
    let process = match command.spawn().await {
        Ok(process) => process,
        Err(error) => {
            workspace.discard_if_unused().await;
            return ending::failed(log, &ending::not_started(&error)).await;
        }
    };
    let finish: Finish = Relay::new(log, process, ledger).run().await;
    if !finish.has_session {
        workspace.discard_if_unused().await;
    }
    finish.end().await
}
