//! One live run: its log, where it stands, and whether somebody wants it to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;

use super::LastWords;
use super::archive::{Archive, ArchiveError, RunInfo, RunState};
use super::id::{RunId, Seq};
use super::log::{Log, Memory, SeatId, Waits};
use crate::auth::{Identity, UserId};
use crate::request_id::RequestId;

/// Why a run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// Its owner asked for it.
    User,
    /// Nobody reads it any more.
    NoReader,
    /// The server ends.
    Shutdown,
    /// The store does not take it.
    Unrecorded,
    /// Its owner's account is gone or disabled.
    Account,
}

impl Stop {
    /// What stands in the run's end.
    #[must_use]
    pub const fn by(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::NoReader => "no_reader",
            Self::Shutdown => "shutdown",
            Self::Unrecorded => "storage",
            Self::Account => "account",
        }
    }
}

/// Whether the run's row is on disk.
#[derive(Debug, Clone)]
pub(super) enum Recorded {
    NotYet,
    Yes,
    No(ArchiveError),
}

/// How much of the log the archive holds.
#[derive(Debug, Clone)]
enum Archived {
    UpTo(Seq),
    Failed(ArchiveError),
}

pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) log: Log,
    pub(super) archive: Arc<dyn Archive>,
    pub(super) waits: Waits,
    pub(super) work: TaskTracker,
    pub(super) request_id: RequestId,
    pub(super) last_words: LastWords,
    /// Whether the archive knows all there is to know of it, or does not know it yet.
    pub(super) is_settled: AtomicBool,
    /// How long it goes on without readers, unless it is archived.
    grace: Duration,
    info: Mutex<RunInfo>,
    stop: watch::Sender<Option<Stop>>,
    recorded: watch::Sender<Recorded>,
    archived: watch::Sender<Archived>,
    /// Somebody waits for the archive.
    awaits_archive: Notify,
    /// Set together with the log's end.
    ended_at: Mutex<Option<tokio::time::Instant>>,
}

impl Run {
    pub(super) fn new(
        info: RunInfo,
        waits: Waits,
        grace: Duration,
        shared: (Arc<dyn Archive>, Memory, TaskTracker, LastWords),
    ) -> Arc<Self> {
        let (archive, memory, work, last_words) = shared;
        Arc::new(Self {
            id: info.id,
            log: Log::new(waits, memory),
            archive,
            waits,
            work,
            request_id: RequestId::current(),
            last_words,
            is_settled: AtomicBool::new(true),
            grace,
            info: Mutex::new(info),
            stop: watch::Sender::new(None),
            recorded: watch::Sender::new(Recorded::NotYet),
            archived: watch::Sender::new(Archived::UpTo(Seq::START)),
            awaits_archive: Notify::new(),
            ended_at: Mutex::new(None),
        })
    }

    // ── who may

    pub(super) fn owner(&self) -> UserId {
        self.with_info(|info| info.owner)
    }

    pub(super) fn belongs_to(&self, who: &Identity) -> bool {
        self.owner() == who.user
    }

    pub(super) fn is_readable_by(&self, who: &Identity) -> bool {
        self.with_info(|info| info.readable_by_id || info.owner == who.user)
    }

    // ── where it stands

    pub(super) fn info(&self) -> RunInfo {
        let mut info = self.with_info(|info| info.clone());
        info.last_seq = self.log.last().get();
        info
    }

    pub(super) fn with_info<T>(&self, read: impl FnOnce(&mut RunInfo) -> T) -> T {
        read(&mut self.info.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn kind(&self) -> String {
        self.with_info(|info| info.kind.clone())
    }

    pub(super) fn state(&self) -> RunState {
        self.with_info(|info| info.state)
    }

    pub(super) fn note_end(&self) {
        *self.ended_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokio::time::Instant::now());
        self.log.end();
    }

    /// How long ago it ended; none while its end is not stored.
    pub(super) fn ended_since(&self) -> Option<Duration> {
        if !self.is_settled.load(Ordering::Relaxed) {
            return None;
        }
        self.ended_at.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    // ── the row

    pub(super) fn record(&self, recorded: Recorded) {
        self.recorded.send_replace(recorded);
    }

    /// Waits until the row is on disk.
    pub(super) async fn recorded(&self) -> Result<(), ArchiveError> {
        let mut recorded = self.recorded.subscribe();
        let settled = recorded.wait_for(|recorded| !matches!(recorded, Recorded::NotYet)).await;
        match settled.as_deref() {
            Ok(Recorded::No(error)) => Err(error.clone()),
            // The sender is ours: it can't be gone.
            _ => Ok(()),
        }
    }

    pub(super) fn archived_up_to(&self, last: Seq) {
        self.archived.send_replace(Archived::UpTo(last));
    }

    pub(super) fn archive_failed(&self, error: ArchiveError) {
        self.archived.send_replace(Archived::Failed(error));
    }

    /// Done once somebody waits for the archive.
    pub(super) async fn archive_is_awaited(&self) {
        self.awaits_archive.notified().await;
    }

    /// Waits until the archive holds what was published up to now, if the run is archived.
    pub(super) async fn archived(&self) -> Result<(), ArchiveError> {
        if self.waits == Waits::ForReaders {
            return Ok(());
        }
        let last = self.log.last();
        let holds = |archived: &Archived| match archived {
            Archived::UpTo(seq) => *seq >= last,
            Archived::Failed(_) => true,
        };
        self.awaits_archive.notify_one();
        match self.archived.subscribe().wait_for(holds).await.as_deref() {
            Ok(Archived::Failed(error)) => Err(error.clone()),
            // The sender is ours: it can't be gone.
            _ => Ok(()),
        }
    }

    // ── stopping

    /// Asks it to stop; the first reason stays.
    pub(super) fn stop(&self, why: Stop) {
        self.stop.send_if_modified(|asked| {
            let first = asked.is_none();
            if first {
                *asked = Some(why);
            }
            first
        });
    }

    pub(super) fn stops(&self) -> watch::Receiver<Option<Stop>> {
        self.stop.subscribe()
    }

    /// A reader leaves its seat.
    pub(super) fn leave(self: &Arc<Self>, seat: SeatId) {
        if let Some(arrivals) = self.log.leave(seat) {
            self.was_deserted(arrivals);
        }
    }

    /// The last reader left. An archived run goes on without.
    pub(super) fn was_deserted(self: &Arc<Self>, arrivals: u64) {
        if self.waits == Waits::ForArchive {
            return;
        }
        let grace = self.grace;
        // A run that waits for its turn has done nothing that a reader could come back to.
        if grace.is_zero() || self.state() == RunState::Queued {
            self.stop(Stop::NoReader);
            return;
        }
        // Without a runtime the program is ending, and the run with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let run = Arc::downgrade(self);
        runtime.spawn(async move {
            tokio::time::sleep(grace).await;
            if let Some(run) = run.upgrade()
                && run.log.is_deserted(arrivals)
            {
                run.stop(Stop::NoReader);
            }
        });
    }
}
