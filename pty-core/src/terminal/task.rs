//! The task that owns a terminal: it reads what the child writes, writes what was typed, keeps the times, and brings all
//! of it to its end.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::child::{Child, Happened};
use super::device::{Read, Watched};
use super::state::{Flushed, Shared, State};
use crate::frame::Reason;
use crate::info::Phase;
use crate::terminals::{Place, Registry};

/// The most that is read before viewers get their turn, bytes.
const BURST: usize = 64 << 10;
/// What a key or a line gives, at most, bytes. A flood gives more.
const LITTLE: usize = 1 << 10;
/// How long a terminal that nobody has open is left alone before it is looked at again.
const HUNG_UP: Duration = Duration::from_millis(100);
/// How long a terminal must be silent after its child's end, so that its output counts as complete.
const QUIET: Duration = Duration::from_millis(50);
/// How long a terminal is read on, at most, after the last process of its tree.
const AFTERWARDS: Duration = Duration::from_secs(1);
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
    /// Since when nothing was read though it might have been.
    quiet_since: Instant,
    /// Nobody has the terminal open, though the child lives: looked at again then.
    hung_up_until: Option<Instant>,
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
    /// How many bytes may be read; 0: not now.
    room: u64,
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
            quiet_since: now,
            hung_up_until: None,
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
                biased;
                () = shared.changed.notified() => {}
                happened = self.child.next() => self.note(happened),
                () = readable(self.device.as_ref()), if plan.room > 0 => {
                    if self.read(plan.room) == Pace::Slow {
                        // An echo is on its way to its viewer before it is asked whether there is more.
                        tokio::task::yield_now().await;
                    }
                }
                () = writable(self.device.as_ref()), if plan.writes => self.write(),
                () = timer.as_mut() => {}
            }
        }
        self.keep().await;
    }

    /// Does what is due, and says what to wait for; `None` once it is over.
    fn review(&mut self) -> Option<Plan> {
        let now = Instant::now();
        self.hung_up_until = self.hung_up_until.filter(|until| *until > now);
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        state.resize(&mut self.wakers);
        self.end_if_due(&mut state, now);
        while let Some(stalled) = {
            let output = state.output();
            state.flow.review(output, now)
        } {
            self.wakers.extend(state.close(stalled, Reason::Stalled));
        }
        let room = self.room(&mut state, now);
        if self.output_is_over(room, now) {
            self.finish_output(&mut state);
        }
        let is_over = self.child.gone_at().is_some() && self.device.is_none();
        if is_over {
            state.phase = Phase::Exited;
        }
        let plan = Plan {
            room: if self.hung_up_until.is_some() { 0 } else { room },
            writes: !state.input.is_empty(),
            until: self.deadline(&mut state, (room, now)),
        };
        let input_has_room = !state.input.is_full();
        drop(state);
        self.wakers.drain(..).for_each(Waker::wake);
        if input_has_room {
            shared.has_room.notify_waiters();
        }
        (!is_over).then_some(plan)
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
        let room = state.room(self.shared.limits.window);
        if room == 0 {
            if !std::mem::replace(&mut state.is_paused, true) {
                self.shared.counters.paused();
            }
            // Silence counts while something might have been read.
            self.quiet_since = now;
        } else {
            state.is_paused = false;
        }
        room
    }

    /// Whether the child has ended and nothing more is to come of it.
    fn output_is_over(&self, room: u64, now: Instant) -> bool {
        if self.device.is_none() || self.child.exit().is_none() {
            return false;
        }
        let is_late = self.child.gone_at().is_some_and(|at| at + AFTERWARDS <= now);
        self.hung_up_until.is_some() || (room > 0 && (self.quiet_since + QUIET <= now || is_late))
    }

    fn finish_output(&mut self, state: &mut State) {
        let Some(exit) = self.child.exit() else { return };
        self.device = None;
        state.device = None;
        state.input.clear();
        state.exit = Some(exit.at(state.ring.head()));
        state.ring.settle();
        state.wake_all(&mut self.wakers);
    }

    /// When to look again, whatever happens. It settles the ring on the way.
    fn deadline(&self, state: &mut State, (room, now): (u64, Instant)) -> Instant {
        let limits = &self.shared.limits;
        let mut due = now + FAR;
        let mut by = |at: Option<Instant>| due = at.map_or(due, |at| due.min(at));
        by(state.flow.deadline());
        by(self.hung_up_until);
        if self.child.is_alive() {
            by(limits.idle.map(|idle| state.active_at + idle));
            by(limits.lifetime.map(|lifetime| self.born + lifetime));
        } else if self.device.is_some() && room > 0 {
            by(Some(self.quiet_since + QUIET));
            by(self.child.gone_at().map(|at| at + AFTERWARDS));
        }
        if !state.ring.is_settled() {
            let settle = state.active_at + SETTLE;
            if settle <= now { state.ring.settle() } else { by(Some(settle)) }
        }
        due
    }

    fn note(&mut self, happened: Happened) {
        let mut state = self.shared.lock();
        match happened {
            Happened::Exited => {
                // It may have written since nobody had the terminal open.
                self.hung_up_until = None;
                self.quiet_since = Instant::now();
                state.phase = Phase::Ending;
            }
            Happened::AllGone => drop(self.place.take()),
        }
    }

    /// Reads until there is nothing more, as far as may be, and hands it on in one piece.
    fn read(&mut self, room: u64) -> Pace {
        let Some(watched) = &self.device else { return Pace::Slow };
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(BURST);
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let (read, last) = burst(watched, &mut scratch[..most]);
            if read > 0 {
                self.quiet_since = Instant::now();
                self.shared.push(&scratch[..read], &mut self.wakers);
            }
            if last == Read::HungUp {
                self.hung_up_until = Some(Instant::now() + HUNG_UP);
            }
            read
        });
        self.wakers.drain(..).for_each(Waker::wake);
        if read < LITTLE { Pace::Slow } else { Pace::Fast }
    }

    fn write(&mut self) {
        let mut state = self.shared.lock();
        if state.flush_input(&self.shared.counters) == Flushed::Rest
            && let Some(watched) = &self.device
        {
            watched.note_full();
        }
    }

    /// Nobody is left: it can be looked at for a while, unless it was deleted.
    async fn keep(mut self) {
        drop(self.place.take());
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

/// Reads until there is nothing for now, or little, or the place is full.
fn burst(watched: &Watched, place: &mut [u8]) -> (usize, Read) {
    let mut read = 0;
    while read < place.len() {
        match watched.read(&mut place[read..]) {
            Read::Some(count) if read == 0 && count < LITTLE => return (count, Read::Some(count)),
            Read::Some(count) => read += count,
            last @ (Read::Nothing | Read::HungUp) => return (read, last),
        }
    }
    (read, Read::Some(read))
}

async fn readable(device: Option<&Watched>) {
    match device {
        Some(device) => device.readable().await,
        None => std::future::pending().await,
    }
}

async fn writable(device: Option<&Watched>) {
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
