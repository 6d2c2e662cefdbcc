//! What a terminal's task, its viewers and its handles share. Locked for short steps only, never over an await.

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
    /// The queue of input has room again, or nobody reads it any more.
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

/// A writer that was paused for is read for again once this part of its window is free, so that small acknowledgements
/// don't make small reads.
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

    /// Asks for the end and closes all viewers. The first reason counts, but for a deletion, which always does.
    pub(crate) fn request_end(&self, reason: Reason) {
        let wakers = {
            let mut state = self.lock();
            if state.end.is_none() || reason == Reason::Deleted {
                state.end = Some(reason);
            }
            state.close_all(reason)
        };
        wakers.into_iter().for_each(Waker::wake);
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

    /// Adds output, and to `wakers` those whom it is for.
    pub(crate) fn push(&self, bytes: &[u8], wakers: &mut Vec<Waker>) {
        self.counters.read(bytes.len());
        let mut state = self.lock();
        state.ring.push(bytes);
        state.active_at = Instant::now();
        state.wake_served(wakers);
    }
}

impl State {
    pub(crate) fn output(&self) -> Output {
        Output { base: self.ring.base(), head: self.ring.head(), input_is_full: self.input.is_full() }
    }

    /// How many bytes may be read of the child now.
    pub(crate) fn room(&mut self, window: usize) -> u64 {
        let output = self.output();
        let Some(end) = self.flow.end_of_reading(output) else {
            self.is_paused = false;
            return u64::MAX;
        };
        let room = end.saturating_sub(output.head);
        let enough = if self.is_paused { (window / RESUME_PART).max(1) as u64 } else { 1 };
        if room >= enough { room } else { 0 }
    }

    /// Whether the task should be told of an acknowledgement.
    pub(crate) fn may_go_on(&mut self, window: usize) -> bool {
        self.is_paused && self.room(window) > 0
    }

    /// Gives the child what it takes of the queued input.
    pub(crate) fn flush_input(&mut self, counters: &Counters) -> Flushed {
        let Some(device) = &self.device else {
            self.input.clear();
            return Flushed::All;
        };
        while !self.input.is_empty() {
            match device.write(self.input.front()) {
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

    pub(crate) fn close_all(&mut self, reason: Reason) -> Vec<Waker> {
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
        let Some(device) = self.device.as_ref().filter(|_| size != self.size) else { return };
        device.resize(size);
        self.size = size;
        for (_, line) in self.flow.extras().filter(|(id, _)| *id != by) {
            line.resized = Some(size);
            wakers.extend(line.take_waker());
        }
    }
}

impl Line {
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
    pub(crate) fn take_typed(&mut self) -> Vec<Bytes> {
        self.typed.as_mut().map(std::mem::take).map(|typed| typed.pieces).unwrap_or_default()
    }
}
