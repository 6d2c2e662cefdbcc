//! From the CLI's output into the run's log: every line as it came, in order.

use std::path::Path;
use std::time::Duration;

use claude_core::cli::{CliSessionId, Message, Output, Process, RunResult};
use claude_core::turn::event::Usage;
use claude_core::{Error, TurnEvent};
use futures_util::FutureExt;
use server_kit::problem::Problem;
use server_kit::runs::{Event, RunWriter, Stop};
use store_core::session::{SessionId, SessionUse};
use store_core::{Store, Usd, UserId};
use tokio::task::JoinHandle;

use super::ending::{Finish, Last};
use super::figures;
use super::line_up::Ticket;

/// How long a stopped run may take for its last lines, its reader for taking them; then they are dropped.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often a session is tried to be stored where the store is held; each try waits some seconds itself.
const RECORD_TRIES: u32 = 5;

/// Brings one process's lines into one log.
pub(super) struct Relay {
    log: RunWriter,
    process: Process,
    accounts: (Store, UserId),
    ticket: Ticket,
    /// What is to be stored before the lines that tell it are shown.
    unrecorded: Option<SessionUse>,
    recording: Option<JoinHandle<Result<(), Problem>>>,
    session: Option<SessionId>,
    workspace: String,
    title: String,
    model: String,
    /// What the run has used, and what of it is in the metrics.
    usage: Usage,
    counted: Usage,
    last: Last,
    cost: Cost,
    /// The turn was added to the session.
    is_counted: bool,
    stopped: Option<Stop>,
    /// How the process's output ended.
    end: Option<Result<(), Error>>,
}

impl Relay {
    pub(super) fn new(log: RunWriter, process: Process, accounts: (Store, UserId), ticket: Ticket) -> Self {
        Self {
            log,
            process,
            accounts,
            ticket,
            unrecorded: None,
            recording: None,
            session: None,
            workspace: String::new(),
            title: String::new(),
            model: String::new(),
            usage: Usage::default(),
            counted: Usage::default(),
            last: Last::default(),
            cost: Cost::default(),
            is_counted: false,
            stopped: None,
            end: None,
        }
    }

    /// What a session that comes of it is stored with, and what it had cost before.
    pub(super) fn works_in(&mut self, workspace: &Path, title: String, cost_before: f64) {
        self.workspace = workspace.to_string_lossy().into_owned();
        self.title = title;
        self.cost.before = cost_before;
    }

    /// Relays until the process and all that descends from it has ended.
    pub(super) async fn run(mut self) -> Finish {
        let mut stops = self.log.stop_signal();
        // Dropping the relaying half-way loses nothing: a line is queued as soon as it is read.
        let relayed = tokio::select! {
            relayed = self.relay() => relayed,
            stop = stops.stopped() => self.stop(stop).await,
        };
        if let Err(problem) = relayed {
            // What was not stored is not shown, and the session's turn is not given on while the CLI lives.
            self.log.forget_queued();
            self.last.failed = Some(problem);
            self.drain("storage").await;
        }
        Finish {
            log: self.log,
            model: self.model,
            outcome: self.process.outcome().cloned(),
            process: self.end.unwrap_or(Ok(())),
            has_session: self.session.is_some(),
            last: self.last,
            stopped: self.stopped,
        }
    }

    /// Reads to the end. What is at hand is shown together, what has to be waited for is not waited with.
    ///
    /// Cancel safe: what was read is kept before anything is waited for.
    async fn relay(&mut self) -> Result<(), Problem> {
        while self.end.is_none() {
            match self.process.next().now_or_never() {
                Some(next) => self.take_next(next),
                None => {
                    self.show().await?;
                    let next = self.process.next().await;
                    self.take_next(next);
                }
            }
            if self.log.has_enough() {
                self.show().await?;
            }
        }
        self.show().await
    }

    fn take_next(&mut self, next: Option<Result<Output, Error>>) {
        match next {
            Some(Ok(output)) => self.take(&output),
            Some(Err(error)) => self.end = Some(Err(error)),
            None => self.end = Some(Ok(())),
        }
    }

    /// Shows what is queued, once the session it tells of is on disk: who reads an id may use it. Cancel safe.
    async fn show(&mut self) -> Result<(), Problem> {
        self.record().await?;
        self.log.flush().await;
        Ok(())
    }

    /// Stores what is to be stored, in a task of its own: what was begun is done once, though the waiting may be given
    /// up and taken up again.
    async fn record(&mut self) -> Result<(), Problem> {
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

    fn take(&mut self, output: &Output) {
        for event in &output.events {
            match event {
                TurnEvent::Started { session_id: Some(id), model, .. } => self.began(id, model),
                TurnEvent::Usage(usage) => self.usage = *usage,
                _ => {}
            }
        }
        match &output.message {
            Some(Message::Init(_)) => self.last.has_result = false,
            Some(Message::Result(result)) => self.finished(result),
            _ => {}
        }
        let Some(line) = &output.line else { return };
        if is_sendable(line) {
            self.log.queue(&Event::raw(line.clone()));
        } else {
            self.last.bad_lines += 1;
        }
    }

    /// A turn is over: it is stored before its result is shown, while the CLI still ends.
    fn finished(&mut self, result: &RunResult) {
        self.last.has_result = true;
        let cost = self.cost.told(result.cost());
        self.log.note(None, self.cost.known());
        let counted = std::mem::replace(&mut self.counted, self.usage);
        figures::turn(&self.model, &figures::beyond(&self.usage, &counted), cost);
        let Some(session) = &self.session else { return };
        let mut used = self.unrecorded.take().unwrap_or_else(|| self.used(session.clone()));
        used.cost = Usd::from_dollars(used.cost.dollars() + cost);
        // One prompt is one turn, however many results its subagents have.
        used.turns += u32::from(!std::mem::replace(&mut self.is_counted, true));
        self.unrecorded = Some(used);
    }

    fn used(&self, session: SessionId) -> SessionUse {
        SessionUse::new(session, self.workspace.clone())
    }

    fn began(&mut self, id: &str, model: &str) {
        let Ok(session) = SessionId::parse(id) else { return };
        if let Ok(id) = CliSessionId::parse(id) {
            self.ticket.works_in(&id);
        }
        self.log.note(Some(id), None);
        let mut used = self.used(session.clone());
        used.title = Some(self.title.clone()).filter(|title| !title.is_empty());
        used.model = Some(model.to_owned()).filter(|model| !model.is_empty());
        model.clone_into(&mut self.model);
        self.session = Some(session);
        self.unrecorded = Some(used);
    }

    /// Ends the process. Its last lines are still shown, if somebody takes them.
    async fn stop(&mut self, stop: Stop) -> Result<(), Problem> {
        self.stopped = Some(stop);
        let control = self.process.control();
        match stop {
            Stop::User => control.interrupt(),
            other => control.cancel(other.by()),
        }
        if stop != Stop::NoReader
            && let Ok(relayed) = tokio::time::timeout(LAST_WORDS, self.relay()).await
        {
            return relayed;
        }
        self.drain(stop.by()).await;
        // Nobody waits for the lines, but what they told is stored.
        self.record().await
    }

    /// Ends the process and throws away what it still says.
    async fn drain(&mut self, by: &str) {
        self.process.control().cancel(by);
        while self.end.is_none() {
            let next = self.process.next().await;
            if let Some(Ok(output)) = &next {
                // Whatever was told before: this was not.
                self.last.has_result &= output.line.is_none();
            } else {
                self.take_next(next);
            }
        }
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

/// Whether an event stream can carry the line as it is: CR would end it, and it is text. No line of JSON holds CR, NUL
/// or invalid UTF-8.
fn is_sendable(line: &[u8]) -> bool {
    memchr::memchr2(b'\r', 0, line).is_none() && std::str::from_utf8(line).is_ok()
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
