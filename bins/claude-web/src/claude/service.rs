//! Starts runs of Claude Code, each in its session's turn and directory.

use std::sync::Arc;

use claude_core::cli::{CliSessionId, Command, Detail};
use server_kit::auth::{Authenticate, Identity};
use server_kit::guard::Permit;
use server_kit::problem::Problem;
use server_kit::runs::{Ended, NewRun, Phase, Reader, RunId, RunWriter, Runs};
use store_core::Store;
use store_core::audit::NewAuditEntry;
use store_core::session::SessionId;

use super::config::ClaudeConfig;
use super::ending::{self, Finish};
use super::line_up::{LineUp, Ticket};
use super::relay::Relay;
use super::request::{ClaudeRequest, Origin, Task};
use super::workspace::{self, Workspace, Workspaces};

/// The kind of these runs.
const KIND: &str = "claude";

/// Starts Claude Code for whoever may, and keeps track of its sessions.
#[derive(Clone)]
pub struct ClaudeCode {
    shared: Arc<Shared>,
}

struct Shared {
    config: ClaudeConfig,
    auth: Arc<dyn Authenticate>,
    store: Store,
    runs: Runs,
    line_up: LineUp,
    workspaces: Workspaces,
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

/// A run that was started.
#[derive(Debug)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// Its events from the first on.
    pub events: Reader,
    /// Whether it has to wait for its turn.
    pub waits: bool,
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
        let shared = &self.shared;
        let task = Task::check(request, who, &shared.config)?;
        if let Some(id) = task.origin.session() {
            shared.session(who, id).await?;
        }
        let ticket = shared.line_up.enter(task.origin.session())?;
        let waits = ticket.waits();
        let mut new = NewRun::new(who.user, KIND);
        if let Some(id) = task.origin.session() {
            new = new.session(id.to_string());
        }
        if waits {
            new = new.queued();
        }
        let permit = match delivery {
            Delivery::Stream => None,
            Delivery::Later(permit) => {
                new = new.archived();
                Some(permit)
            }
        };
        if task.skips_permissions() {
            shared.note_skipping(who, new.id()).await?;
        }
        let job = Job { shared: shared.clone(), who: who.clone(), task, ticket, permit };
        let (run, events) = shared.runs.spawn(new, |log| job.work(log)).await?;
        Ok(Started { run, events, waits })
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
struct Known {
    workspace: String,
    /// What it cost before.
    cost_usd: f64,
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

    async fn session(&self, who: &Identity, id: &CliSessionId) -> Result<Known, Problem> {
        let id = SessionId::parse(&id.to_string()).map_err(|_| Problem::not_found())?;
        let session = self.store.of(&who.user.into()).sessions().get(&id).await?;
        Ok(Known { workspace: session.workspace_path, cost_usd: session.cost.dollars() })
    }

    fn command(&self, task: &Task, workspace: &Workspace) -> Command {
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
struct Job {
    shared: Arc<Shared>,
    who: Identity,
    task: Task,
    ticket: Ticket,
    /// Given back at the run's end.
    permit: Option<Permit>,
}

impl Job {
    async fn work(mut self, mut log: RunWriter) -> Ended {
        let mut stops = log.stop_signal();
        let waited = self.ticket.waits();
        let place = tokio::select! {
            place = self.ticket.wait() => place,
            stop = stops.stopped() => return ending::stopped(log, stop).await,
        };
        let begun = match place {
            Ok(()) if waited => self.begin(&mut log).await,
            Ok(()) => Ok(()),
            Err(busy) => Err(busy),
        };
        match begun {
            Ok(()) => self.run(log).await,
            Err(problem) => ending::failed(log, &problem).await,
        }
    }

    /// It was a long wait: what was allowed then may not be any more.
    async fn begin(&self, log: &mut RunWriter) -> Result<(), Problem> {
        if !self.shared.auth.still_counts(&self.who).await {
            return Err(Problem::unauthorized("who started this run may not any more"));
        }
        log.phase(Phase::Running).await
    }

    async fn run(self, log: RunWriter) -> Ended {
        let Self { shared, who, task, ticket, permit } = self;
        let _until_the_end = permit;
        // Only now: runs before it in the line have added to what the session cost.
        let session = match task.origin.session() {
            Some(id) => match shared.session(&who, id).await {
                Ok(session) => Some(session),
                Err(problem) => return ending::failed(log, &problem).await,
            },
            None => None,
        };
        let workspace =
            match shared.workspaces.of(&task.origin, session.as_ref().map(|it| &*it.workspace)).await {
                Ok(workspace) => workspace,
                Err(error) => return ending::failed(log, &workspace::problem(error)).await,
            };
        let process = match shared.command(&task, &workspace).spawn().await {
            Ok(process) => process,
            Err(error) => {
                workspace.discard_if_unused().await;
                return ending::failed(log, &ending::not_started(&error)).await;
            }
        };
        let cost_before = match task.origin {
            Origin::Resume(_) => session.map_or(0.0, |it| it.cost_usd),
            _ => 0.0,
        };
        let mut relay = Relay::new(log, process, (shared.store.clone(), who.user.into()), ticket);
        relay.works_in(workspace.path(), task.title(), cost_before);
        let finish: Finish = relay.run().await;
        if !finish.has_session {
            workspace.discard_if_unused().await;
        }
        finish.end().await
    }
}
