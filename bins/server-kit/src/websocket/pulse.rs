//! Whether the client is alive: its pings, which are answered, and ours, which it must answer. Pure: told the time.

use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::Limits;
use super::frame::Control;

/// A ping of ours waits this much longer for a reader that is about to look: it may run after the timer.
const GRACE: Duration = Duration::from_millis(500);
/// A client that sends other things may take so many times as long to answer.
const PATIENCE: u32 = 3;
/// The shortest time from one ping to the next, and to its answer.
const SHORTEST: Duration = Duration::from_millis(1);
/// Never, for timers.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What both halves know of the client's pulse.
pub(super) struct Pulse {
    every: Duration,
    within: Duration,
    ping: Ping,
    number: u64,
    /// The client's ping that is still to be answered: the newest alone.
    owed: Option<Control>,
    reader: Reader,
    writer: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ping {
    /// The next is due then.
    Resting { until: Instant },
    /// It is being written.
    Leaving,
    /// Its answer has time until `due`, renewed by what is heard, up to `last`.
    Out { sent: Instant, due: Instant, last: Instant },
    /// Its answer is late, if nothing comes until then.
    Late { sent: Instant, until: Instant, last: Instant },
}

/// Whether all that came was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    CaughtUp,
    Behind,
}

impl Pulse {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let every = limits.ping_every.max(SHORTEST);
        Self {
            every,
            within: limits.pong_within.max(SHORTEST),
            ping: Ping::Resting { until: after(now, every) },
            number: 0,
            owed: None,
            reader: Reader::CaughtUp,
            writer: None,
        }
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        match &mut self.ping {
            Ping::Out { due, last, .. } => *due = after(now, self.within).min(*last),
            &mut Ping::Late { sent, last, .. } if now < last => {
                self.ping = Ping::Out { sent, due: after(now, self.within).min(last), last };
            }
            Ping::Resting { .. } | Ping::Leaving | Ping::Late { .. } => {}
        }
    }

    /// The reader found nothing more to read.
    pub(super) fn caught_up(&mut self) {
        self.reader = Reader::CaughtUp;
    }

    /// The reader handed out a message; what comes after it is unknown until it is asked again.
    pub(super) fn fell_behind(&mut self) {
        self.reader = Reader::Behind;
    }

    /// A ping of the client, which the writer is told of.
    pub(super) fn owe(&mut self, ping: Control) {
        if self.owed.replace(ping).is_none()
            && let Some(writer) = self.writer.take()
        {
            writer.wake();
        }
    }

    /// A pong of the client. If it answers our ping: how long that took.
    pub(super) fn answered(&mut self, pong: &Control, now: Instant) -> Option<Duration> {
        let (Ping::Out { sent, .. } | Ping::Late { sent, .. }) = self.ping else { return None };
        if pong.as_slice() != self.number.to_be_bytes() {
            return None;
        }
        self.ping = Ping::Resting { until: after(sent, self.every).max(now) };
        Some(now.saturating_duration_since(sent))
    }

    /// Tells this one of what is owed.
    pub(super) fn wakes(&mut self, writer: &Waker) {
        match &mut self.writer {
            Some(there) => there.clone_from(writer),
            none => *none = Some(writer.clone()),
        }
    }

    /// The pong that is to be sent.
    pub(super) fn pong(&mut self) -> Option<Control> {
        self.owed.take()
    }

    /// The ping that is to be sent now.
    pub(super) fn ping(&mut self, now: Instant) -> Option<Control> {
        match self.ping {
            Ping::Resting { until } if until <= now => {
                self.number = self.number.wrapping_add(1);
                self.ping = Ping::Leaving;
                Some(Control::of(&self.number.to_be_bytes()))
            }
            _ => None,
        }
    }

    /// All that was to be sent is written.
    pub(super) fn written(&mut self, now: Instant) {
        if self.ping == Ping::Leaving {
            self.ping = self.out(now, now);
        }
    }

    /// Whether the client must be given up for its silence.
    pub(super) fn is_lost(&mut self, now: Instant) -> bool {
        match (self.ping, self.reader) {
            (Ping::Out { sent, due, last }, Reader::CaughtUp) if due <= now => {
                self.ping = Ping::Late { sent, until: after(now, GRACE.min(self.within)), last };
                false
            }
            (Ping::Out { sent, due: until, .. } | Ping::Late { sent, until, .. }, Reader::Behind)
                if until <= now =>
            {
                self.ping = self.out(sent, now);
                false
            }
            (Ping::Late { until, .. }, Reader::CaughtUp) => until <= now,
            _ => false,
        }
    }

    /// When to look again.
    pub(super) fn next(&self) -> Option<Instant> {
        match self.ping {
            Ping::Resting { until } | Ping::Late { until, .. } => Some(until),
            Ping::Out { due, .. } => Some(due),
            Ping::Leaving => None,
        }
    }

    fn out(&self, sent: Instant, now: Instant) -> Ping {
        let last = after(now, self.within.saturating_mul(PATIENCE));
        Ping::Out { sent, due: after(now, self.within), last }
    }
}

fn after(time: Instant, wait: Duration) -> Instant {
    time + wait.min(FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A pulse of which the first ping has just left, and that ping.
    fn out() -> (Pulse, Instant, Control) {
        let start = Instant::now();
        let mut pulse = Pulse::new(&Limits::default(), start);
        assert_eq!(pulse.ping(start + 19 * SECOND), None);
        let sent = start + 20 * SECOND;
        let ping = pulse.ping(sent).unwrap();
        assert_eq!(ping.as_slice().len(), 8);
        assert_eq!((pulse.ping(sent), pulse.next()), (None, None));
        pulse.written(sent);
        (pulse, sent, ping)
    }

    /// As the writer does: it looks whenever it said it would.
    fn lost_at(pulse: &mut Pulse) -> Instant {
        loop {
            let now = pulse.next().unwrap();
            if pulse.is_lost(now) {
                return now;
            }
        }
    }

    #[test]
    fn an_answer_tells_how_long_it_took_and_the_next_ping_keeps_its_time() {
        let (mut pulse, sent, ping) = out();
        assert_eq!(pulse.answered(&Control::of(b"other"), sent + SECOND), None);
        assert_eq!(pulse.answered(&ping, sent + 3 * SECOND), Some(3 * SECOND));
        assert_eq!(pulse.answered(&ping, sent + 3 * SECOND), None);
        assert_eq!(pulse.next(), Some(sent + 20 * SECOND));
        assert_ne!(pulse.ping(sent + 20 * SECOND), Some(ping));
    }

    #[test]
    fn who_is_silent_is_lost() {
        let (mut pulse, sent, _) = out();
        assert_eq!(lost_at(&mut pulse), sent + 20 * SECOND + GRACE);
    }

    #[test]
    fn who_sends_other_things_has_longer_to_answer_and_not_for_ever() {
        let (mut pulse, sent, _) = out();
        pulse.heard(sent + 15 * SECOND);
        assert_eq!(lost_at(&mut pulse), sent + 35 * SECOND + GRACE);

        let (mut pulse, sent, _) = out();
        let lost = (0..1000).find(|second| {
            let now = sent + *second * SECOND;
            pulse.heard(now);
            pulse.is_lost(now)
        });
        assert!((60..63).contains(&lost.unwrap()), "{lost:?}");
    }

    #[test]
    fn an_answer_is_not_missed_while_nobody_reads() {
        let (mut pulse, sent, ping) = out();
        pulse.fell_behind();
        for second in 0..1000 {
            assert!(!pulse.is_lost(sent + second * SECOND));
        }
        pulse.heard(sent + 1000 * SECOND);
        assert!(pulse.answered(&ping, sent + 1000 * SECOND).is_some());
        assert_eq!(pulse.next(), Some(sent + 1000 * SECOND));
    }

    #[test]
    fn a_reader_that_looks_after_the_timer_is_waited_for() {
        let (mut pulse, sent, ping) = out();
        let due = sent + 20 * SECOND;
        assert!(!pulse.is_lost(due));
        assert!(pulse.answered(&ping, due).is_some());
        assert!(!pulse.is_lost(due + SECOND));
    }

    #[test]
    fn only_the_newest_ping_is_answered() {
        let (mut pulse, ..) = out();
        pulse.owe(Control::of(b"one"));
        pulse.owe(Control::of(b"two"));
        assert_eq!(pulse.pong(), Some(Control::of(b"two")));
        assert_eq!(pulse.pong(), None);
    }

    #[test]
    fn no_wait_is_too_long_to_be_told() {
        let mut limits = Limits::default();
        (limits.ping_every, limits.pong_within) = (Duration::MAX, Duration::MAX);
        assert!(Pulse::new(&limits, Instant::now()).next().is_some());
    }
}
