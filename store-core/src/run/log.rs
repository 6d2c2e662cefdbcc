//! A run's events, and what is done about runs whose server died.

use bytes::Bytes;

use super::{Run, Runs};
use crate::error::{Error, Result};
use crate::id::RunId;
use crate::page::{Page, Paging};
use crate::store::on;

/// Most events of one read, whatever their size.
pub const MAX_EVENTS_READ: u32 = 1024;

/// One event of a run's log. What its bytes mean is the server's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number: from 1, strictly increasing, gaps allowed.
    pub seq: u64,
    /// Its content.
    pub bytes: Bytes,
}

impl Runs<'_> {
    /// Appends events in order: all or none. Those that are stored already, with the same bytes, are passed
    /// over, so that a batch may be repeated.
    ///
    /// # Errors
    /// [`Stale`](Error::Stale) if a number is at or below the log's last and holds something else;
    /// [`Invalid`](Error::Invalid) if the batch isn't in order; [`AlreadyEnded`](Error::AlreadyEnded) for new
    /// events of an ended run; [`NotFound`](Error::NotFound).
    pub async fn append(self, id: RunId, events: &[EventRow]) -> Result<()> {
        let rising = events.windows(2).all(|pair| pair[0].seq < pair[1].seq);
        if !rising || events.first().is_some_and(|event| event.seq == 0) {
            return Err(Error::Invalid { field: "seq", reason: "does not rise from 1" });
        }
        on!(self.store, db => db.append_events(self.scope, id, events.to_vec()).await)
    }

    /// The events behind number `after`, in order: about `max_bytes` of them, at least one and at most
    /// [`MAX_EVENTS_READ`]. Empty at the end of the log.
    ///
    /// # Errors
    /// [`NotFound`](Error::NotFound).
    pub async fn read(self, id: RunId, after: u64, max_bytes: usize) -> Result<Vec<EventRow>> {
        on!(self.store, db => db.read_events((self.scope, id), after, max_bytes).await)
    }

    /// The runs that have no end yet, newest first.
    ///
    /// # Errors
    /// [`Invalid`](Error::Invalid) for a cursor of another list.
    pub async fn unfinished(self, paging: Paging) -> Result<Page<Run>> {
        on!(self.store, db => db.unfinished_runs(self.scope, paging).await)
    }

    /// At start, before anything runs: ends every unfinished run as interrupted, and says how many. Runs that
    /// shall get a last event, or go on, are found by [`Runs::unfinished`] and treated first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(self) -> Result<u64> {
        let now = self.store.now();
        on!(self.store, db => db.interrupt_runs(self.scope, now).await)
    }
}
