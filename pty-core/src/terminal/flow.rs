//! Who is how far, and how much may be read of the child for it. Pure: offsets and instants come in.
//!
//! A viewer has a **seat**. It was sent everything before `sent` and says that it consumed everything before `acked`;
//! it is never sent more than a window beyond that. A writer's seat bounds how far the child may be read: a window
//! beyond what it acknowledged while it is attached, a whole ring beyond it while its place is only kept.

use std::time::Duration;

use tokio::time::Instant;

use crate::attach::{Mode, Stalling};
use crate::limits::Limits;

/// Places that are kept for cut writers of one terminal.
const KEPT_MOST: usize = 64;

/// Which seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeatId(u64);

/// Who sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Viewer(Mode),
    /// Writes a file: it has no window, and is there for the last byte.
    Recorder,
}

/// All seats of a terminal, each with what its user `X` keeps there.
#[derive(Debug)]
pub(crate) struct Flow<X> {
    seats: Vec<Seat<X>>,
    next: u64,
    rules: Rules,
}

#[derive(Debug)]
struct Seat<X> {
    id: SeatId,
    role: Role,
    sent: u64,
    acked: u64,
    place: Place,
    /// Since when the child waits for this seat, or when it last moved while the child did.
    blocks_since: Option<Instant>,
    stalling: Stalling,
    extra: X,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Somebody is attached.
    Taken,
    /// The writer's connection was cut; its bytes are kept for so long.
    Kept { until: Instant },
    /// It was closed, and has yet to notice.
    Closed,
}

/// What the flow goes by.
#[derive(Debug, Clone, Copy)]
struct Rules {
    window: u64,
    ring: u64,
    hold: Duration,
    stall: Duration,
}

/// How the output of the child stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) base: u64,
    pub(crate) head: u64,
    /// How many bytes must be free to be read for a seat, so that the child doesn't wait for it.
    pub(crate) least: u64,
    /// Whether the queue of input is full: then acknowledgements stand behind input and can't be waited for.
    pub(crate) input_is_full: bool,
}

/// What is next for a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// These bytes are not held any more.
    Gap { from: u64, to: u64 },
    /// So many bytes from here.
    Send { from: u64, most: u64 },
    /// It has all there is, or as much as its window allows.
    Wait,
    /// It was closed.
    Closed,
}

/// Only bytes before this were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ahead(pub(crate) u64);

impl<X> Flow<X> {
    pub(crate) fn new(limits: &Limits) -> Self {
        let rules = Rules {
            window: limits.window as u64,
            ring: limits.ring_bytes as u64,
            hold: limits.hold,
            stall: limits.stall,
        };
        Self { seats: Vec::new(), next: 0, rules }
    }

    /// A new seat from this offset, which is held or lies before the oldest byte that is, `base`. A writer that comes back takes over the place
    /// that was kept for it: the nearest one whose viewer may have come as far as its offset.
    pub(crate) fn sit(&mut self, role: Role, (from, base): (u64, u64), extra: X) -> SeatId {
        if role == Role::Viewer(Mode::Write) {
            self.take_over(from);
        }
        self.next += 1;
        let id = SeatId(self.next);
        let acked = from.max(base);
        let (place, stalling) = (Place::Taken, Stalling::Closes);
        self.seats.push(Seat { id, role, sent: from, acked, place, blocks_since: None, stalling, extra });
        id
    }

    /// The child waits for this seat as long as it takes.
    pub(crate) fn wait_for(&mut self, id: SeatId) {
        if let Some(seat) = self.seat(id) {
            seat.stalling = Stalling::Waits;
        }
    }

    fn take_over(&mut self, from: u64) {
        let kept = self.seats.iter().enumerate().filter(|(_, seat)| {
            matches!(seat.place, Place::Kept { .. }) && (seat.acked..=seat.sent).contains(&from)
        });
        if let Some((index, _)) = kept.max_by_key(|(_, seat)| seat.acked) {
            self.seats.remove(index);
        }
    }

    /// Everything before this was consumed. Less than before is ignored.
    pub(crate) fn ack(&mut self, id: SeatId, to: u64, now: Instant) -> Result<(), Ahead> {
        let Some(seat) = self.seat(id) else { return Ok(()) };
        if to > seat.sent {
            return Err(Ahead(seat.sent));
        }
        if to > seat.acked {
            seat.acked = to;
            seat.blocks_since = seat.blocks_since.map(|_| now);
        }
        Ok(())
    }

    /// The connection was cut: a writer's place is kept for a while. Who was closed has yet to be told, and stays.
    pub(crate) fn cut(&mut self, id: SeatId, now: Instant) {
        let hold = self.rules.hold;
        let Some(seat) = self.seat(id) else { return };
        match seat.place {
            Place::Taken if seat.role == Role::Viewer(Mode::Write) && !hold.is_zero() => {
                seat.place = Place::Kept { until: now + hold };
                self.keep_few();
            }
            Place::Taken => self.leave(id),
            // Its other half was let go before, or has to hear of it.
            Place::Kept { .. } | Place::Closed => {}
        }
    }

    /// Nobody is there to be told that it was closed.
    pub(crate) fn leave_if_closed(&mut self, id: SeatId) {
        self.seats.retain(|seat| seat.id != id || seat.place != Place::Closed);
    }

    /// Of too many places that are kept the oldest goes.
    fn keep_few(&mut self) {
        let kept = |seat: &Seat<X>| matches!(seat.place, Place::Kept { .. });
        if self.seats.iter().filter(|seat| kept(seat)).count() > KEPT_MOST
            && let Some(oldest) = self.seats.iter().position(kept)
        {
            self.seats.remove(oldest);
        }
    }

    /// No place is kept any more.
    pub(crate) fn keep_none(&mut self) {
        self.seats.retain(|seat| !matches!(seat.place, Place::Kept { .. }));
    }

    /// It is gone for good.
    pub(crate) fn leave(&mut self, id: SeatId) {
        self.seats.retain(|seat| seat.id != id);
    }

    /// From now on it is neither sent anything nor waited for.
    pub(crate) fn close(&mut self, id: SeatId) {
        if let Some(seat) = self.seat(id) {
            seat.place = Place::Closed;
        }
    }

    /// What is next for a seat.
    pub(crate) fn next(&self, id: SeatId, output: Output) -> Next {
        let Some(seat) = self.seats.iter().find(|seat| seat.id == id) else { return Next::Closed };
        if seat.place != Place::Taken {
            return Next::Closed;
        }
        if seat.sent < output.base {
            return Next::Gap { from: seat.sent, to: output.base };
        }
        match self.rules.sends_until(seat, output.head).saturating_sub(seat.sent) {
            0 => Next::Wait,
            most => Next::Send { from: seat.sent, most },
        }
    }

    /// It was sent everything before `to`.
    pub(crate) fn sent(&mut self, id: SeatId, to: u64) {
        if let Some(seat) = self.seat(id) {
            seat.sent = to;
        }
    }

    /// It was told that bytes before `to` are gone: that counts as consumed.
    pub(crate) fn skipped(&mut self, id: SeatId, to: u64) {
        if let Some(seat) = self.seat(id) {
            (seat.sent, seat.acked) = (to, seat.acked.max(to));
        }
    }

    /// Where reading has to stop for now; `None` where nobody is waited for.
    pub(crate) fn end_of_reading(&self, output: Output) -> Option<u64> {
        self.seats.iter().filter_map(|seat| self.rules.end_for(seat, output)).min()
    }

    /// Takes note of who holds the child back, forgets places that were kept long enough, and names a seat that stalls.
    pub(crate) fn review(&mut self, output: Output, now: Instant) -> Option<SeatId> {
        self.seats.retain(|seat| !matches!(seat.place, Place::Kept { until } if until <= now));
        let rules = self.rules;
        for seat in &mut self.seats {
            let is_short = |end: u64| end.saturating_sub(output.head) < output.least;
            let may_stall = seat.place == Place::Taken && seat.stalling == Stalling::Closes;
            let blocks = may_stall && rules.end_for(seat, output).is_some_and(is_short);
            seat.blocks_since = if blocks { seat.blocks_since.or(Some(now)) } else { None };
        }
        let stalls = |seat: &&Seat<X>| seat.blocks_since.is_some_and(|since| since + rules.stall <= now);
        self.seats.iter().find(stalls).map(|seat| seat.id)
    }

    /// When [`review`](Self::review) is due at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = |seat: &Seat<X>| match seat.place {
            Place::Kept { until } => Some(until),
            Place::Taken => seat.blocks_since.map(|since| since + self.rules.stall),
            Place::Closed => None,
        };
        self.seats.iter().filter_map(due).min()
    }

    /// How many viewers are attached.
    pub(crate) fn viewers(&self) -> usize {
        let attached = |seat: &&Seat<X>| seat.place == Place::Taken && seat.role != Role::Recorder;
        self.seats.iter().filter(attached).count()
    }

    /// Whether somebody sits there.
    pub(crate) fn is_attached(&self, id: SeatId) -> bool {
        self.seats.iter().any(|seat| seat.id == id && seat.place == Place::Taken)
    }

    /// Whether it was sent everything before `head`.
    pub(crate) fn has_all(&self, id: SeatId, head: u64) -> bool {
        self.seats.iter().any(|seat| seat.id == id && seat.sent >= head)
    }

    /// The ids of those who are attached, with their roles.
    pub(crate) fn attached(&self) -> impl Iterator<Item = (SeatId, Role)> + '_ {
        self.seats.iter().filter(|seat| seat.place == Place::Taken).map(|seat| (seat.id, seat.role))
    }

    /// What is kept at a seat, whether it is closed or not.
    pub(crate) fn extra(&mut self, id: SeatId) -> Option<&mut X> {
        self.seat(id).map(|seat| &mut seat.extra)
    }

    /// What is kept at the seats of those who wait for something that is there.
    pub(crate) fn served(&mut self, output: Output) -> impl Iterator<Item = &mut X> + '_ {
        let rules = self.rules;
        self.seats.iter_mut().filter_map(move |seat| {
            let until = rules.sends_until(seat, output.head);
            let has_next = seat.place == Place::Taken && (seat.sent < output.base || seat.sent < until);
            has_next.then_some(&mut seat.extra)
        })
    }

    /// What is kept at every seat.
    pub(crate) fn extras(&mut self) -> impl Iterator<Item = (SeatId, &mut X)> + '_ {
        self.seats.iter_mut().map(|seat| (seat.id, &mut seat.extra))
    }

    fn seat(&mut self, id: SeatId) -> Option<&mut Seat<X>> {
        self.seats.iter_mut().find(|seat| seat.id == id)
    }
}

impl Rules {
    /// Up to where a seat may be sent output.
    fn sends_until<X>(&self, seat: &Seat<X>, head: u64) -> u64 {
        match seat.role {
            Role::Recorder => head,
            Role::Viewer(_) => head.min(seat.acked.saturating_add(self.window)),
        }
    }

    /// How far the child may be read for a seat.
    fn end_for<X>(&self, seat: &Seat<X>, output: Output) -> Option<u64> {
        if seat.role != Role::Viewer(Mode::Write) {
            return None;
        }
        let ahead = match seat.place {
            Place::Closed => return None,
            Place::Taken if !output.input_is_full => self.window,
            Place::Taken | Place::Kept { .. } => self.ring,
        };
        Some(seat.acked.saturating_add(ahead))
    }
}

#[cfg(test)]
mod tests;
