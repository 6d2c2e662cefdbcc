//! From the CLI's output into the run's log: every line as it came, in order.

use std::time::Duration;

use claude_core::cli::{Message, Output, Process, RunResult};
use claude_core::turn::event::Usage;
use claude_core::{Error, TurnEvent};
use futures_util::FutureExt;
use server_kit::problem::Problem;
use server_kit::runs::{Event, RunWriter, Stop};

use super::ending::{Finish, Last};
use super::ledger::Ledger;
use crate::figures::{self, Task};

/// How long a stopped run may take for its last lines, its reader for taking them; then they are dropped.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Brings one process's lines into one log.
pub(super) struct Relay {
    log: RunWriter,
    process: Process,
    ledger: Ledger,
    /// What the run has used, and what of it is in the metrics.
    usage: Usage,
    counted: Usage,
    last: Last,
    stopped: Option<Stop>,
    /// How the process's output ended.
    end: Option<Result<(), Error>>,
}

impl Relay {
    pub(super) fn new(log: RunWriter, process: Process, ledger: Ledger) -> Self {
        let (usage, counted) = (Usage::default(), Usage::default());
        Self { log, process, ledger, usage, counted, last: Last::default(), stopped: None, end: None }
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
            model: self.ledger.model().to_owned(),
            outcome: self.process.outcome().cloned(),
            process: self.end.unwrap_or(Ok(())),
            has_session: self.ledger.has_session(),
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
        self.ledger.record().await?;
        self.log.flush().await;
        Ok(())
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
        let cost = self.ledger.told(result.cost());
        self.log.note(None, self.ledger.cost());
        let counted = std::mem::replace(&mut self.counted, self.usage);
        let used = figures::beyond(&self.usage, &counted);
        figures::turn(Task::ClaudeCode, self.ledger.model(), &used, cost);
    }

    fn began(&mut self, id: &str, model: &str) {
        if self.ledger.began(id, model) {
            self.log.note(Some(id), None);
        }
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
        self.ledger.record().await
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

/// Whether an event stream can carry the line as it is: CR would end it, and it is text. No line of JSON holds CR, NUL
/// or invalid UTF-8.
fn is_sendable(line: &[u8]) -> bool {
    memchr::memchr2(b'\r', 0, line).is_none() && std::str::from_utf8(line).is_ok()
}
