//! A cursor into a run's log.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use smallvec::SmallVec;

use super::archive::{Archive, ArchiveError};
use super::id::{RunId, Seq};
use super::log::{Found, SeatId, Sitter, Waits};
use super::run::Run;

/// Bytes of one read from the archive.
const READ: usize = 1 << 20;

/// Why a reader gets nothing more though the run has not ended.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It stood still for too long. It may come back and go on behind the last event it got.
    #[error("the reader stood still for too long")]
    Cut,
    /// What comes next is held nowhere.
    #[error("the next events are no longer held")]
    Gone,
    /// The archive failed.
    #[error("the archive failed")]
    Archive(#[from] ArchiveError),
}

/// Reads a run's events, encoded as an event stream, from where it began to the run's end. Dropping it leaves.
///
/// It has no queue and copies nothing: it walks along the run's log.
pub struct Reader {
    place: Place,
    /// The rest of what was found together.
    rest: SmallVec<[Bytes; 3]>,
    /// The last event that was found.
    after: Seq,
}

type Fetch = Pin<Box<dyn Future<Output = Result<Vec<(Seq, Bytes)>, ArchiveError>> + Send>>;

enum Place {
    /// In a live run's log.
    Seated {
        run: Arc<Run>,
        seat: SeatId,
    },
    /// Behind the start of what a live run's log holds: it reads from the archive until it is back.
    CatchingUp {
        run: Arc<Run>,
        fetch: Fetch,
    },
    /// In what the archive holds of a run that has ended, with what comes behind it.
    Stored {
        stored: Stored,
        fetch: Option<Fetch>,
    },
    Over,
}

struct Stored {
    archive: Arc<dyn Archive>,
    run: RunId,
    last: Option<Bytes>,
}

impl Reader {
    /// A reader of a live run; `None` if what follows is held nowhere.
    pub(super) fn live(run: Arc<Run>, after: Seq) -> Option<Self> {
        Some(Self { place: Place::live(run, after)?, rest: SmallVec::new(), after })
    }

    /// What the archive holds behind `after`, then `last`.
    pub(super) fn stored(archive: Arc<dyn Archive>, run: RunId, after: Seq, last: Option<Bytes>) -> Self {
        let stored = Stored { archive, run, last };
        Self { place: Place::Stored { stored, fetch: None }, rest: SmallVec::new(), after }
    }

    /// The next bytes of the event stream: one event, a part of a large one, or several; `None` at the run's end.
    /// Cancel safe.
    ///
    /// # Errors
    /// [`ReadError`], once; nothing comes behind it.
    pub async fn next(&mut self) -> Option<Result<Bytes, ReadError>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ReadError>>> {
        loop {
            if !self.rest.is_empty() {
                return Poll::Ready(Some(Ok(self.rest.remove(0))));
            }
            let (place, step) = std::mem::replace(&mut self.place, Place::Over).advance(self.after, cx);
            self.place = place;
            match step {
                Step::Took(bytes, last) => (self.rest, self.after) = (bytes, self.after.max(last)),
                Step::Moved => {}
                Step::Waits => return Poll::Pending,
                Step::Ended => return Poll::Ready(None),
                Step::Failed(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Place {
    /// A place in a live run's log, or in the archive where the log doesn't hold it any more.
    fn live(run: Arc<Run>, after: Seq) -> Option<Self> {
        match run.log.sit(Sitter::Reader, after) {
            Some(seat) => Some(Self::Seated { run, seat }),
            None if run.waits == Waits::ForArchive => {
                let fetch = fetch(run.archive.clone(), run.id, after);
                Some(Self::CatchingUp { run, fetch })
            }
            None => None,
        }
    }

    /// One step from here, and where it leads.
    fn advance(self, after: Seq, cx: &mut Context<'_>) -> (Self, Step) {
        match self {
            Self::Seated { run, seat } => Self::seated(run, seat, after, cx),
            Self::CatchingUp { run, mut fetch } => match fetch.as_mut().poll(cx) {
                Poll::Pending => (Self::CatchingUp { run, fetch }, Step::Waits),
                Poll::Ready(Err(error)) => (Self::Over, Step::Failed(error.into())),
                Poll::Ready(Ok(events)) => match joined(&events) {
                    Some((bytes, last)) => match Self::live(run, last) {
                        Some(place) => (place, Step::Took(bytes, last)),
                        None => (Self::Over, Step::Failed(ReadError::Gone)),
                    },
                    None => (Self::Over, Step::Failed(ReadError::Gone)),
                },
            },
            Self::Stored { stored, fetch: reading } => Self::stored(stored, reading, after, cx),
            Self::Over => (Self::Over, Step::Ended),
        }
    }

    fn seated(run: Arc<Run>, seat: SeatId, after: Seq, cx: &mut Context<'_>) -> (Self, Step) {
        let Poll::Ready(found) = run.log.poll_next(seat, cx) else {
            return (Self::Seated { run, seat }, Step::Waits);
        };
        let step = match found {
            Found::Bytes(bytes, last) => return (Self::Seated { run, seat }, Step::Took(bytes, last)),
            Found::End => Step::Ended,
            Found::Cut => Step::Failed(ReadError::Cut),
            Found::Dropped => {
                // Seated anew before the old seat is left: the run isn't deserted meanwhile.
                let place = Self::live(run.clone(), after);
                run.leave(seat);
                return match place {
                    Some(place) => (place, Step::Moved),
                    None => (Self::Over, Step::Failed(ReadError::Gone)),
                };
            }
        };
        run.leave(seat);
        (Self::Over, step)
    }

    fn stored(mut stored: Stored, reading: Option<Fetch>, after: Seq, cx: &mut Context<'_>) -> (Self, Step) {
        let mut reading = reading.unwrap_or_else(|| fetch(stored.archive.clone(), stored.run, after));
        match reading.as_mut().poll(cx) {
            Poll::Pending => (Self::Stored { stored, fetch: Some(reading) }, Step::Waits),
            Poll::Ready(Err(error)) => (Self::Over, Step::Failed(error.into())),
            Poll::Ready(Ok(events)) => match (joined(&events), stored.last.take()) {
                (Some((bytes, last)), end) => {
                    stored.last = end;
                    (Self::Stored { stored, fetch: None }, Step::Took(bytes, last))
                }
                (None, Some(end)) => (Self::Over, Step::Took(SmallVec::from_iter([end]), after)),
                (None, None) => (Self::Over, Step::Ended),
            },
        }
    }
}

/// What one step along the log gave.
enum Step {
    Took(SmallVec<[Bytes; 3]>, Seq),
    Moved,
    Waits,
    Ended,
    Failed(ReadError),
}

fn fetch(archive: Arc<dyn Archive>, run: RunId, after: Seq) -> Fetch {
    Box::pin(async move { archive.read(run, after, READ).await })
}

/// Stored events back to back, and the number of the last; `None` where there are none.
fn joined(events: &[(Seq, Bytes)]) -> Option<(SmallVec<[Bytes; 3]>, Seq)> {
    let (last, _) = events.last()?;
    let bytes = events.iter().flat_map(|(_, frame)| frame.iter().copied()).collect::<Vec<u8>>();
    Some((SmallVec::from_iter([Bytes::from(bytes)]), *last))
}

impl Stream for Reader {
    type Item = Result<Bytes, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_bytes(cx)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.place, Place::Over) {
            Place::Seated { run, seat } => run.leave(seat),
            // It was on its way back to a seat: the run may be deserted now.
            Place::CatchingUp { .. } | Place::Stored { .. } | Place::Over => {}
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("after", &self.after).finish_non_exhaustive()
    }
}
