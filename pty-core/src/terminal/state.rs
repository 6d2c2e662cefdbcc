//! What a terminal's task, its viewers and its handles share. Locked for short steps only, never over an await.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::device::Device;
use super::flow::{Flow, Output, Role, SeatId};
use super::input::InputQueue;
use super::ring::Ring;
use crate::exit::Exit;
use crate::frame::Reason;
use crate::id::{Owner, TerminalId};
use crate::info::{Info, Phase};
use crate::limits::Limits;
use crate::size::Size;
use crate::stats::Counters;

/// A terminal, as everybody who has to do with it sees it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: TerminalId,
    pub(crate) facts: Facts,
    pub(crate) limits: Arc<Limits>,
    pub(crate) counters: Arc<Counters>,
    state: Mutex<State>,
    /// Something changed that the task should look at.
    pub(crate) changed: Notify,
    /// The queue of input has room again, or somebody who waits for that was closed.
    pub(crate) has_room: Notify,
    /// Nobody of the terminal is left, or it was forgotten.
    pub(crate) over: Notify,
}

/// What never changes.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) owner: Owner,
    pub(crate) label: String,
    pub(crate) name: Option<String>,
    pub(crate) pid: u32,
    pub(crate) created_at: SystemTime,
    pub(crate) recording: Option<PathBuf>,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) ring: Ring,
    pub(crate) flow: Flow<Line>,
    pub(crate) input: InputQueue,
    /// `None` once the child's output is over.
    pub(crate) device: Option<Arc<Device>>,
    pub(crate) size: Size,
    /// The newest size that was asked for and not set yet, and by whom.
    pub(crate) wanted: Option<(Size, SeatId)>,
    pub(crate) phase: Phase,
    pub(crate) exit: Option<Exit>,
    /// Why the terminal is to end, once it is.
    pub(crate) end: Option<Reason>,
    /// Whether it can be found no more.
    pub(crate) is_forgotten: bool,
    /// Whether reading stands still for a writer.
    pub(crate) is_paused: bool,
    /// How much of a window must be free for reading to go on then, so that small acknowledgements make no small reads.
    resume: u64,
    /// When there was input or output last.
    pub(crate) active_at: Instant,
}

/// What is kept for one viewer.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waker: Option<Waker>,
    pub(crate) resized: Option<Size>,
    pub(crate) closed: Option<Reason>,
    /// What was typed, for a recorder that asked for it.
    pub(crate) typed: Option<Typed>,
}

/// Input on its way to a recording; what is beyond the limit isn't recorded.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    pub(crate) pieces: Vec<Bytes>,
    bytes: usize,
}

/// The most input that waits to be recorded, bytes.
const TYPED_MOST: usize = 1 << 20;

/// A writer that reading stood still for is read for again once this part of its window is free.
const RESUME_PART: usize = 8;

/// Whether all input that was queued has reached the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    All,
    /// The child has to read first.
    Rest,
}

impl Shared {
    pub(crate) fn new(
        (id, facts): (TerminalId, Facts),
        (limits, counters): (Arc<Limits>, Arc<Counters>),
        (device, size): (Arc<Device>, Size),
    ) -> Self {
        let state = State {
            ring: Ring::new(limits.ring_bytes),
            flow: Flow::new(&limits),
            input: InputQueue::new(limits.input_bytes),
            device: Some(device),
            size,
            wanted: None,
            phase: Phase::Running,
            exit: None,
            end: None,
            is_forgotten: false,
            is_paused: false,
            resume: (limits.window / RESUME_PART).max(1) as u64,
            active_at: Instant::now(),
        };
        let [changed, has_room, over] = [Notify::new(), Notify::new(), Notify::new()];
        Self { id, facts, limits, counters, state: Mutex::new(state), changed, has_room, over }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn info(&self) -> Info {
        let state = self.lock();
        Info {
            id: self.id,
            owner: self.facts.owner.clone(),
            label: self.facts.label.clone(),
            name: self.facts.name.clone(),
            size: state.size,
            pid: self.facts.pid,
            phase: state.phase,
            created_at: self.facts.created_at,
            base: state.ring.base(),
            head: state.ring.head(),
            viewers: state.flow.viewers(),
            exit: state.exit.clone(),
            recording: self.facts.recording.clone(),
        }
    }

    /// Asks for the end and closes all viewers. The first reason counts, but for those after which nobody may attach.
    pub(crate) fn request_end(&self, reason: Reason) {
        let wakers = {
            let mut state = self.lock();
            let outweighs = match reason {
                Reason::Deleted => true,
                Reason::ShuttingDown => state.end != Some(Reason::Deleted),
                _ => state.end.is_none(),
            };
            if outweighs {
                state.end = Some(reason);
            }
            state.close_all(reason)
        };
        wakers.into_iter().for_each(Waker::wake);
        self.has_room.notify_waiters();
        self.changed.notify_one();
    }

    /// Done when the terminal is as far as that.
    pub(crate) async fn until(&self, is_there: impl Fn(&State) -> bool) {
        loop {
            let mut over = std::pin::pin!(self.over.notified());
            over.as_mut().enable();
            if is_there(&self.lock()) {
                return;
            }
            over.await;
        }
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.lock().end == Some(Reason::Deleted)
    }

    /// Nobody can find it any more.
    pub(crate) fn forgotten(&self) {
        let wakers = {
            let mut state = self.lock();
            state.is_forgotten = true;
            state.close_all(Reason::Deleted)
        };
        wakers.into_iter().for_each(Waker::wake);
        self.over.notify_waiters();
    }
}

impl State {
    pub(crate) fn output(&self) -> Output {
        let least = if self.is_paused { self.resume } else { 1 };
        let (base, head) = (self.ring.base(), self.ring.head());
        Output { base, head, least, input_is_full: self.input.is_full() }
    }

    /// How many bytes may be read of the child now.
    pub(crate) fn room(&self) -> u64 {
        let output = self.output();
        let Some(end) = self.flow.end_of_reading(output) else { return u64::MAX };
        Some(end.saturating_sub(output.head)).filter(|room| *room >= output.least).unwrap_or(0)
    }

    /// Whether the task has yet to notice that it may read again.
    pub(crate) fn may_go_on(&self) -> bool {
        self.is_paused && self.room() > 0
    }

    /// Adds output, and to `wakers` those whom it is for.
    pub(crate) fn push(&mut self, bytes: &[u8], counters: &Counters, wakers: &mut Vec<Waker>) {
        counters.read(bytes.len());
        self.ring.push(bytes);
        self.active_at = Instant::now();
        self.wake_served(wakers);
    }

    /// Whose group is signalled where nobody is in the foreground: the child's, while its number is its own.
    pub(crate) fn leader(&self, facts: &Facts) -> Option<u32> {
        (self.phase == Phase::Running).then_some(facts.pid)
    }

    /// Gives the child what it takes of the queued input, at once.
    pub(crate) fn flush_input(&mut self, counters: &Counters) -> Flushed {
        match self.device.clone() {
            Some(device) => self.flush_input_by(|bytes| device.write(bytes), counters),
            None => {
                self.input.clear();
                Flushed::All
            }
        }
    }

    /// The same by this way of writing.
    pub(crate) fn flush_input_by(
        &mut self,
        write: impl Fn(&[u8]) -> io::Result<Option<usize>>,
        counters: &Counters,
    ) -> Flushed {
        while !self.input.is_empty() {
            match write(self.input.front()) {
                Ok(Some(count)) => {
                    self.input.advance(count);
                    counters.written(count);
                }
                Ok(None) => return Flushed::Rest,
                // Nobody reads it any more; the end is told elsewhere.
                Err(_) => self.input.clear(),
            }
        }
        Flushed::All
    }

    /// Hands a recorder what was typed.
    pub(crate) fn note_typed(&mut self, bytes: &Bytes) {
        for (_, line) in self.flow.extras() {
            if let Some(typed) = &mut line.typed
                && typed.bytes + bytes.len() <= TYPED_MOST
            {
                typed.bytes += bytes.len();
                typed.pieces.push(bytes.clone());
            }
        }
    }

    /// Those for whom there is something now.
    pub(crate) fn wake_served(&mut self, wakers: &mut Vec<Waker>) {
        let output = self.output();
        wakers.extend(self.flow.served(output).filter_map(Line::take_waker));
    }

    /// Everybody.
    pub(crate) fn wake_all(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.flow.extras().filter_map(|(_, line)| line.take_waker()));
    }

    /// Tells a viewer why it is closed.
    pub(crate) fn close(&mut self, id: SeatId, reason: Reason) -> Option<Waker> {
        self.flow.close(id);
        let line = self.flow.extra(id)?;
        line.closed = line.closed.or(Some(reason));
        line.take_waker()
    }

    /// Closes all viewers. A place is kept on only where there will be something to come back to.
    pub(crate) fn close_all(&mut self, reason: Reason) -> Vec<Waker> {
        if matches!(reason, Reason::Deleted | Reason::ShuttingDown) {
            self.flow.keep_none();
        }
        let viewers: Vec<SeatId> = self
            .flow
            .attached()
            .filter_map(|(id, role)| matches!(role, Role::Viewer(_)).then_some(id))
            .collect();
        viewers.into_iter().filter_map(|id| self.close(id, reason)).collect()
    }

    /// Sets the size that was asked for last; the other viewers are to be told.
    pub(crate) fn resize(&mut self, wakers: &mut Vec<Waker>) {
        let Some((size, by)) = self.wanted.take() else { return };
        let Some(device) = &self.device else { return };
        if device.size().unwrap_or(self.size) == size {
            self.size = size;
            return;
        }
        device.resize(size);
        self.size = size;
        for (_, line) in self.flow.extras().filter(|(id, _)| *id != by) {
            line.resized = Some(size);
            wakers.extend(line.take_waker());
        }
    }
}

impl Line {
    #[cfg(feature = "recording")]
    pub(crate) fn recorder(with_input: bool) -> Self {
        Self { typed: with_input.then(Typed::default), ..Self::default() }
    }

    /// Has it woken when there is something for it.
    pub(crate) fn wait(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(crate) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// What was typed since it was asked last.
    #[cfg(feature = "recording")]
    pub(crate) fn take_typed(&mut self) -> Vec<Bytes> {
        self.typed.as_mut().map(std::mem::take).map(|typed| typed.pieces).unwrap_or_default()
    }
}
