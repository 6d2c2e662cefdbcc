//! The only producer of a run's log.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use tokio::sync::watch;

use super::archive::{ArchiveError, Ending, Failure, Outcome, Phase};
use super::event::{Batch, Event};
use super::id::{RunId, Seq};
use super::run::{Run, Stop};
use super::tries;
use crate::problem::Problem;
use crate::request_id::RequestId;

/// How often an end that could not be stored is tried again.
const SETTLE_EVERY: Duration = Duration::from_secs(2);

/// Writes a run's log, and its end. Dropped without one, by a panic, the run ends as failed, `aborted`.
pub struct RunWriter {
    run: Arc<Run>,
    batch: Batch,
    /// `false` once the end was written.
    is_open: bool,
}

/// Proof that a run was ended. Only [`RunWriter::end`] makes one, so no work returns without an end.
#[derive(Debug)]
pub struct Ended(());

/// Tells when a run is to stop.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<Option<Stop>>);

impl StopSignal {
    /// Waits until the run is to stop. Cancel safe.
    pub async fn stopped(&mut self) -> Stop {
        let stop = self.0.wait_for(Option::is_some).await.ok().and_then(|stop| *stop);
        match stop {
            Some(stop) => stop,
            // Nobody is left who could stop it.
            None => std::future::pending().await,
        }
    }

    /// Whether it is to stop.
    #[must_use]
    pub fn now(&self) -> Option<Stop> {
        *self.0.borrow()
    }
}

impl RunWriter {
    pub(super) fn new(run: Arc<Run>) -> Self {
        Self { run, batch: Batch::new(1), is_open: true }
    }

    /// The run.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.run.id
    }

    /// Appends an event and shows it to the readers. Waits while the log may not grow: a reader is more than 1 MiB
    /// behind, or nobody reads and the run isn't archived.
    ///
    /// Cancel safe: the event is appended in any case, and shown with the next [`RunWriter::flush`] at the latest.
    pub async fn append(&mut self, event: Event) -> Seq {
        let seq = self.queue(&event);
        self.flush().await;
        seq
    }

    /// Appends an event without showing it yet: that does [`RunWriter::flush`], which is due once there are
    /// [enough](RunWriter::has_enough). For those who have more events at hand.
    pub fn queue(&mut self, event: &Event) -> Seq {
        self.batch.push(event)
    }

    /// As [`RunWriter::queue`], for a payload that is written as JSON straight into its frame.
    ///
    /// # Errors
    /// When the payload can't be written as JSON; then nothing is queued.
    pub fn queue_json<T: Serialize>(
        &mut self,
        name: &'static str,
        payload: &T,
    ) -> Result<Seq, serde_json::Error> {
        self.batch.push_json(name, payload)
    }

    /// Whether so much is queued that it should be shown.
    #[must_use]
    pub fn has_enough(&self) -> bool {
        self.batch.is_full()
    }

    /// Shows what was queued. Waits as [`RunWriter::append`]. Cancel safe.
    pub async fn flush(&mut self) {
        if !self.batch.is_empty() {
            poll_fn(|cx| self.run.log.poll_room(cx)).await;
            self.run.log.publish(self.batch.take());
        }
    }

    /// Drops what was queued and not shown: nobody will see it.
    pub fn forget_queued(&mut self) {
        self.batch.forget();
    }

    /// The request that started the run: errors in its log name it.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.run.request_id
    }

    /// Waits until the run's row is on disk, and, if it is archived, everything that was appended.
    ///
    /// # Errors
    /// When the archive does not take it.
    pub async fn recorded(&mut self) -> Result<(), Problem> {
        self.run.recorded().await?;
        Ok(self.run.archived().await?)
    }

    /// Tells when the run is to stop.
    #[must_use]
    pub fn stop_signal(&self) -> StopSignal {
        StopSignal(self.run.stops())
    }

    /// Notes where the run stands.
    ///
    /// # Errors
    /// When the archive does not take it.
    pub async fn phase(&mut self, phase: Phase) -> Result<(), Problem> {
        self.run.recorded().await?;
        self.run.archive.set_phase(self.run.id, phase).await?;
        self.run.with_info(|info| info.state = phase.into());
        Ok(())
    }

    /// Notes the session it works in, and what it has cost.
    pub fn note(&mut self, session_id: Option<&str>, cost_usd: Option<f64>) {
        self.run.with_info(|info| {
            if let Some(session) = session_id {
                info.session_id = Some(session.to_owned());
            }
            info.cost_usd = cost_usd.or(info.cost_usd);
        });
    }

    /// Ends the run, with a last event if there is one. It is durable when it returns, as far as the archive goes; the
    /// readers see the end then.
    pub async fn end(mut self, outcome: Outcome, last: Option<Event>) -> Ended {
        self.is_open = false;
        if let Some(event) = last {
            // Without waiting: an end is small, and there is one.
            self.run.log.publish(self.batch.take());
            self.batch.push(&event);
        }
        self.run.log.publish(self.batch.take());
        finish(self.run.clone(), outcome).await;
        Ended(())
    }
}

/// Writes the end where it lasts, then shows it.
async fn finish(run: Arc<Run>, outcome: Outcome) {
    let recorded = run.recorded().await;
    let info = run.info();
    let ending = Ending {
        outcome: outcome.clone(),
        cost_usd: info.cost_usd,
        session_id: info.session_id,
        last_seq: run.log.last(),
    };
    if recorded.is_ok()
        && let Err(error) = end_durably(&run, &ending).await
    {
        tracing::error!(run_id = %run.id, error = &error as &dyn std::error::Error, "a run's end is not stored yet");
        run.is_settled.store(false, Ordering::Relaxed);
        run.work.spawn(settle_later(run.clone(), ending));
    }
    run.with_info(|info| {
        info.state = outcome.state();
        info.error = outcome.failure();
        info.ended_at = Some(Utc::now());
    });
    run.note_end();
}

/// Tries until the end is stored. Until then the run stays in memory, where it says how it stands; a server that ends
/// before leaves it to the next one, which finds it interrupted.
async fn settle_later(run: Arc<Run>, ending: Ending) {
    while !run.work.is_closed() {
        tokio::time::sleep(SETTLE_EVERY).await;
        if !matches!(
            end_durably(&run, &ending).await,
            Err(ArchiveError::Full(_) | ArchiveError::Unavailable(_))
        ) {
            run.is_settled.store(true, Ordering::Relaxed);
            return;
        }
    }
}

/// The end is noted even where events could not be archived: then it says so.
async fn end_durably(run: &Run, ending: &Ending) -> Result<(), ArchiveError> {
    let mut ending = ending.clone();
    if let Err(error) = run.archived().await {
        ending.outcome = Outcome::Failed(Failure { code: "storage".into(), message: error.to_string() });
    }
    tries::until_available(|| run.archive.end(run.id, &ending)).await
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let failure = Failure { code: "aborted".into(), message: "the server gave this run up".into() };
        let problem =
            Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "aborted", failure.message.clone());
        let words = problem.body_for(&self.run.request_id);
        if let Some(event) = (self.run.last_words)(&self.run.kind(), &words) {
            self.run.log.publish(self.batch.take());
            self.batch.push(&event);
        }
        self.run.log.publish(self.batch.take());
        let run = self.run.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(run.work.clone().spawn_on(finish(run, Outcome::Failed(failure)), &runtime)),
            Err(_) => run.note_end(),
        }
    }
}
