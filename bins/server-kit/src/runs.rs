//! Runs: work that the server keeps going without readers. Each has one event log and exactly one end.
//!
//! - [`Runs`] owns them. [`Runs::spawn`] starts one and hands its work a [`RunWriter`]; the work returns [`Ended`],
//!   which only [`RunWriter::end`] makes.
//! - A [`Reader`] walks along the log: an event is encoded once, whoever reads it. It may leave and come back behind
//!   the last event it got.
//! - A log never runs more than 1 MiB ahead: a run that is archived waits for the archive only, any other for its
//!   readers. One that stands still for longer than [`Limits::stall`] is cut and may come back. When the last one left
//!   longer than [`Limits::grace`] ago, the run is told to stop, unless it is archived.
//! - What readers have passed stays in memory for those who come back: 4 MiB of a run, or, where all together have more
//!   than 16 MiB, 64 KiB of each; ended runs for ten minutes. Behind that is the [`Archive`], else the answer is 410 `gone`.

mod archive;
mod archiver;
mod event;
mod id;
mod keeping;
mod log;
mod reader;
mod run;
mod tries;
mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub use archive::{
    Archive, ArchiveError, Ending, Failure, ListPage, Outcome, PageQuery, Phase, RunInfo, RunState,
    STOPPED_BY,
};
pub use event::Event;
pub use id::{RunId, Seq};
pub use reader::{ReadError, Reader};
pub use run::Stop;
pub use writer::{Ended, RunWriter, StopSignal};

use crate::auth::{Auth, Identity, UserId};
use crate::problem::{ErrorBody, Problem};
use log::{Memory, Waits};
use run::{Recorded, Run};

/// Behind every number that an interrupted archived run may have shown without having archived it: a log runs at most
/// 1 MiB and a batch ahead of the archive, and no event is smaller than a byte.
const BEYOND_UNARCHIVED: u64 = 2 << 20;

/// How long runs may take, and be kept.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// How long a reader may stand still while there is something to read (60 s); beyond it, it is cut.
    pub stall: Duration,
    /// How long a run that is not archived goes on without readers (10 s); beyond it, it is told to stop.
    pub grace: Duration,
    /// How long an ended run stays in memory (10 min).
    pub kept: Duration,
    /// Runs in memory, ended ones included (16,384); beyond it the oldest ended ones are forgotten, and where there
    /// are none, new ones refused.
    pub runs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            kept: Duration::from_secs(600),
            runs: 16_384,
        }
    }
}

/// A run to be started.
#[derive(Debug, Clone)]
pub struct NewRun {
    id: RunId,
    owner: UserId,
    kind: &'static str,
    phase: Phase,
    session_id: Option<String>,
    is_archived: bool,
    is_readable_by_id: bool,
}

impl NewRun {
    /// A run of this kind for this user.
    #[must_use]
    pub fn new(owner: UserId, kind: &'static str) -> Self {
        let id = RunId::new();
        let (phase, session_id) = (Phase::Running, None);
        Self { id, owner, kind, phase, session_id, is_archived: false, is_readable_by_id: false }
    }

    /// It waits for its turn first. If its reader leaves meanwhile, it stops at once.
    #[must_use]
    pub fn queued(mut self) -> Self {
        self.phase = Phase::Queued;
        self
    }

    /// The session it goes on with.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session_id = Some(id.into());
        self
    }

    /// Its events are kept, and it goes on without readers.
    #[must_use]
    pub fn archived(mut self) -> Self {
        self.is_archived = true;
        self
    }

    /// Everyone who has its id may read it.
    #[must_use]
    pub fn readable_by_id(mut self) -> Self {
        self.is_readable_by_id = true;
        self
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    fn info(&self) -> RunInfo {
        RunInfo {
            id: self.id,
            kind: self.kind.to_owned(),
            state: self.phase.into(),
            session_id: self.session_id.clone(),
            created_at: Utc::now(),
            ended_at: None,
            cost_usd: None,
            error: None,
            last_seq: 0,
            owner: self.owner,
            readable_by_id: self.is_readable_by_id,
        }
    }
}

/// How the last event of a run of this kind is written where the server itself has to tell it: the run's server died, or
/// the run was given up. `None` tells nothing.
pub type LastWords = fn(kind: &str, told: &ErrorBody) -> Option<Event>;

/// `event: error`, for runs of any kind.
#[must_use]
pub fn error_event(_kind: &str, told: &ErrorBody) -> Option<Event> {
    Event::json("error", told).ok()
}

/// All runs of a server. Clones share them; they go on when a clone is dropped.
#[derive(Clone)]
pub struct Runs {
    shared: Arc<Shared>,
}

struct Shared {
    archive: Arc<dyn Archive>,
    limits: Limits,
    last_words: LastWords,
    memory: Memory,
    live: Mutex<HashMap<RunId, Arc<Run>>>,
    work: TaskTracker,
}

impl Runs {
    /// Runs whose rows and events go to `archive`. Must be called in a tokio runtime.
    #[must_use]
    pub fn new(archive: Arc<dyn Archive>, limits: Limits) -> Self {
        Self::with_last_words(archive, limits, error_event)
    }

    /// As [`Runs::new`], with a say in how the server itself tells the end of a run.
    #[must_use]
    pub fn with_last_words(archive: Arc<dyn Archive>, limits: Limits, last_words: LastWords) -> Self {
        let (memory, live, work) = (Memory::default(), Mutex::default(), TaskTracker::new());
        let shared = Arc::new(Shared { archive, limits, last_words, memory, live, work });
        tokio::spawn(keeping::keep_house(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Starts a run, and returns once its row is on disk, with a reader from its start. The work begins at once, beside
    /// that; dropping the reader counts as leaving.
    ///
    /// # Errors
    /// 503 while shutting down or with too many runs; 507 or 503 when the row can't be stored: then the work is
    /// stopped.
    pub async fn spawn<F, W>(&self, new: NewRun, work: F) -> Result<(RunId, Reader), Problem>
    where
        F: FnOnce(RunWriter) -> W,
        W: Future<Output = Ended> + Send + 'static,
    {
        let Shared { archive, limits, last_words, memory, work: tasks, .. } = &*self.shared;
        let waits = if new.is_archived { Waits::ForArchive } else { Waits::ForReaders };
        let shared = (archive.clone(), memory.clone(), tasks.clone(), *last_words);
        let run = Run::new(new.info(), waits, limits.grace, shared);
        self.enter(&run)?;
        let reader = Reader::live(run.clone(), Seq::START).ok_or_else(gone)?;
        self.shared.work.spawn(record(run.clone()));
        if let Some(seat) = new.is_archived.then(|| archiver::seat(&run)).flatten() {
            self.shared.work.spawn(archiver::keep_events(run.clone(), seat));
        }
        let span = tracing::info_span!("run", run_id = %run.id);
        self.shared.work.spawn(work(RunWriter::new(run.clone())).instrument(span));
        run.recorded().await?;
        Ok((run.id, reader))
    }

    /// Reads a run behind an event. Somebody else's run is 404.
    ///
    /// # Errors
    /// 404; 410 `gone` when the events behind `after` are no longer held; 503.
    pub async fn subscribe_after(&self, id: RunId, who: &Identity, after: Seq) -> Result<Reader, Problem> {
        if let Some(run) = self.find(id, who)? {
            if after > run.log.last() {
                return Err(Problem::invalid("last-event-id", "the run has no such event yet"));
            }
            return Reader::live(run, after).ok_or_else(gone);
        }
        let archive = self.shared.archive.clone();
        let info = archive.get(id, who.user).await?;
        let (seq, frame) = interrupted(&info, self.shared.last_words);
        // One that is not in memory and has no end is no run any more, whatever its row says.
        let is_dead = info.state == RunState::Interrupted || info.ended_at.is_none();
        let last = (is_dead && after < seq).then_some(frame);
        if info.last_seq > after.get() && last.is_none() && archive.read(id, after, 1).await?.is_empty() {
            return Err(gone());
        }
        Ok(Reader::stored(archive, id, after, last))
    }

    /// How a run stands.
    ///
    /// # Errors
    /// 404, also for somebody else's; 503.
    pub async fn get(&self, id: RunId, who: &Identity) -> Result<RunInfo, Problem> {
        match self.find(id, who)? {
            Some(run) => Ok(run.info()),
            None => Ok(self.shared.archive.get(id, who.user).await?),
        }
    }

    /// A user's runs, newest first.
    ///
    /// # Errors
    /// 400 for a cursor of another list; 503.
    pub async fn list(
        &self,
        who: &Identity,
        state: Option<RunState>,
        page: PageQuery,
    ) -> Result<ListPage<RunInfo>, Problem> {
        let mut page = self.shared.archive.list(who.user, state, page).await?;
        for info in &mut page.items {
            // What is in memory is newer than its row.
            if let Some(run) = self.live().get(&info.id) {
                *info = run.info();
            }
        }
        page.items.retain(|info| state.is_none_or(|state| info.state == state));
        Ok(page)
    }

    /// Tells a run to stop.
    ///
    /// # Errors
    /// 404; 409 `already_ended`.
    pub async fn stop(&self, id: RunId, who: &Identity, why: Stop) -> Result<(), Problem> {
        match self.find(id, who)? {
            Some(run) if !run.belongs_to(who) => {
                Err(Problem::forbidden("only who started a run may stop it"))
            }
            Some(run) if !run.log.is_ended() => {
                run.stop(why);
                Ok(())
            }
            Some(_) => Err(already_ended()),
            None => {
                self.shared.archive.get(id, who.user).await?;
                Err(already_ended())
            }
        }
    }

    /// Stops the runs of owners whose account is gone or disabled, for as long as it is polled: what outlives its reader
    /// does not outlive its owner. Noticed at once where the account was changed here, else after a while.
    pub async fn end_with_their_owners(&self, auth: &Auth) {
        let owners =
            || self.live().values().filter(|run| !run.log.is_ended()).map(|run| run.owner()).collect();
        let end = |owner| {
            let live = self.live();
            live.values().filter(|run| run.owner() == owner).for_each(|run| run.stop(Stop::Account));
        };
        auth.watch_over(owners, |_| true, end).await;
    }

    /// At start: what died with an earlier server gets the state `interrupted`. Says how many.
    ///
    /// # Errors
    /// 503.
    pub async fn recover(&self) -> Result<u64, Problem> {
        Ok(self.shared.archive.recover().await?)
    }

    /// How many runs have not ended.
    #[must_use]
    pub fn active(&self) -> usize {
        self.live().values().filter(|run| !run.log.is_ended()).count()
    }

    /// Tells all runs to stop, takes no new ones, and waits for their ends.
    ///
    /// # Errors
    /// How many had not ended in time.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), usize> {
        self.shared.work.close();
        for run in self.live().values() {
            run.stop(Stop::Shutdown);
        }
        tokio::time::timeout(deadline, self.shared.work.wait()).await.map_err(|_| self.active())
    }

    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Run>>> {
        self.shared.live()
    }

    fn enter(&self, run: &Arc<Run>) -> Result<(), Problem> {
        let mut live = self.live();
        // Asked under the lock: a shutdown tells all runs that are in the map by then.
        if self.shared.work.is_closed() {
            return Err(Problem::unavailable("the server is shutting down"));
        }
        if live.len() >= self.shared.limits.runs && !keeping::forget_oldest(&mut live) {
            return Err(Problem::unavailable("the server has too many runs; try again later"));
        }
        live.insert(run.id, run.clone());
        Ok(())
    }

    fn find(&self, id: RunId, who: &Identity) -> Result<Option<Arc<Run>>, Problem> {
        match self.live().get(&id) {
            Some(run) if run.is_readable_by(who) => Ok(Some(run.clone())),
            Some(_) => Err(Problem::not_found()),
            None => Ok(None),
        }
    }
}

impl Shared {
    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Run>>> {
        // A panic elsewhere leaves a plain map behind.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings a new run's row to disk; a run that can't be stored is stopped.
async fn record(run: Arc<Run>) {
    match run.archive.open(&run.info()).await {
        Ok(()) => run.record(Recorded::Yes),
        Err(error) => {
            run.record(Recorded::No(error));
            run.stop(Stop::Unrecorded);
        }
    }
}

/// The last event of a run whose server died.
fn interrupted(info: &RunInfo, last_words: LastWords) -> (Seq, Bytes) {
    let status = http::StatusCode::SERVICE_UNAVAILABLE;
    let problem = Problem::new(status, "interrupted", Failure::interrupted().message);
    let seq = info.last_seq + BEYOND_UNARCHIVED;
    let event = last_words(&info.kind, &problem.body());
    (Seq::new(seq), event.map(|event| event.frame(seq)).unwrap_or_default())
}

fn gone() -> Problem {
    Problem::new(http::StatusCode::GONE, "gone", "these events are no longer held")
}

fn already_ended() -> Problem {
    Problem::new(http::StatusCode::CONFLICT, "already_ended", "the run has ended")
}
