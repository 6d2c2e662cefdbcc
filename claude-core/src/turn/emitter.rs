//! From a turn's work to whoever reads the turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::event::TurnEvent;

/// The most events that wait to be read; emitting waits beyond it.
const EVENTS: usize = 64;

/// Where a turn's work puts its events. Clones put into the same turn, from other tasks too.
#[derive(Debug, Clone)]
pub struct Emitter(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    /// Grows to [`EVENTS`] once and is used over and over.
    events: VecDeque<TurnEvent>,
    /// The reader, where it waits.
    reader: Option<Waker>,
    /// Those who wait for room.
    writers: Vec<Waker>,
    /// The turn ended, or was dropped: nothing more is taken.
    closed: bool,
}

impl Emitter {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Tells an event. Waits while 64 are unread, so that a reader who stands still stops the work. Cancel safe: an
    /// event whose waiting was dropped was not told.
    ///
    /// After the turn's end nothing is told, and an end is not told at all: that is what the work returns.
    pub async fn emit(&self, event: TurnEvent) {
        if event.is_end() {
            return;
        }
        let mut event = Some(event);
        std::future::poll_fn(|cx| self.poll_put(&mut event, cx)).await;
    }

    fn poll_put(&self, event: &mut Option<TurnEvent>, cx: &Context<'_>) -> Poll<()> {
        let mut queue = self.queue();
        if queue.closed {
            return Poll::Ready(());
        }
        if queue.events.len() >= EVENTS {
            if !queue.writers.iter().any(|known| known.will_wake(cx.waker())) {
                queue.writers.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        queue.events.extend(event.take());
        let reader = queue.reader.take();
        drop(queue);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(())
    }

    /// What is there already. The reader is awake.
    pub(super) fn take(&self) -> Option<TurnEvent> {
        let mut queue = self.queue();
        queue.reader = None;
        let event = queue.events.pop_front();
        // Halfway down, so that a task beside the work is woken for a batch and not for each event.
        let writers =
            if queue.events.len() <= EVENTS / 2 { std::mem::take(&mut queue.writers) } else { vec![] };
        drop(queue);
        writers.into_iter().for_each(Waker::wake);
        event
    }

    /// The next event, `None` after the last; wakes whoever asks.
    pub(super) fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<TurnEvent>> {
        let mut queue = self.queue();
        match queue.events.pop_front() {
            None if !queue.closed => {
                queue.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            event => Poll::Ready(event),
        }
    }

    /// Puts the end, whatever waits, and takes nothing more.
    pub(super) fn end(&self, end: TurnEvent) {
        let mut queue = self.queue();
        if !queue.closed {
            queue.events.push_back(end);
        }
        drop(queue);
        self.close();
    }

    /// Takes nothing more; nobody waits.
    pub(super) fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        let writers = std::mem::take(&mut queue.writers);
        drop(queue);
        writers.into_iter().for_each(Waker::wake);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
