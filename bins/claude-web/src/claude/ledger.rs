//! What a run makes of its session: which it is, what it was used with, what it cost.

use std::path::Path;

use claude_core::cli::CliSessionId;
use server_kit::problem::Problem;
use store_core::session::{SessionId, SessionUse};
use store_core::{Store, Usd, UserId};
use tokio::task::JoinHandle;

use super::line_up::Ticket;

/// How often a session is tried to be stored where the store is held; each try waits some seconds itself.
const RECORD_TRIES: u32 = 5;

/// Keeps one run's session in the store. Holds the run's place in the line until it is dropped.
pub(crate) struct Ledger {
    accounts: (Store, UserId),
    ticket: Ticket,
    /// What is to be stored before what tells it is shown.
    unrecorded: Option<SessionUse>,
    recording: Option<JoinHandle<Result<(), Problem>>>,
    session: Option<SessionId>,
    workspace: String,
    title: String,
    model: String,
    cost: Cost,
    /// The turn was added to the session.
    is_counted: bool,
}

impl Ledger {
    /// Of this user's sessions, for the run that holds the ticket.
    pub(super) fn new(accounts: (Store, UserId), ticket: Ticket) -> Self {
        Self {
            accounts,
            ticket,
            unrecorded: None,
            recording: None,
            session: None,
            workspace: String::new(),
            title: String::new(),
            model: String::new(),
            cost: Cost::default(),
            is_counted: false,
        }
    }

    /// What a session that comes of it is stored with, and what it had cost before.
    pub(super) fn works_in(&mut self, workspace: &Path, title: String, cost_before: f64) {
        self.workspace = workspace.to_string_lossy().into_owned();
        self.title = title;
        self.cost.before = cost_before;
    }

    /// Claude Code told its session. Says whether it is one.
    pub(crate) fn began(&mut self, id: &str, model: &str) -> bool {
        let Ok(session) = SessionId::parse(id) else { return false };
        if let Ok(id) = CliSessionId::parse(id) {
            self.ticket.works_in(&id);
        }
        let mut used = self.used(session.clone());
        used.title = Some(self.title.clone()).filter(|title| !title.is_empty());
        used.model = Some(model.to_owned()).filter(|model| !model.is_empty());
        model.clone_into(&mut self.model);
        self.session = Some(session);
        self.unrecorded = Some(used);
        true
    }

    /// Claude Code told what the session has cost, earlier runs included. Says what that adds, in US dollars.
    pub(crate) fn told(&mut self, sum: Option<f64>) -> f64 {
        let cost = self.cost.told(sum);
        if let Some(session) = &self.session {
            let mut used = self.unrecorded.take().unwrap_or_else(|| self.used(session.clone()));
            used.cost = Usd::from_dollars(used.cost.dollars() + cost);
            // One prompt is one turn, however many results its subagents have.
            used.turns += u32::from(!std::mem::replace(&mut self.is_counted, true));
            self.unrecorded = Some(used);
        }
        cost
    }

    /// Stores what is to be stored, in a task of its own: what was begun is done once, though the waiting may be given
    /// up and taken up again. Cancel safe.
    pub(crate) async fn record(&mut self) -> Result<(), Problem> {
        loop {
            if let Some(recording) = &mut self.recording {
                let recorded = recording.await;
                self.recording = None;
                recorded.map_err(Problem::internal)??;
            }
            let Some(used) = self.unrecorded.take() else { return Ok(()) };
            let (store, owner) = self.accounts.clone();
            self.recording = Some(tokio::spawn(record(store, owner, used)));
        }
    }

    /// The model as Claude Code named it.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// US dollars of the run up to now, if they are known.
    pub(crate) fn cost(&self) -> Option<f64> {
        self.cost.known()
    }

    /// Whether Claude Code told a session.
    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    fn used(&self, session: SessionId) -> SessionUse {
        SessionUse::new(session, self.workspace.clone())
    }
}

/// Stores a session's use. A store that somebody else holds for a while is waited for: the work was paid.
async fn record(store: Store, owner: UserId, used: SessionUse) -> Result<(), Problem> {
    for _ in 1..RECORD_TRIES {
        match store.of(&owner).sessions().record(used.clone()).await {
            Err(store_core::Error::Busy { retry_after }) => tokio::time::sleep(retry_after).await,
            recorded => return Ok(recorded.map(drop)?),
        }
    }
    store.of(&owner).sessions().record(used).await?;
    Ok(())
}

/// By how much a sum of dollars may differ from what was stored of it.
const ROUNDING: f64 = 1e-6;

/// What a run costs. The CLI tells the sum of a session, earlier runs included.
#[derive(Debug, Default)]
struct Cost {
    before: f64,
    run: Option<f64>,
}

impl Cost {
    /// Takes in the sum that a result tells, and says what it adds.
    fn told(&mut self, sum: Option<f64>) -> f64 {
        let Some(sum) = sum else { return 0.0 };
        // What was stored is rounded. A sum that is clearly smaller than before tells the run's own.
        let run = if sum >= self.before - ROUNDING { (sum - self.before).max(0.0) } else { sum };
        (run - self.run.replace(run).unwrap_or(0.0)).max(0.0)
    }

    /// US dollars of the run up to now, if they are known.
    fn known(&self) -> Option<f64> {
        self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_costs_what_it_adds_to_its_session() {
        let mut cost = Cost { before: 1.5, run: None };
        assert_eq!(cost.known(), None);
        assert!((cost.told(Some(1.7)) - 0.2).abs() < 1e-9);
        assert!((cost.told(Some(1.8)) - 0.1).abs() < 1e-9, "a second result adds the rest");
        assert!(cost.told(None).abs() < 1e-9);
        assert!((cost.known().unwrap() - 0.3).abs() < 1e-9);
        let mut free = Cost { before: 0.123_456_7, run: None };
        assert!(free.told(Some(0.123_456_699_999_99)).abs() < 1e-9, "rounding is no cost");
        let mut afresh = Cost { before: 2.0, run: None };
        assert!((afresh.told(Some(0.3)) - 0.3).abs() < 1e-9, "a sum that began anew is the run's own");
    }
}
