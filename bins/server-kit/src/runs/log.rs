//! A run's event log in memory: a stretch of encoded bytes that readers walk along.
//!
//! Pure bookkeeping behind one short lock, never held over an await. Offsets count encoded bytes since the run began.
//! Each reader has a [seat](SeatId); what all have passed is kept for those who come back, up to a limit.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::time::{Duration, Instant};

use super::event::Piece;
use super::id::Seq;

/// How far a log may run ahead of who holds it back.
pub(super) const WINDOW: u64 = 1 << 20;

/// What a log keeps for those who come back, where memory is plenty.
const KEPT: u64 = 4 << 20;

/// What it keeps in any case.
const KEPT_LEAST: u64 = 64 << 10;

/// So much that the archive has not taken is not gathered any longer.
const GATHERED: u64 = 128 << 10;

/// What all logs together may keep before each keeps no more than [`KEPT_LEAST`].
const KEPT_BY_ALL: usize = 16 << 20;

/// Whom a log waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// For its readers: what none of them took would be lost.
    ForReaders,
    /// For the archive only: a reader that falls behind reads there.
    ForArchive,
}

/// Who sits there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sitter {
    Reader,
    Archive,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeatId(usize);

/// The memory of all logs together.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<AtomicUsize>);

impl Memory {
    pub(super) fn is_short(&self) -> bool {
        self.0.load(Ordering::Relaxed) > KEPT_BY_ALL
    }
}

/// What a reader finds at its place.
pub(super) enum Found {
    /// The next bytes, in up to three parts, and the number of the last event in them.
    Bytes(SmallVec<[Bytes; 3]>, Seq),
    /// What comes next is no longer in memory.
    Dropped,
    /// The end was read.
    End,
    /// It stood still for too long and has lost its place.
    Cut,
}

#[derive(Debug)]
pub(super) struct Log {
    waits: Waits,
    memory: Memory,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Piece>,
    /// Where the first piece begins, and its number among all pieces ever.
    start: u64,
    start_index: u64,
    /// Where the next piece begins.
    head: u64,
    last: u64,
    /// The furthest that any reader was handed.
    handed: u64,
    seats: Vec<Option<Seat>>,
    writer: Option<Waker>,
    ended: bool,
    /// Counts readers that came; tells whether somebody came since.
    arrivals: u64,
}

#[derive(Debug)]
struct Seat {
    sitter: Sitter,
    /// The piece it reads next.
    index: u64,
    offset: u64,
    /// The last event it was handed.
    after: u64,
    moved_at: Instant,
    waker: Option<Waker>,
    /// It is woken once the log reaches this far.
    wake_at: u64,
    cut: bool,
}

impl Log {
    pub(super) fn new(waits: Waits, memory: Memory) -> Self {
        Self { waits, memory, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves plain data behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ── the writer

    /// Ready when the log may grow.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.head - state.floor(self.waits).min(state.head) < WINDOW {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Shows pieces to the readers.
    pub(super) fn publish(&self, pieces: impl IntoIterator<Item = Piece>) {
        let mut wakers = SmallVec::<[Waker; 4]>::new();
        let mut state = self.state();
        for piece in pieces {
            state.head += piece.len as u64;
            state.last = piece.last();
            self.memory.0.fetch_add(piece.len, Ordering::Relaxed);
            state.pieces.push_back(piece);
        }
        self.trim(&mut state);
        state.take_wakers(&mut wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Nothing comes behind what was published.
    pub(super) fn end(&self) {
        let mut wakers = SmallVec::<[Waker; 4]>::new();
        let mut state = self.state();
        state.ended = true;
        state.take_wakers(&mut wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn last(&self) -> Seq {
        Seq::new(self.state().last)
    }

    pub(super) fn is_ended(&self) -> bool {
        self.state().ended
    }

    // ── readers

    /// Takes a seat behind an event; `None` if what follows it is no longer in memory.
    pub(super) fn sit(&self, sitter: Sitter, after: Seq) -> Option<SeatId> {
        let mut state = self.state();
        let (index, offset) = state.find(after.get())?;
        let (moved_at, waker) = (Instant::now(), None);
        let (after, wake_at, cut) = (after.get(), 0, false);
        let seat = Seat { sitter, index, offset, after, moved_at, waker, wake_at, cut };
        state.arrivals += u64::from(sitter == Sitter::Reader);
        let free = state.seats.iter().position(Option::is_none);
        let id = free.unwrap_or(state.seats.len());
        if free.is_none() {
            state.seats.push(None);
        }
        state.seats[id] = Some(seat);
        Some(SeatId(id))
    }

    /// Gives the seat back. Says, if no reader is left, how many came up to now.
    pub(super) fn leave(&self, id: SeatId) -> Option<u64> {
        let mut state = self.state();
        let seat = state.seats.get_mut(id.0).and_then(Option::take);
        let was_reader = seat.is_some_and(|seat| seat.sitter == Sitter::Reader && !seat.cut);
        self.trim(&mut state);
        let writer = state.writer.take();
        let left = (was_reader && !state.has_readers()).then_some(state.arrivals);
        drop(state);
        writer.into_iter().for_each(Waker::wake);
        left
    }

    /// Whether nobody reads, and nobody came since there were `arrivals`.
    pub(super) fn is_deserted(&self, arrivals: u64) -> bool {
        let state = self.state();
        !state.has_readers() && state.arrivals == arrivals
    }

    /// What comes next at this seat; waits for it.
    pub(super) fn poll_next(&self, id: SeatId, cx: &mut Context<'_>) -> Poll<Found> {
        let mut state = self.state();
        let State { pieces, start_index, seats, ended, .. } = &mut *state;
        let Some(seat) = seats.get_mut(id.0).and_then(Option::as_mut).filter(|seat| !seat.cut) else {
            return Poll::Ready(Found::Cut);
        };
        let Some(place) = seat.index.checked_sub(*start_index) else { return Poll::Ready(Found::Dropped) };
        let Some(piece) = usize::try_from(place).ok().and_then(|place| pieces.get(place)) else {
            if *ended {
                return Poll::Ready(Found::End);
            }
            match &mut seat.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        let (bytes, last) = (piece.behind(seat.after), piece.last());
        let writer = state.hand(id, last, self.waits);
        self.trim(&mut state);
        drop(state);
        writer.into_iter().for_each(Waker::wake);
        Poll::Ready(Found::Bytes(bytes, Seq::new(last)))
    }

    /// Waits until there is something at the archive's seat; `false` at the end.
    pub(super) fn poll_unkept(&self, id: SeatId, cx: &mut Context<'_>) -> Poll<bool> {
        self.poll_behind(id, 1, cx)
    }

    /// Waits until there is so much that it should be kept now, or the end.
    pub(super) fn poll_gathered(&self, id: SeatId, cx: &mut Context<'_>) -> Poll<bool> {
        self.poll_behind(id, GATHERED, cx)
    }

    fn poll_behind(&self, id: SeatId, bytes: u64, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.state();
        let State { head, seats, ended, .. } = &mut *state;
        let Some(seat) = seats.get_mut(id.0).and_then(Option::as_mut) else { return Poll::Ready(false) };
        if *ended || *head >= seat.offset + bytes {
            return Poll::Ready(*head > seat.offset);
        }
        seat.wake_at = seat.offset + bytes;
        seat.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The events at the archive's seat. They count as kept only with [`Log::kept`].
    pub(super) fn unkept(&self, id: SeatId) -> Vec<(Seq, Bytes)> {
        let state = self.state();
        let Some(seat) = state.seats.get(id.0).and_then(Option::as_ref) else { return Vec::new() };
        let place = usize::try_from(seat.index.saturating_sub(state.start_index)).unwrap_or(usize::MAX);
        state.pieces.range(place.min(state.pieces.len())..).flat_map(Piece::events).collect()
    }

    /// The archive holds everything up to this event.
    pub(super) fn kept(&self, id: SeatId, up_to: Seq) {
        let mut state = self.state();
        let mut writer = None;
        while state.next_at(id).is_some_and(|piece| piece.last() <= up_to.get()) {
            let last = state.next_at(id).map_or(0, Piece::last);
            writer = state.hand(id, last, self.waits).or(writer);
        }
        self.trim(&mut state);
        drop(state);
        writer.into_iter().for_each(Waker::wake);
    }

    // ── the house

    /// Takes their place from readers that have not moved for this long though there was something to read. Says, if
    /// no reader is left because of that, how many came up to now.
    pub(super) fn cut_stalled(&self, stall: Duration) -> Option<u64> {
        let mut state = self.state();
        let (now, head, ended) = (Instant::now(), state.head, state.ended);
        let mut wakers = SmallVec::<[Waker; 4]>::new();
        let mut cut = 0;
        for seat in state.seats.iter_mut().flatten() {
            let behind = seat.offset < head || ended;
            let stalled = behind && now.duration_since(seat.moved_at) >= stall;
            if seat.sitter == Sitter::Reader && !seat.cut && stalled {
                seat.cut = true;
                cut += 1;
                wakers.extend(seat.waker.take());
            }
        }
        if cut > 0 {
            self.trim(&mut state);
            wakers.extend(state.writer.take());
        }
        let left = (cut > 0 && !state.has_readers()).then_some(state.arrivals);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        left
    }

    /// Forgets what need not be kept where memory is short.
    pub(super) fn shrink(&self) {
        self.trim(&mut self.state());
    }

    /// Forgets what need not be kept.
    fn trim(&self, state: &mut State) {
        let keep = if self.memory.is_short() { KEPT_LEAST } else { KEPT };
        let floor = state.floor(self.waits);
        while let Some(first) = state.pieces.front() {
            let end = state.start + first.len as u64;
            // The newest piece stays, however large: it is what a reader that was cut asks for.
            if end > floor || state.head - end < keep {
                break;
            }
            self.memory.0.fetch_sub(first.len, Ordering::Relaxed);
            state.start = end;
            state.start_index += 1;
            state.pieces.pop_front();
        }
    }
}

impl State {
    fn has_readers(&self) -> bool {
        self.seats.iter().flatten().any(|seat| seat.sitter == Sitter::Reader && !seat.cut)
    }

    /// The offset up to which everything was taken by those who hold the log back.
    fn floor(&self, waits: Waits) -> u64 {
        let holder = match waits {
            Waits::ForReaders => Sitter::Reader,
            Waits::ForArchive => Sitter::Archive,
        };
        let holders = self.seats.iter().flatten().filter(|seat| seat.sitter == holder && !seat.cut);
        holders.map(|seat| seat.offset).min().unwrap_or(self.handed)
    }

    fn next_at(&self, id: SeatId) -> Option<&Piece> {
        let seat = self.seats.get(id.0)?.as_ref()?;
        let place = seat.index.checked_sub(self.start_index)?;
        self.pieces.get(usize::try_from(place).ok()?)
    }

    /// Moves a seat over its next piece. Gives back the writer, if it may go on.
    fn hand(&mut self, id: SeatId, last: u64, waits: Waits) -> Option<Waker> {
        let len = self.next_at(id)?.len as u64;
        let seat = self.seats.get_mut(id.0)?.as_mut()?;
        seat.index += 1;
        seat.offset += len;
        seat.after = seat.after.max(last);
        seat.moved_at = Instant::now();
        if seat.sitter == Sitter::Reader {
            self.handed = self.handed.max(seat.offset);
        }
        // Half a window at once: the two sides take turns in long strides.
        let room = self.head - self.floor(waits).min(self.head) <= WINDOW / 2;
        if room { self.writer.take() } else { None }
    }

    /// The piece with the event behind this one, and where it begins.
    fn find(&self, after: u64) -> Option<(u64, u64)> {
        let is_behind = |piece: &Piece| piece.last() <= after;
        let passed = self.pieces.partition_point(is_behind);
        // The first event that is there, or will come next.
        let next = self.pieces.get(passed).map_or(self.last + 1, |piece| piece.first);
        if next > after.saturating_add(1) {
            return None;
        }
        let offset = self.start + self.pieces.range(..passed).map(|piece| piece.len as u64).sum::<u64>();
        Some((self.start_index + passed as u64, offset))
    }

    fn take_wakers(&mut self, wakers: &mut SmallVec<[Waker; 4]>) {
        let (head, ended) = (self.head, self.ended);
        let awaited = |seat: &&mut Seat| ended || head >= seat.wake_at;
        let ready = self.seats.iter_mut().flatten().filter(awaited).filter_map(|seat| {
            let waker = seat.waker.take()?;
            // Its wait begins now.
            seat.moved_at = Instant::now();
            Some(waker)
        });
        wakers.extend(ready);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let held: usize = self.state().pieces.iter().map(|piece| piece.len).sum();
        self.memory.0.fetch_sub(held, Ordering::Relaxed);
    }
}
