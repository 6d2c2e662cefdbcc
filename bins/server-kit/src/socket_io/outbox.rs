//! What waits for the client, and how far it got. Pure: told the time.
//!
//! A pong proves that everything that was sent before its ping was consumed: a client answers from the loop that handles
//! its events, in order. So a ping goes out behind every [`PROVE_EVERY`] bytes. Where the first one isn't answered in time,
//! what the system took counts as consumed, as it does for every server without such pings, until a pong comes. Who
//! answered once does so always: it may take as long as it lives.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::packet::{PING, SEPARATOR};

/// There is room for more while fewer bytes than this wait.
const ROOM: usize = 32 << 10;
/// What a client asks for waits while so many bytes do.
const CROWDED: usize = 256 << 10;
/// A ping goes out behind so many bytes.
const PROVE_EVERY: usize = 64 << 10;
/// Pings that may be unanswered, but for heartbeats.
const PINGS_MOST: usize = 4;
/// The same with heartbeats.
const BEATS_MOST: usize = 16;
/// A first answer that takes longer than this isn't waited for.
const LATE: Duration = Duration::from_secs(2);
/// Bytes that one polling answer carries, or one packet.
const PAYLOAD_MOST: usize = 256 << 10;

/// What waits for one client.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: VecDeque<Bytes>,
    queued: usize,
    /// Packets ever pushed, sent and consumed.
    pushed: u64,
    sent: u64,
    consumed: u64,
    pings: VecDeque<Ping>,
    /// Bytes sent since the last ping.
    unproved: usize,
    /// The packet behind which a ping is wanted, whatever was sent since the last one.
    to_prove: Option<u64>,
    answers: Answers,
}

/// A ping without an answer yet.
#[derive(Debug, Clone, Copy)]
struct Ping {
    at: Instant,
    kind: Kind,
    /// Packets that were sent before it; nothing while it waits to be sent.
    covers: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Heartbeat,
    Proof,
}

/// Whether this client's pongs can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Unknown,
    Missing,
    Come,
}

/// What is to be sent next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Out {
    Ping,
    Packet(Bytes),
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            pushed: 0,
            sent: 0,
            consumed: 0,
            pings: VecDeque::new(),
            unproved: 0,
            to_prove: None,
            answers: Answers::Unknown,
        }
    }

    /// Adds a packet, and gives its number.
    pub(super) fn push(&mut self, packet: Bytes) -> u64 {
        self.queued += packet.len();
        self.queue.push_back(packet);
        self.pushed += 1;
        self.pushed
    }

    /// Bytes that wait to be sent.
    pub(super) const fn queued(&self) -> usize {
        self.queued
    }

    pub(super) const fn has_room(&self) -> bool {
        self.queued < ROOM
    }

    /// Whether so much waits that nothing more should be asked for.
    pub(super) const fn is_crowded(&self) -> bool {
        self.queued >= CROWDED
    }

    /// Whether all there ever was is sent.
    pub(super) const fn is_sent(&self) -> bool {
        self.sent == self.pushed
    }

    /// The number of the last packet that the client consumed.
    pub(super) const fn consumed(&self) -> u64 {
        self.consumed
    }

    /// What a WebSocket is to send next. Of a packet it says when it is [`written`](Self::written).
    pub(super) fn next(&mut self, now: Instant) -> Option<Out> {
        if let Some(waiting) = self.pings.iter_mut().find(|ping| ping.covers.is_none()) {
            waiting.covers = Some(self.sent);
            return Some(Out::Ping);
        }
        let is_wanted = self.to_prove.is_some_and(|number| number <= self.sent);
        if is_wanted || (self.unproved >= PROVE_EVERY && self.pings.len() < PINGS_MOST) {
            self.unproved = 0;
            if is_wanted {
                self.to_prove = None;
            }
            self.pings.push_back(Ping { at: now, kind: Kind::Proof, covers: Some(self.sent) });
            return Some(Out::Ping);
        }
        self.pop().map(Out::Packet)
    }

    /// Has a ping go out behind all that was pushed so far.
    pub(super) fn prove(&mut self) {
        self.to_prove = Some(self.pushed);
    }

    /// A packet of so many bytes was taken by the system.
    pub(super) fn written(&mut self, bytes: usize) {
        self.sent += 1;
        self.unproved += bytes;
        self.believe();
    }

    /// The answer to a poll: what waits, as far as one answer holds.
    pub(super) fn payload(&mut self) -> Option<String> {
        let mut payload = Vec::new();
        if let Some(waiting) = self.pings.iter_mut().find(|ping| ping.covers.is_none()) {
            waiting.covers = Some(self.sent);
            payload.extend_from_slice(PING.as_bytes());
        }
        while let Some(packet) = self.queue.front() {
            if !payload.is_empty() {
                if payload.len() + packet.len() > PAYLOAD_MOST {
                    break;
                }
                payload.push(SEPARATOR as u8);
            }
            payload.extend_from_slice(packet);
            self.pop();
            self.sent += 1;
        }
        // Packets are texts.
        (!payload.is_empty()).then(|| String::from_utf8_lossy(&payload).into_owned())
    }

    /// The client polls again: it has consumed the answer before.
    pub(super) fn polled(&mut self) {
        self.consumed = self.sent;
        self.unproved = 0;
    }

    fn pop(&mut self) -> Option<Bytes> {
        let packet = self.queue.pop_front()?;
        self.queued -= packet.len();
        Some(packet)
    }

    /// It is time for a heartbeat, also where the last one is unanswered: its client counts the time since it came, and the
    /// answer may stand behind much else.
    pub(super) fn beat(&mut self, now: Instant) {
        if self.pings.len() < BEATS_MOST {
            self.pings.push_back(Ping { at: now, kind: Kind::Heartbeat, covers: None });
        }
    }

    /// Since when a heartbeat is unanswered.
    pub(super) fn heartbeat(&self) -> Option<Instant> {
        self.pings.iter().find(|ping| ping.kind == Kind::Heartbeat).map(|ping| ping.at)
    }

    /// A pong: how long it took, if it answers something.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Duration> {
        let ping = self.pings.pop_front_if(|ping| ping.covers.is_some())?;
        self.consumed = self.consumed.max(ping.covers.unwrap_or_default());
        self.answers = Answers::Come;
        Some(now.saturating_duration_since(ping.at))
    }

    /// When the first answer will be late.
    pub(super) fn late_at(&self) -> Option<Instant> {
        let first = self.pings.front().filter(|_| self.answers == Answers::Unknown)?;
        Some(first.at + LATE)
    }

    /// Looks whether the first answer is late.
    pub(super) fn look(&mut self, now: Instant) {
        if self.late_at().is_some_and(|late| late <= now) {
            self.answers = Answers::Missing;
            self.believe();
        }
    }

    fn believe(&mut self) {
        if self.answers == Answers::Missing {
            self.consumed = self.sent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(bytes: usize) -> Bytes {
        vec![b'4'; bytes].into()
    }

    fn take(outbox: &mut Outbox, now: Instant) -> usize {
        let Some(Out::Packet(packet)) = outbox.next(now) else { panic!("no packet") };
        outbox.written(packet.len());
        packet.len()
    }

    #[test]
    fn a_pong_proves_what_was_sent_before_its_ping() {
        let (mut outbox, now) = (Outbox::new(), Instant::now());
        for bytes in [PROVE_EVERY, 10, 20] {
            outbox.push(packet(bytes));
        }
        assert_eq!(take(&mut outbox, now), PROVE_EVERY);
        assert_eq!(outbox.consumed(), 0);
        assert_eq!(outbox.next(now), Some(Out::Ping));
        assert_eq!(take(&mut outbox, now), 10);
        assert_eq!(outbox.answered(now + LATE / 2), Some(LATE / 2));
        assert_eq!(outbox.consumed(), 1);
        assert_eq!(take(&mut outbox, now), 20);
        assert_eq!((outbox.next(now), outbox.is_sent(), outbox.consumed()), (None, true, 1));
        assert_eq!(outbox.answered(now), None);
    }

    #[test]
    fn until_a_first_answer_comes_what_was_sent_is_believed_once_it_is_late() {
        let (mut outbox, now) = (Outbox::new(), Instant::now());
        for _ in 0..3 {
            outbox.push(packet(PROVE_EVERY));
        }
        take(&mut outbox, now);
        assert_eq!(outbox.next(now), Some(Out::Ping));
        outbox.look(now + LATE / 2);
        assert_eq!((outbox.consumed(), outbox.late_at()), (0, Some(now + LATE)));
        outbox.look(now + LATE);
        assert_eq!((outbox.consumed(), outbox.late_at()), (1, None));
        take(&mut outbox, now + LATE);
        assert_eq!(outbox.consumed(), 2);
        // Answered at last, it is waited for.
        outbox.answered(now + LATE);
        assert_eq!(outbox.next(now + LATE), Some(Out::Ping));
        take(&mut outbox, now + LATE);
        outbox.look(now + 10 * LATE);
        assert_eq!((outbox.consumed(), outbox.late_at()), (2, None));
    }

    #[test]
    fn what_is_to_be_proved_has_a_ping_behind_it() {
        let (mut outbox, now) = (Outbox::new(), Instant::now());
        outbox.push(packet(1));
        outbox.push(packet(2));
        outbox.prove();
        assert_eq!((take(&mut outbox, now), take(&mut outbox, now)), (1, 2));
        assert_eq!((outbox.next(now), outbox.next(now)), (Some(Out::Ping), None));
        outbox.answered(now);
        assert_eq!(outbox.consumed(), 2);
    }

    #[test]
    fn pings_that_nobody_answers_are_few() {
        let (mut outbox, now) = (Outbox::new(), Instant::now());
        let mut pings = 0;
        for _ in 0..100 {
            outbox.push(packet(PROVE_EVERY));
        }
        while let Some(out) = outbox.next(now) {
            match out {
                Out::Ping => pings += 1,
                Out::Packet(packet) => outbox.written(packet.len()),
            }
        }
        assert_eq!(pings, PINGS_MOST);
        assert_eq!(outbox.heartbeat(), None);
        (0..100).for_each(|_| outbox.beat(now));
        let beats = std::iter::from_fn(|| outbox.next(now)).count();
        assert_eq!(beats, BEATS_MOST - PINGS_MOST);
        assert_eq!((outbox.heartbeat(), outbox.next(now)), (Some(now), None));
    }

    #[test]
    fn a_poll_takes_what_fits_and_the_next_one_proves_it() {
        let (mut outbox, now) = (Outbox::new(), Instant::now());
        assert_eq!(outbox.payload(), None);
        for bytes in [2, PAYLOAD_MOST - 10, 20, PAYLOAD_MOST + 1] {
            outbox.push(packet(bytes));
        }
        outbox.beat(now);
        let first = outbox.payload().unwrap();
        assert!(first.starts_with("2\u{1e}44\u{1e}444"), "{}", &first[..10]);
        assert_eq!((first.len(), outbox.consumed()), (PAYLOAD_MOST - 5, 0));
        outbox.polled();
        assert_eq!(outbox.consumed(), 2);
        assert_eq!(outbox.payload().unwrap().len(), 20);
        assert_eq!(outbox.payload().unwrap().len(), PAYLOAD_MOST + 1);
        assert_eq!((outbox.payload(), outbox.is_sent(), outbox.queued()), (None, true, 0));
    }
}
