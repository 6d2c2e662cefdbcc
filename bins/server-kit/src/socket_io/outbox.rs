//! What waits for the client, and how far it got. Pure: told the time.
//!
//! A pong proves that everything that was sent before its ping was consumed: a client answers from the loop that handles
//! its events, in order. So a ping goes out behind every [`PROVE_EVERY`] bytes. One that is answered late proves nothing in
//! time: until it is answered, what the system took counts as consumed, as it does for every server without such pings.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::packet::{PING, SEPARATOR};

/// There is room for more while fewer bytes than this wait.
const ROOM: usize = 32 << 10;
/// A ping goes out behind so many bytes.
const PROVE_EVERY: usize = 64 << 10;
/// Pings that may be unanswered, but for the heartbeat.
const PINGS_MOST: usize = 4;
/// An answer that takes longer than this is late.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Prompt,
    Late,
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
            answers: Answers::Prompt,
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
        if self.unproved >= PROVE_EVERY && self.pings.len() < PINGS_MOST {
            self.unproved = 0;
            self.pings.push_back(Ping { at: now, kind: Kind::Proof, covers: Some(self.sent) });
            return Some(Out::Ping);
        }
        self.pop().map(Out::Packet)
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

    /// It is time for a heartbeat. One that is still unanswered is enough.
    pub(super) fn beat(&mut self, now: Instant) {
        if self.heartbeat().is_none() {
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
        if self.pings.is_empty() {
            self.answers = Answers::Prompt;
        }
        Some(now.saturating_duration_since(ping.at))
    }

    /// When the oldest answer will be late.
    pub(super) fn late_at(&self) -> Option<Instant> {
        let oldest = self.pings.front().filter(|_| self.answers == Answers::Prompt)?;
        Some(oldest.at + LATE)
    }

    /// Looks whether an answer is late.
    pub(super) fn look(&mut self, now: Instant) {
        if self.late_at().is_some_and(|late| late <= now) {
            self.answers = Answers::Late;
            self.believe();
        }
    }

    fn believe(&mut self) {
        if self.answers == Answers::Late {
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
    fn a_late_answer_proves_nothing_and_what_was_sent_is_believed() {
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
        // Answered at last, pongs count again.
        assert_eq!(outbox.next(now + LATE), Some(Out::Ping));
        outbox.answered(now + LATE);
        outbox.answered(now + LATE);
        take(&mut outbox, now + LATE);
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
        outbox.beat(now);
        outbox.beat(now);
        assert_eq!(
            (outbox.heartbeat(), outbox.next(now), outbox.next(now)),
            (Some(now), Some(Out::Ping), None)
        );
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
        assert_eq!((first.len(), outbox.consumed()), (PAYLOAD_MOST - 4, 0));
        outbox.polled();
        assert_eq!(outbox.consumed(), 2);
        assert_eq!(outbox.payload().unwrap().len(), 20);
        assert_eq!(outbox.payload().unwrap().len(), PAYLOAD_MOST + 1);
        assert_eq!((outbox.payload(), outbox.is_sent(), outbox.queued()), (None, true, 0));
    }
}
