//! The task that owns a terminal: it reads what the child writes, writes what was typed, keeps the times, and brings all
//! of it to its end.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::child::{Child, Happened};
use super::device::{Read, Readiness, Watched};
use super::patience::Patience;
use super::silence::Silence;
use super::state::{Flushed, Shared, State};
use crate::frame::Reason;
use crate::info::Phase;
use crate::terminals::{Place, Registry};

/// The most that is read before viewers get their turn, bytes.
const BURST: usize = 64 << 10;
/// What a key or a line gives, at most, bytes. A flood gives more.
const LITTLE: usize = 1 << 10;
/// How long a terminal must be silent before spare memory is given back.
const SETTLE: Duration = Duration::from_secs(1);
/// As good as never.
const FAR: Duration = Duration::from_secs(86_400 * 365);

thread_local! {
    /// Where a burst is read to: one for each thread, not for each terminal.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BURST].into());
}

/// Owns a terminal's child and device.
pub(crate) struct Task {
    shared: Arc<Shared>,
    /// `None` once the output is over.
    device: Option<Watched>,
    child: Child,
    /// Counts among the living until nobody of the tree is left.
    place: Option<Place>,
    registry: Arc<Registry>,
    born: Instant,
    silence: Silence,
    patience: Patience,
    wakers: Vec<Waker>,
}

/// How much comes of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// What one types gives.
    Slow,
    Fast,
}

/// What is to be waited for.
struct Plan {
    reads: bool,
    writes: bool,
    until: Instant,
}

impl Task {
    pub(crate) fn new(shared: Arc<Shared>, (device, child): (Watched, Child), place: Place) -> Self {
        let now = Instant::now();
        let registry = Arc::clone(place.registry());
        Self {
            shared,
            device: Some(device),
            child,
            place: Some(place),
            registry,
            born: now,
            silence: Silence::new(now),
            patience: Patience::default(),
            wakers: Vec::new(),
        }
    }

    /// Runs the terminal until it is forgotten.
    pub(crate) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut timer = pin!(sleep_until(Instant::now() + FAR));
        while let Some(plan) = self.review() {
            set(timer.as_mut(), plan.until);
            tokio::select! {
                () = shared.changed.notified() => {}
                happened = self.child.next() => self.note(happened),
                seen = readable(self.device.as_ref()), if plan.reads => {
                    if self.read(seen) == Pace::Slow {
                        // An echo is on its way to its viewer before it is asked whether there is more.
                        tokio::task::yield_now().await;
                    }
                }
                seen = writable(self.device.as_ref()), if plan.writes => self.write(seen),
                () = timer.as_mut() => {}
            }
            // A busy terminal leaves time to the others of its thread.
            tokio::task::coop::consume_budget().await;
        }
        self.keep().await;
    }

    /// Does what is due, and says what to wait for; `None` once it is over.
    fn review(&mut self) -> Option<Plan> {
        let now = Instant::now();
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        state.resize(&mut self.wakers);
        self.end_if_due(&mut state, now);
        self.close_stalled(&mut state, now);
        let room = self.room(&mut state, now);
        self.finish_if_over(&mut state, (room, now));
        let is_over = self.child.gone_at().is_some() && self.device.is_none();
        if is_over {
            state.phase = Phase::Exited;
        }
        let is_left_alone = self.silence.is_hung_up(now);
        let plan = Plan {
            reads: room > 0 && !is_left_alone,
            writes: !state.input.is_empty() && !is_left_alone,
            until: self.deadline(&mut state, (room, now)),
        };
        drop(state);
        self.wakers.drain(..).for_each(Waker::wake);
        shared.has_room.notify_waiters();
        (!is_over).then_some(plan)
    }

    /// Closes writers that hold the child back without a word.
    fn close_stalled(&mut self, state: &mut State, now: Instant) {
        while self.device.is_some() {
            let output = state.output();
            let Some(stalled) = state.flow.review(output, now) else { return };
            self.wakers.extend(state.close(stalled, Reason::Stalled));
        }
    }

    /// Begins the end if somebody asked for it or a limit says so.
    fn end_if_due(&mut self, state: &mut State, now: Instant) {
        if !self.child.is_alive() {
            return;
        }
        if state.end.is_none() {
            state.end = self.beyond(state, now);
            if let Some(reason) = state.end {
                self.wakers.extend(state.close_all(reason));
            }
        }
        if state.end.is_some() {
            state.phase = Phase::Ending;
            self.child.end();
        }
    }

    /// Which limit is passed.
    fn beyond(&self, state: &State, now: Instant) -> Option<Reason> {
        let limits = &self.shared.limits;
        let is_past =
            |since: Instant, limit: Option<Duration>| limit.is_some_and(|limit| since + limit <= now);
        if is_past(state.active_at, limits.idle) {
            Some(Reason::Idle)
        } else if is_past(self.born, limits.lifetime) {
            Some(Reason::Lifetime)
        } else if limits.output_bytes.is_some_and(|most| state.ring.head() > most) {
            Some(Reason::OutputLimit)
        } else {
            None
        }
    }

    /// How much may be read now, counting the pauses.
    fn room(&mut self, state: &mut State, now: Instant) -> u64 {
        if self.device.is_none() {
            return 0;
        }
        let room = state.room();
        let was_paused = std::mem::replace(&mut state.is_paused, room == 0);
        match (was_paused, room) {
            (false, 0) => self.shared.counters.paused(),
            (true, 1..) => self.silence.resume(now),
            _ => {}
        }
        room
    }

    /// Ends the output once the child has ended and nothing more is to come of it.
    fn finish_if_over(&mut self, state: &mut State, (room, now): (u64, Instant)) {
        let Some(exit) = self.child.exit().filter(|_| state.exit.is_none()) else { return };
        let may_be_over = room > 0 && self.silence.is_the_end(self.child.gone_at(), now);
        if self.device.is_some() && (!may_be_over || self.last_look(state, (room, now))) {
            return;
        }
        self.device = None;
        state.device = None;
        state.input.clear();
        state.exit = Some(exit.at(state.ring.head()));
        state.ring.settle();
        state.wake_all(&mut self.wakers);
    }

    /// Whether there is something after all: it is asked of the system, not of what is remembered.
    fn last_look(&mut self, state: &mut State, (room, now): (u64, Instant)) -> bool {
        let Some(watched) = &self.device else { return false };
        SCRATCH.with_borrow_mut(|scratch| {
            let Read::Some(count) = watched.look(&mut scratch[..most(room)]) else { return false };
            state.push(&scratch[..count], &self.shared.counters, &mut self.wakers);
            self.silence.break_off(now);
            true
        })
    }

    /// When to look again, whatever happens. It settles the ring on the way.
    fn deadline(&self, state: &mut State, (room, now): (u64, Instant)) -> Instant {
        let limits = &self.shared.limits;
        let mut due = now + FAR;
        let mut by = |at: Option<Instant>| due = at.map_or(due, |at| due.min(at));
        by(state.flow.deadline());
        by(self.silence.deadline());
        if self.child.is_alive() {
            by(limits.idle.map(|idle| state.active_at + idle));
            by(limits.lifetime.map(|lifetime| self.born + lifetime));
        } else if self.device.is_some() && room > 0 && self.child.exit().is_some() {
            by(Some(self.silence.end(self.child.gone_at())));
        }
        if !state.ring.is_settled() {
            let settle = state.active_at + SETTLE;
            if settle <= now { state.ring.settle() } else { by(Some(settle)) }
        }
        due
    }

    fn note(&mut self, happened: Happened) {
        // What it wrote last may not have been seen yet.
        self.silence.break_off(Instant::now());
        match happened {
            Happened::Exited => self.shared.lock().phase = Phase::Ending,
            Happened::AllGone => drop(self.place.take()),
        }
    }

    /// Reads until there is nothing more, as far as may be, and hands it on in one piece.
    fn read(&mut self, seen: Readiness) -> Pace {
        let Some(watched) = &self.device else { return Pace::Slow };
        // Somebody may have attached since it was looked at.
        let room = self.shared.lock().room();
        let now = Instant::now();
        let (read, last) = SCRATCH.with_borrow_mut(|scratch| {
            let place = &mut scratch[..most(room)];
            let (read, last) = burst(watched, place, &mut self.patience);
            if read > 0 {
                self.silence.break_off(now);
                self.shared.lock().push(&scratch[..read], &self.shared.counters, &mut self.wakers);
            }
            (read, last)
        });
        match (last, seen) {
            (Read::HungUp, _) => self.silence.hang_up(now),
            (Read::Nothing, Readiness::HungUpOnce) => self.watch_anew(),
            _ => {}
        }
        self.wakers.drain(..).for_each(Waker::wake);
        if read < LITTLE { Pace::Slow } else { Pace::Fast }
    }

    fn write(&mut self, seen: Readiness) {
        let Some(watched) = &self.device else { return };
        let counters = &self.shared.counters;
        let flushed = self.shared.lock().flush_input_by(|bytes| watched.write(bytes), counters);
        if (flushed, seen) == (Flushed::Rest, Readiness::HungUpOnce) {
            // Whether somebody has it open again, or nobody has, reading will tell.
            self.watch_anew();
            self.silence.hang_up(Instant::now());
        }
    }

    /// Watches the device from scratch. Where the system refuses that, the terminal can't go on.
    fn watch_anew(&mut self) {
        self.device = self.device.take().and_then(|watched| watched.anew().ok());
        if self.device.is_none() {
            self.child.end();
        }
    }

    /// Nobody is left: it can be looked at for a while, unless it was deleted.
    async fn keep(self) {
        let Self { shared, registry, .. } = self;
        registry.ended(shared.id);
        shared.over.notify_waiters();
        let until = Instant::now() + shared.limits.kept_for;
        while !shared.is_deleted() {
            tokio::select! {
                () = shared.changed.notified() => {}
                () = sleep_until(until) => break,
            }
        }
        registry.forget(shared.id);
        shared.forgotten();
    }
}

/// How much of the scratch may be filled.
fn most(room: u64) -> usize {
    usize::try_from(room).unwrap_or(usize::MAX).min(BURST)
}

/// Reads until there is nothing for now, or little, or the place is full.
fn burst(watched: &Watched, place: &mut [u8], patience: &mut Patience) -> (usize, Read) {
    let mut read = 0;
    while read < place.len() {
        match watched.read(&mut place[read..]) {
            Read::Some(count) if read == 0 && count < LITTLE => return (count, Read::Some(count)),
            Read::Some(count) => read += count,
            last @ (Read::Nothing | Read::HungUp) => return (read, last),
        }
        patience.wait(|within| watched.has_more(within));
    }
    (read, Read::Some(read))
}

async fn readable(device: Option<&Watched>) -> Readiness {
    match device {
        Some(device) => device.readable().await,
        None => std::future::pending().await,
    }
}

async fn writable(device: Option<&Watched>) -> Readiness {
    match device {
        Some(device) => device.writable().await,
        None => std::future::pending().await,
    }
}

/// Sets the timer earlier, or anew once it has rung. One that rings too early does no harm, and a busy terminal doesn't
/// set it with each burst.
fn set(timer: Pin<&mut Sleep>, until: Instant) {
    if until < timer.deadline() || timer.is_elapsed() {
        timer.reset(until);
    }
}
