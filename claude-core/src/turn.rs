//! A turn: one user message answered to its end, whoever answers.
//!
//! A [`Backend`] starts a [`Turn`] from a [`TurnRequest`]. The turn is a stream of [`TurnEvent`]s with exactly one
//! end; its [`TurnHandle`] stops it from anywhere. A backend of one's own is made with [`Turn::new`].

mod answer;
mod emitter;
mod end;
pub mod event;
mod handle;
mod request;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

pub use answer::Answer;
pub use emitter::Emitter;
pub use end::TurnEnd;
pub use event::{Decision, Effect, Failed, TurnEvent, Usage};
pub use handle::{Stop, Stops, TurnHandle};
pub use request::{Origin, ToolSet, TurnLimits, TurnRequest};

/// Starts turns. Whatever is missing, a key or a program, is the turn's end `failed`: one place to look.
pub trait Backend: Send + Sync {
    /// Starts a turn. Nothing happens before it is polled.
    fn start(&self, request: TurnRequest) -> Turn;
}

/// A stream of events with exactly one end, after which nothing comes.
///
/// Its work is done while it is read: a reader who stands still stops it. Dropping the turn cancels it, down to the
/// socket or the process tree. A panic of the work is the end `failed` with code `internal`.
#[must_use = "a turn does nothing unless it is polled, and stops when it is dropped"]
pub struct Turn {
    /// `None` after the end.
    work: Option<Work>,
    emitter: Emitter,
    handle: TurnHandle,
}

type Work = Pin<Box<dyn Future<Output = TurnEnd> + Send>>;

impl Turn {
    /// A turn that `work` does: it emits events and returns the end.
    ///
    /// ```
    /// use claude_core::TurnEvent;
    /// use claude_core::turn::{Turn, TurnEnd};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut turn = Turn::new(|emitter, mut stops| async move {
    ///     emitter.emit(TurnEvent::TextDelta { text: "Hello.".into(), parent_tool_call_id: None }).await;
    ///     TurnEnd::stopped(stops.stopped().await)
    /// });
    /// assert!(matches!(turn.next().await, Some(TurnEvent::TextDelta { .. })));
    /// turn.handle().interrupt();
    /// assert!(matches!(turn.next().await, Some(TurnEvent::Cancelled { by }) if by == "user"));
    /// assert!(turn.next().await.is_none());
    /// # }
    /// ```
    pub fn new<W>(work: impl FnOnce(Emitter, Stops) -> W) -> Self
    where
        W: Future<Output = TurnEnd> + Send + 'static,
    {
        let (handle, stops) = TurnHandle::new();
        Self::steered_by(handle, |emitter| work(emitter, stops))
    }

    /// A turn whose work hears of stops in its own way.
    pub(crate) fn steered_by<W>(handle: TurnHandle, work: impl FnOnce(Emitter) -> W) -> Self
    where
        W: Future<Output = TurnEnd> + Send + 'static,
    {
        let emitter = Emitter::new();
        let work = Box::pin(work(emitter.clone()));
        Self { work: Some(work), emitter, handle }
    }

    /// Stops the turn from anywhere.
    #[must_use]
    pub fn handle(&self) -> TurnHandle {
        self.handle.clone()
    }

    /// The next event; `None` after the end. Cancel safe: what was not returned comes with the next call.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Reads to the end and keeps what a conversation keeps.
    pub async fn finish(mut self) -> Answer {
        let mut answer = Answer::default();
        while let Some(event) = self.next().await {
            answer.push(event);
        }
        answer
    }
}

impl Stream for Turn {
    type Item = TurnEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TurnEvent>> {
        let this = &mut *self;
        if let Some(event) = this.emitter.take() {
            return Poll::Ready(Some(event));
        }
        // Only with nothing left to read, so the work always finds room.
        if let Some(work) = &mut this.work
            && let Poll::Ready(end) = poll_work(work, cx)
        {
            // What it held is let go of before its end is told.
            this.work = None;
            this.emitter.end(end.into());
        }
        this.emitter.poll_take(cx)
    }
}

/// The work is not polled again after a panic, so nobody sees what it left half done.
fn poll_work(work: &mut Work, cx: &mut Context<'_>) -> Poll<TurnEnd> {
    catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))).unwrap_or_else(|_| {
        Poll::Ready(TurnEnd::Failed(Failed::new("internal", "the work of this turn panicked")))
    })
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.work = None;
        // Tasks beside the work that wait for room need not wait any more.
        self.emitter.close();
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("is_over", &self.work.is_none()).finish_non_exhaustive()
    }
}
