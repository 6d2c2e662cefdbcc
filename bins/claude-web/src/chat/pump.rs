//! From a turn into its run's log: every event once, in order, and one end.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use claude_core::turn::{Failed, Usage};
use claude_core::{Turn, TurnEvent};
use futures_util::FutureExt;
use server_kit::problem::Problem;
use server_kit::runs::{Ended, Event, Failure, Outcome, Phase, RunWriter, Stop};

use crate::approvals::POLICY;
use crate::claude::Ledger;
use crate::figures::{self, Task};

/// How long a stopped turn may take for its end; then it is cancelled, and once more so long after that it is dropped.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// Brings one turn into one log.
pub(super) struct Pump {
    turn: Turn,
    log: RunWriter,
    /// Keeps the Claude Code session, where there is one.
    ledger: Option<Ledger>,
    /// Questions that wait for a decision, and whether the run is noted as waiting for that.
    questions: usize,
    noted: Phase,
    meter: Meter,
    stopped: Option<Stop>,
    /// The turn's own end.
    end: Option<TurnEvent>,
}

/// A turn that is over.
pub(super) struct Finish {
    log: RunWriter,
    end: TurnEvent,
    stopped: Option<Stop>,
    has_session: bool,
    cost_usd: f64,
    meter: Meter,
}

/// What a turn comes to.
struct Meter {
    began: Instant,
    has_content: bool,
    model: String,
    usage: Usage,
}

impl Pump {
    pub(super) fn new(turn: Turn, log: RunWriter) -> Self {
        let (usage, model) = (Usage::default(), String::new());
        let meter = Meter { began: Instant::now(), has_content: false, model, usage };
        let noted = Phase::Running;
        Self { turn, log, ledger: None, questions: 0, noted, meter, stopped: None, end: None }
    }

    /// Keeps the session that the turn tells.
    pub(super) fn keeping(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Pumps until the turn's end. A run that is told to stop tells its turn.
    pub(super) async fn run(mut self) -> Finish {
        let mut stops = self.log.stop_signal();
        // Dropping the pumping half-way loses nothing: an event is queued as soon as it is read.
        let pumped = tokio::select! {
            pumped = self.pump() => pumped,
            stop = stops.stopped() => self.stop(stop).await,
        };
        if let Err(problem) = pumped {
            // What was not stored is not shown, and the session's turn is not given on while Claude Code lives.
            problem.log();
            self.log.forget_queued();
            self.drain("storage").await;
            self.end = Some(failed_event(&problem));
        }
        // Whatever it still runs ends before the session's turn is given on.
        drop(self.turn);
        let stopped_by = self.stopped.unwrap_or(Stop::User).by();
        let cost_usd = match &self.ledger {
            Some(ledger) => ledger.cost(),
            None => self.meter.usage.cost_usd,
        };
        Finish {
            log: self.log,
            end: self.end.unwrap_or_else(|| TurnEvent::Cancelled { by: stopped_by.into() }),
            stopped: self.stopped,
            has_session: self.ledger.is_some_and(|ledger| ledger.has_session()),
            cost_usd: cost_usd.unwrap_or(0.0),
            meter: self.meter,
        }
    }

    /// Reads to the end. What is at hand is shown together, what has to be waited for is not waited with.
    ///
    /// Cancel safe: what was read is kept before anything is waited for.
    async fn pump(&mut self) -> Result<(), Problem> {
        while self.end.is_none() {
            let next = match self.turn.next().now_or_never() {
                Some(next) => next,
                None => {
                    self.show().await?;
                    self.turn.next().await
                }
            };
            // A turn has an end; without one it was ended before.
            let Some(event) = next else { break };
            self.take(event)?;
            if self.log.has_enough() {
                self.show().await?;
            }
        }
        self.show().await
    }

    /// Shows what is queued, once what it tells of is stored: who reads a session's id may use it. Cancel safe.
    async fn show(&mut self) -> Result<(), Problem> {
        if let Some(ledger) = &mut self.ledger {
            ledger.record().await?;
        }
        self.note_phase().await;
        self.log.flush().await;
        Ok(())
    }

    /// Notes whether the run waits for a person. A store that does not take that costs only the note.
    async fn note_phase(&mut self) {
        let phase = if self.questions > 0 { Phase::WaitingApproval } else { Phase::Running };
        if phase != self.noted {
            if let Err(problem) = self.log.phase(phase).await {
                problem.log();
            }
            self.noted = phase;
        }
    }

    fn take(&mut self, event: TurnEvent) -> Result<(), Problem> {
        match &event {
            TurnEvent::TextDelta { .. } | TurnEvent::ThinkingDelta { .. } | TurnEvent::ToolCall { .. } => {
                self.meter.content();
            }
            TurnEvent::Started { session_id, model, .. } => self.began(session_id.as_deref(), model),
            TurnEvent::Usage(usage) => self.used(usage),
            TurnEvent::Retrying { .. } => figures::retrying(&self.meter.model),
            TurnEvent::ApprovalRequired { .. } => self.questions += 1,
            TurnEvent::ApprovalResolved { .. } => self.questions = self.questions.saturating_sub(1),
            _ => {}
        }
        if event.is_end() {
            self.end = Some(event);
            return Ok(());
        }
        self.log.queue_json(event.name(), &event).map(drop).map_err(Problem::internal)
    }

    fn began(&mut self, session: Option<&str>, model: &str) {
        model.clone_into(&mut self.meter.model);
        if let (Some(ledger), Some(id)) = (&mut self.ledger, session)
            && ledger.began(id, model)
        {
            self.log.note(Some(id), None);
        }
    }

    fn used(&mut self, usage: &Usage) {
        self.meter.usage = *usage;
        let cost = match &mut self.ledger {
            Some(ledger) => {
                if usage.cost_usd.is_some() {
                    ledger.told(usage.cost_usd);
                }
                ledger.cost()
            }
            None => usage.cost_usd,
        };
        self.log.note(None, cost);
    }

    /// Ends the turn. Its last events are still shown.
    async fn stop(&mut self, stop: Stop) -> Result<(), Problem> {
        self.stopped = Some(stop);
        let handle = self.turn.handle();
        match stop {
            Stop::User => handle.interrupt(),
            other => handle.cancel(other.by()),
        }
        if let Ok(pumped) = tokio::time::timeout(LAST_WORDS, self.pump()).await {
            return pumped;
        }
        self.drain(stop.by()).await;
        // Nobody waits for the events, but what they told is stored.
        match &mut self.ledger {
            Some(ledger) => ledger.record().await,
            None => Ok(()),
        }
    }

    /// Cancels the turn and throws away what it still says but its end.
    async fn drain(&mut self, by: &str) {
        self.turn.handle().cancel(by);
        let rest = async {
            while let Some(event) = self.turn.next().await {
                if event.is_end() {
                    self.end = Some(event);
                }
            }
        };
        // One that does not end is dropped with the pump, and what it runs with it.
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
    }
}

impl Finish {
    /// Whether Claude Code told a session.
    pub(super) fn has_session(&self) -> bool {
        self.has_session
    }

    /// Ends the run with the turn's end, which is its last event.
    pub(super) async fn end(self) -> Ended {
        let end = match self.stopped {
            Some(Stop::Unrecorded) => failed_event(&unrecorded()),
            _ => self.end,
        };
        self.meter.over(&end, self.cost_usd);
        finish(self.log, outcome(&end, self.stopped), &end).await
    }
}

impl Meter {
    fn content(&mut self) {
        if !std::mem::replace(&mut self.has_content, true) {
            figures::took(&self.model, figures::Phase::FirstToken, self.began.elapsed());
        }
    }

    fn over(&self, end: &TurnEvent, cost_usd: f64) {
        figures::turn(Task::Chat, &self.model, &self.usage, cost_usd);
        figures::took(&self.model, figures::Phase::Total, self.began.elapsed());
        if let TurnEvent::Failed(failed) = end {
            figures::failed(&self.model, &failed.code);
        }
    }
}

/// A turn that was stopped before it began.
pub(super) async fn stopped(log: RunWriter, stop: Stop) -> Ended {
    let end = TurnEvent::Cancelled { by: stop.by().into() };
    finish(log, outcome(&end, Some(stop)), &end).await
}

/// A turn that could not begin.
pub(super) async fn failed(log: RunWriter, problem: &Problem) -> Ended {
    problem.log();
    let end = failed_event(problem);
    finish(log, outcome(&end, None), &end).await
}

async fn finish(log: RunWriter, outcome: Outcome, end: &TurnEvent) -> Ended {
    let event = Event::json(end.name(), end).ok();
    log.end(outcome, event).await
}

fn outcome(end: &TurnEvent, stopped: Option<Stop>) -> Outcome {
    match end {
        TurnEvent::Failed(failed) => {
            Outcome::Failed(Failure { code: failed.code.to_string(), message: failed.message.to_string() })
        }
        TurnEvent::Cancelled { by } => {
            // A turn that nobody stopped was ended by a denial.
            let itself = if &**by == POLICY { POLICY } else { Stop::User.by() };
            Outcome::Cancelled { by: stopped.map_or(itself, Stop::by) }
        }
        _ => Outcome::Completed,
    }
}

fn failed_event(problem: &Problem) -> TurnEvent {
    let failed = Failed::new(problem.code(), problem.message());
    let may_succeed = matches!(
        problem.status(),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
    );
    TurnEvent::Failed(if may_succeed { failed.retryable() } else { failed })
}

fn unrecorded() -> Problem {
    Problem::unavailable("the server's store does not take this run")
}

#[cfg(test)]
mod tests;
