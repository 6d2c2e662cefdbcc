//! One attachment to a terminal, in two halves.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use tokio::time::Instant;

use super::flow::{Next, SeatId};
use super::ring::SLICE_MOST;
use super::state::{Flushed, Line, Shared, State};
use crate::attach::{Mode, Start};
use crate::error::{Error, Result};
use crate::frame::{Frame, Reason};
use crate::signal::Signal;
use crate::size::Size;

/// One attachment to a terminal. Its halves can live in two tasks, so that a full queue of input stops no output.
/// Dropping either one is a cut: a writer's place is kept for [`Limits::hold`](crate::Limits::hold).
#[derive(Debug)]
pub struct Viewer {
    /// Where it starts.
    pub start: Start,
    /// What it is told.
    pub output: Output,
    /// What it says.
    pub input: Input,
}

/// What a viewer is told: output within its window, gaps, sizes, the end. A [`Stream`] of [`Frame`]s.
#[derive(Debug)]
pub struct Output(Seat);

/// What a viewer says: input, acknowledgements, sizes, signals.
#[derive(Debug)]
pub struct Input {
    seat: Seat,
    mode: Mode,
}

/// A place at a terminal. Dropping it is a cut.
#[derive(Debug)]
struct Seat {
    shared: Arc<Shared>,
    id: SeatId,
}

impl Viewer {
    pub(crate) fn new(shared: &Arc<Shared>, id: SeatId, start: Start) -> Self {
        let seat = || Seat { shared: Arc::clone(shared), id };
        Self { start, output: Output(seat()), input: Input { seat: seat(), mode: start.mode } }
    }
}

impl Output {
    #[cfg(feature = "recording")]
    pub(crate) fn of(shared: &Arc<Shared>, id: SeatId) -> Self {
        Self(Seat { shared: Arc::clone(shared), id })
    }

    /// The next frame; `None` after [`Frame::Exit`] and [`Frame::Closed`], and once the other half was dropped. Cancel
    /// safe.
    pub async fn next(&mut self) -> Option<Frame> {
        std::future::poll_fn(|context| self.poll_frame(context)).await
    }

    /// Done when the viewer is closed, which it then isn't told of by [`next`](Self::next); never if it isn't. For who
    /// waits for something else meanwhile. Cancel safe.
    pub async fn closed(&mut self) -> Reason {
        std::future::poll_fn(|context| {
            let mut state = self.0.shared.lock();
            let Some(line) = state.flow.extra(self.0.id) else { return Poll::Pending };
            match line.closed.take() {
                Some(reason) => {
                    state.flow.leave(self.0.id);
                    Poll::Ready(reason)
                }
                None => {
                    line.wait(context.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Output right behind the last [`Frame::Output`], as far as it is there already and nothing else comes before it:
    /// for who would rather send one large message than two small ones. At most `most` bytes, which is not 0.
    pub fn more(&mut self, most: usize) -> Option<Bytes> {
        let mut state = self.0.shared.lock();
        let line = state.flow.extra(self.0.id)?;
        if line.closed.is_some() || line.resized.is_some() || most == 0 {
            return None;
        }
        match state.flow.next(self.0.id, state.output()) {
            Next::Send { from, most: may } => Some(state.take(self.0.id, from, may.min(most as u64))),
            Next::Gap { .. } | Next::Wait | Next::Closed => None,
        }
    }

    /// What was typed since this was asked last, for a recorder that wants it.
    #[cfg(feature = "recording")]
    pub(crate) fn typed(&mut self) -> Vec<Bytes> {
        let mut state = self.0.shared.lock();
        state.flow.extra(self.0.id).map(Line::take_typed).unwrap_or_default()
    }

    fn poll_frame(&mut self, context: &Context<'_>) -> Poll<Option<Frame>> {
        let mut state = self.0.shared.lock();
        match state.next_frame(self.0.id) {
            Poll::Ready(frame) => Poll::Ready(frame),
            Poll::Pending => {
                if let Some(line) = state.flow.extra(self.0.id) {
                    line.wait(context.waker());
                }
                Poll::Pending
            }
        }
    }
}

impl Stream for Output {
    type Item = Frame;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.get_mut().poll_frame(context)
    }
}

impl State {
    fn next_frame(&mut self, id: SeatId) -> Poll<Option<Frame>> {
        let Some(line) = self.flow.extra(id) else { return Poll::Ready(None) };
        if let Some(reason) = line.closed.take() {
            self.flow.leave(id);
            return Poll::Ready(Some(Frame::Closed(reason)));
        }
        if let Some(size) = line.resized.take() {
            return Poll::Ready(Some(Frame::Resized(size)));
        }
        match self.flow.next(id, self.output()) {
            Next::Closed => Poll::Ready(None),
            Next::Gap { from, to } => {
                self.flow.skipped(id, to);
                Poll::Ready(Some(Frame::Gap { from, to }))
            }
            Next::Send { from, most } => {
                let data = self.take(id, from, most);
                Poll::Ready(Some(Frame::Output { offset: from, data }))
            }
            Next::Wait => self.end_of(id),
        }
    }

    fn take(&mut self, id: SeatId, from: u64, most: u64) -> Bytes {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(SLICE_MOST);
        let data = self.ring.slice(from, most);
        self.flow.sent(id, from + data.len() as u64);
        data
    }

    /// It waits: the end, if it was told all there ever was.
    fn end_of(&mut self, id: SeatId) -> Poll<Option<Frame>> {
        let Some(exit) = &self.exit else { return Poll::Pending };
        if !self.flow.has_all(id, self.ring.head()) {
            return Poll::Pending;
        }
        let end = Frame::Exit(exit.clone());
        self.flow.leave(id);
        Poll::Ready(Some(end))
    }
}

impl Input {
    /// Gives the child something to read, behind all that was given before, exactly as it is. Waits while
    /// [`Limits::input_bytes`](crate::Limits::input_bytes) are queued. Cancelled, nothing of it is given.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Exited`], [`Error::Detached`].
    pub async fn send(&self, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        let shared = &self.seat.shared;
        loop {
            let mut has_room = std::pin::pin!(shared.has_room.notified());
            has_room.as_mut().enable();
            if self.try_send(&bytes)? {
                return Ok(());
            }
            has_room.await;
        }
    }

    /// Whether the queue took it.
    fn try_send(&self, bytes: &Bytes) -> Result<bool> {
        let mut state = self.for_writing()?;
        if state.input.is_full() {
            return Ok(false);
        }
        state.active_at = Instant::now();
        state.note_typed(bytes);
        // A size that was asked for before is there before.
        let mut wakers = Vec::new();
        state.resize(&mut wakers);
        // What stands in front is the task's to write: it knows when the child reads again.
        let is_next = state.input.is_empty();
        state.input.push(bytes.clone());
        let waits = is_next && state.flush_input(&self.seat.shared.counters) == Flushed::Rest;
        // A full queue is a reason to read on where reading stood still.
        let changes = waits || state.may_go_on();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        if changes {
            self.seat.shared.changed.notify_one();
        }
        Ok(true)
    }

    /// Says that every byte before this offset is consumed. Less than before is ignored.
    ///
    /// # Errors
    /// [`Error::AckAhead`] for bytes that were not sent.
    pub fn ack(&self, to: u64) -> Result<()> {
        let shared = &self.seat.shared;
        let mut wakers = Vec::new();
        let goes_on = {
            let mut state = shared.lock();
            let acked = state.flow.ack(self.seat.id, to, Instant::now());
            acked.map_err(|ahead| Error::AckAhead { sent: ahead.0 })?;
            state.wake_served(&mut wakers);
            state.may_go_on()
        };
        wakers.into_iter().for_each(Waker::wake);
        if goes_on {
            shared.changed.notify_one();
        }
        Ok(())
    }

    /// Changes the terminal's size. Of several at once only the newest is set.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Exited`], [`Error::Detached`].
    pub fn resize(&self, size: Size) -> Result<()> {
        let mut state = self.for_writing()?;
        let Some((_, by)) = state.wanted.replace((size, self.seat.id)) else {
            drop(state);
            self.seat.shared.changed.notify_one();
            return Ok(());
        };
        // The task knows of one already. Whose size is never set has to hear which one is.
        let overtaken = state.flow.extra(by).filter(|_| by != self.seat.id).and_then(|line| {
            line.resized = Some(size);
            line.take_waker()
        });
        drop(state);
        if let Some(waker) = overtaken {
            waker.wake();
        }
        Ok(())
    }

    /// Signals the process group in the foreground.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Exited`], [`Error::Detached`], [`Error::Signal`].
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let state = self.for_writing()?;
        let device = state.device.as_ref().ok_or(Error::Detached)?;
        device.signal(signal, state.leader(&self.seat.shared.facts)).map_err(Error::Signal)
    }

    /// Leaves for good: no place is kept, and the child waits for nobody who isn't there.
    pub fn detach(self) {
        self.seat.let_go(|state| state.flow.leave(self.seat.id));
    }

    fn for_writing(&self) -> Result<std::sync::MutexGuard<'_, State>> {
        if self.mode == Mode::Watch {
            return Err(Error::ReadOnly);
        }
        let state = self.seat.shared.lock();
        match &state.exit {
            Some(exit) => Err(Error::Exited(exit.clone())),
            None if !state.flow.is_attached(self.seat.id) => Err(Error::Detached),
            None => Ok(state),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.0.shared.lock().flow.leave_if_closed(self.0.id);
    }
}

impl Seat {
    /// Leaves in this way; the other half hears of it, and so does the task: who is waited for has changed.
    fn let_go(&self, leave: impl FnOnce(&mut State)) {
        let other_half = {
            let mut state = self.shared.lock();
            let waker = state.flow.extra(self.id).and_then(Line::take_waker);
            leave(&mut state);
            waker
        };
        if let Some(waker) = other_half {
            waker.wake();
        }
        self.shared.changed.notify_one();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.let_go(|state| state.flow.cut(self.id, Instant::now()));
    }
}
