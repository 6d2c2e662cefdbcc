//! Starts chat turns, whoever answers.

use std::path::PathBuf;
use std::sync::Arc;

use claude_core::agent::AgentLoop;
use claude_core::approval::Digest;
use claude_core::cli;
use claude_core::messages::Client;
use claude_core::pricing::Prices;
use claude_core::turn::Backend;
use claude_core::{Json, TurnRequest};
use server_kit::auth::{Identity, Scope};
use server_kit::guard::Permit;
use server_kit::problem::Problem;
use server_kit::request_id::RequestId;
use server_kit::runs::{Ended, NewRun, RunWriter, Runs, Seq};

use super::KIND;
use super::keys::{Key, Keys};
use super::pump::{self, Pump};
use super::request::{Asked, ChatRequest};
use crate::answer::Started;
use crate::approvals::{Approvals, RunApprover};
use crate::claude::{Booking, ClaudeCode, ClaudeRequest, Fields, NotBegun, Settled};

/// What can be set about chat turns.
#[derive(Debug, Clone)]
pub struct ChatConfig {
    /// The model that the Messages API is asked for, unless a request names one.
    pub model: String,
    /// What its answers cost.
    pub prices: Prices,
}

/// Starts chat turns for whoever may. Clones share them.
#[derive(Clone)]
pub struct Chats {
    shared: Arc<Shared>,
}

struct Shared {
    config: ChatConfig,
    runs: Runs,
    claude: ClaudeCode,
    approvals: Approvals,
    agent: AgentLoop,
    keys: Keys,
}

/// One stream of a user; given back when the run has ended and nobody reads the answer any more.
type SharedPermit = Arc<Permit>;

impl Chats {
    /// With the Messages API at `ANTHROPIC_BASE_URL`, the key in `ANTHROPIC_API_KEY` at each turn, and this Claude Code.
    #[must_use]
    pub fn new(config: ChatConfig, (runs, claude, approvals): (Runs, ClaudeCode, Approvals)) -> Self {
        let agent = AgentLoop::new(Client::builder().build()).prices(config.prices.clone());
        let keys = Keys::default();
        Self { shared: Arc::new(Shared { config, runs, claude, approvals, agent, keys }) }
    }

    /// Starts a run, or finds the one that the same request started before.
    ///
    /// # Errors
    /// 400 for a field that can't be used, 403 for what isn't allowed, 404 for an unknown session, 409 or 429 for a
    /// busy one, 503 and 507 when the server can't. What goes wrong later is the turn's end.
    pub(super) async fn start(
        &self,
        who: &Identity,
        request: ChatRequest,
        (key, permit): (Option<Key>, SharedPermit),
    ) -> Result<Started, Problem> {
        let (shared, who) = (self.shared.clone(), who.clone());
        let Some(key) = key else { return shared.start(&who, request, permit).await };
        let work = async move { shared.start_once(&who, request, (key, permit)).await };
        // In a task of its own: a client that leaves now finds the run when it comes again.
        tokio::spawn(RequestId::current().scope(work)).await.map_err(Problem::internal)?
    }
}

impl Shared {
    async fn start_once(
        &self,
        who: &Identity,
        request: ChatRequest,
        (key, permit): (Key, SharedPermit),
    ) -> Result<Started, Problem> {
        let body = Json::of(&request).map_err(Problem::internal)?;
        let claim = self.keys.claim(who.user, key, Digest::of(KIND, &body))?;
        let mut fresh = None;
        let start = async || {
            let started = self.start(who, request, permit).await?;
            Ok(fresh.insert(started).run)
        };
        let run = match claim.run.get_or_try_init(start).await {
            Ok(run) => *run,
            Err(problem) => {
                self.keys.give_up(who.user, claim);
                return Err(problem);
            }
        };
        match fresh {
            Some(started) => Ok(started),
            None => {
                let events = self.runs.subscribe_after(run, who, Seq::START).await?;
                Ok(Started { run, events, waits: false })
            }
        }
    }

    async fn start(
        &self,
        who: &Identity,
        request: ChatRequest,
        permit: SharedPermit,
    ) -> Result<Started, Problem> {
        match request.check(who, &self.config)? {
            Asked::Api(request) => self.start_api(who, *request, permit).await,
            Asked::ClaudeCode(request) => self.start_claude_code(who, *request, permit).await,
        }
    }

    async fn start_api(
        &self,
        who: &Identity,
        request: TurnRequest,
        permit: SharedPermit,
    ) -> Result<Started, Problem> {
        let new = NewRun::new(who.user, KIND).archived();
        let approver = self.approvals.for_run(who, new.id(), (PathBuf::from("/"), Scope::Chat));
        let turn = self.agent.clone().approver(Arc::new(approver)).start(request);
        let work = |log| async move {
            let _until_the_end = permit;
            Pump::new(turn, log).run().await.end().await
        };
        let (run, events) = self.runs.spawn(new, work).await?;
        Ok(Started { run, events, waits: false })
    }

    async fn start_claude_code(
        &self,
        who: &Identity,
        request: ClaudeRequest,
        permit: SharedPermit,
    ) -> Result<Started, Problem> {
        let new = NewRun::new(who.user, KIND).archived();
        let (booking, new) = self.claude.book(who, request, (new, &Fields::CHAT)).await?;
        let (id, waits) = (new.id(), booking.waits());
        let (approvals, who) = (self.approvals.clone(), who.clone());
        let approver = move |cwd| approvals.for_run(&who, id, (cwd, Scope::Claude));
        let work = |log| async move {
            let _until_the_end = permit;
            work(booking, log, approver).await
        };
        let (run, events) = self.runs.spawn(new, work).await?;
        Ok(Started { run, events, waits })
    }
}

/// A run of Claude Code, from its place in the line to its end.
async fn work(
    mut booking: Booking,
    mut log: RunWriter,
    approver: impl FnOnce(PathBuf) -> RunApprover,
) -> Ended {
    match booking.begin(&mut log).await {
        Ok(()) => {}
        Err(NotBegun::Stopped(stop)) => return pump::stopped(log, stop).await,
        Err(NotBegun::Failed(problem)) => return pump::failed(log, &problem).await,
    }
    let Settled { command, prompt, workspace, ledger } = match booking.settle().await {
        Ok(settled) => settled,
        Err(problem) => return pump::failed(log, &problem).await,
    };
    let approver = Arc::new(approver(workspace.path().to_owned()));
    // The command says the rest: model, session, directory and rights.
    let mut request = TurnRequest::going_on(Vec::new());
    request.message = Some(prompt.into());
    let turn = cli::Backend::new(command.approver(approver)).start(request);
    let finish = Pump::new(turn, log).keeping(ledger).run().await;
    if !finish.has_session() {
        workspace.discard_if_unused().await;
    }
    finish.end().await
}
