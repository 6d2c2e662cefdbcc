//! One session of Engine.IO: what waits for the client, by which transport it is fetched, whether the client lives.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::Extensions;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::Hub;
use super::limits::Limits;
use super::outbox::{Out, Outbox};
use super::packet::{CLOSE, NOOP};
use super::refusal::Refusal;
use super::talk::Talk;

/// A client that sends other things may take so many times as long to answer a heartbeat.
const PATIENCE: u32 = 6;

/// One session. Its task keeps the heartbeat; the transports come and go.
pub(super) struct Session {
    pub(super) id: String,
    /// What the server's guards noted of the request that began it.
    pub(super) extensions: Extensions,
    pub(super) limits: Limits,
    pub(super) hub: Weak<Hub>,
    state: Mutex<State>,
    /// There is something to send, or the transport changed.
    to_send: Notify,
    /// There is room, or the client got further.
    moved: Notify,
    /// The task has to look at the time earlier than it thought.
    watch: Notify,
    closed: CancellationToken,
}

pub(super) struct State {
    pub(super) outbox: Outbox,
    pub(super) talk: Talk,
    way: Way,
    poll: Seat,
    post: Seat,
    stay: Stay,
    began: Instant,
    heard: Instant,
    next_beat: Instant,
}

/// By which transport the client fetches what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Polling,
    /// Polling, while a WebSocket is tried.
    Probing,
    WebSocket,
}

/// Whether a request of a kind is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    Free,
    Taken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    Open,
    /// Everything was said: it ends once that is sent, and the client was left a moment to hang up by itself.
    Leaving {
        until: Option<Instant>,
    },
}

/// Which requests of a client there may be only one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    Poll,
    Post,
}

impl Session {
    pub(super) fn new(
        id: String,
        extensions: Extensions,
        (limits, way): (Limits, Way),
        hub: Weak<Hub>,
    ) -> Self {
        let now = Instant::now();
        let state = State {
            outbox: Outbox::new(),
            talk: Talk::Silent,
            way,
            poll: Seat::Free,
            post: Seat::Free,
            stay: Stay::Open,
            began: now,
            heard: now,
            next_beat: now + limits.ping_interval,
        };
        let [to_send, moved, watch] = [Notify::new(), Notify::new(), Notify::new()];
        let (state, closed) = (Mutex::new(state), CancellationToken::new());
        Self { id, extensions, limits, hub, state, to_send, moved, watch, closed }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the client is told first.
    pub(super) fn hello(&self) -> String {
        let upgrades: &[&str] = if self.state().way == Way::WebSocket { &[] } else { &["websocket"] };
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let hello = json!({
            "sid": self.id,
            "upgrades": upgrades,
            "pingInterval": milliseconds(self.limits.ping_interval),
            "pingTimeout": milliseconds(self.limits.ping_timeout),
            "maxPayload": self.limits.message_bytes,
        });
        format!("0{hello}")
    }

    /// Ends it at once.
    pub(super) fn close(&self) {
        self.state().talk = Talk::Over;
        self.closed.cancel();
        self.moved.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Done once it is closed.
    pub(super) fn closed(&self) -> WaitForCancellationFuture<'_> {
        self.closed.cancelled()
    }

    /// Ends it once all that waits is sent, and the client had a moment to hang up by itself.
    pub(super) fn leave(&self) {
        self.leave_by(None);
    }

    /// The same, and when that moment is over in any case.
    pub(super) fn leave_now(&self) {
        self.leave_by(Some(Instant::now() + self.limits.leave_within));
    }

    fn leave_by(&self, until: Option<Instant>) {
        let mut state = self.state();
        match &mut state.stay {
            Stay::Leaving { until: set } => *set = set.or(until),
            stay @ Stay::Open => *stay = Stay::Leaving { until },
        }
        drop(state);
        self.to_send.notify_waiters();
        self.watch.notify_one();
    }

    /// Adds a packet for the client, and gives its number. Too many that wait end the session.
    pub(super) fn push(&self, packet: impl Into<Bytes>) -> u64 {
        let mut state = self.state();
        if state.stay != Stay::Open || self.is_closed() {
            return 0;
        }
        let number = state.outbox.push(packet.into());
        let is_too_much = state.outbox.queued() > self.limits.queued_bytes;
        drop(state);
        self.to_send.notify_waiters();
        if is_too_much {
            tracing::debug!("a client does not take what it asks for");
            self.close();
        }
        number
    }

    /// Has the client prove that it consumed all there is so far.
    pub(super) fn prove(&self) {
        self.state().outbox.prove();
        self.to_send.notify_waiters();
    }

    /// What a WebSocket is to send next; nothing once the session is left and all is sent.
    pub(super) async fn next_out(&self) -> Option<Out> {
        self.until(&self.to_send, |state| {
            if state.way != Way::WebSocket {
                return None;
            }
            let next = state.outbox.next(Instant::now());
            if next.is_some() { Some(next) } else { (state.stay != Stay::Open).then_some(None) }
        })
        .await
    }

    /// The WebSocket sent a ping.
    pub(super) fn pinged(&self) {
        let mut state = self.state();
        state.next_beat = Instant::now() + self.limits.ping_interval;
        if state.outbox.late_at().is_some() {
            self.watch.notify_one();
        }
    }

    /// The WebSocket sent a packet of so many bytes.
    pub(super) fn written(&self, bytes: usize) {
        let mut state = self.state();
        state.outbox.written(bytes);
        drop(state);
        self.moved.notify_waiters();
    }

    /// The next answer to a poll; none once the transport is another one, or the session is left and all is sent.
    pub(super) async fn next_payload(&self) -> Option<String> {
        let payload = self.until(&self.to_send, |state| {
            if state.way == Way::WebSocket {
                return Some(None);
            }
            let payload = state.outbox.payload();
            if payload.is_some() { Some(payload) } else { (state.stay != Stay::Open).then_some(None) }
        });
        let payload = payload.await;
        self.moved.notify_waiters();
        // All may be sent now, for which one that is left waits.
        self.watch.notify_one();
        payload
    }

    /// What a poll is answered that ends without anything to tell.
    pub(super) fn farewell(&self) -> &'static str {
        if self.state().way == Way::WebSocket { NOOP } else { CLOSE }
    }

    /// Done once a WebSocket is being tried.
    pub(super) async fn probing(&self) {
        self.until(&self.to_send, |state| (state.way == Way::Probing).then_some(())).await;
    }

    /// Done once this is so.
    pub(super) async fn until<T>(&self, told: &Notify, mut so: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut told = std::pin::pin!(told.notified());
            told.as_mut().enable();
            if let Some(value) = so(&mut self.state()) {
                return value;
            }
            told.await;
        }
    }

    /// Done once this is so of how far the client got, or the session is closed.
    pub(super) async fn until_moved<T>(&self, mut so: impl FnMut(&Outbox) -> Option<T>) -> Option<T> {
        tokio::select! {
            biased;
            value = self.until(&self.moved, |state| so(&state.outbox)) => Some(value),
            () = self.closed() => None,
        }
    }

    /// Something came of the client.
    pub(super) fn heard(&self) {
        self.state().heard = Instant::now();
    }

    /// A pong came.
    pub(super) fn answered(&self) {
        let took = {
            let (mut state, now) = (self.state(), Instant::now());
            let took = state.outbox.answered(now);
            if took.is_some() {
                state.heard = now;
            }
            took
        };
        self.moved.notify_waiters();
        let tell = self.hub.upgrade().and_then(|hub| hub.on_rtt);
        if let (Some(tell), Some(took)) = (tell, took) {
            tell(took);
        }
    }

    /// Begins a request of which there may be one at a time, until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>, errand: Errand) -> Result<Running, Refusal> {
        let mut state = self.state();
        if state.way == Way::WebSocket {
            return Err(Refusal::BadRequest);
        }
        if std::mem::replace(state.seat(errand), Seat::Taken) == Seat::Taken {
            drop(state);
            // Two at once have no order.
            self.close();
            return Err(Refusal::BadRequest);
        }
        if errand == Errand::Poll {
            state.outbox.polled();
            // Who only brings takes nothing, and is not alive for that.
            state.heard = Instant::now();
        }
        drop(state);
        self.moved.notify_waiters();
        Ok(Running { session: Arc::clone(self), errand })
    }

    /// Whether a WebSocket may be tried.
    pub(super) fn may_probe(&self) -> Result<(), Refusal> {
        if self.state().way == Way::Polling { Ok(()) } else { Err(Refusal::BadRequest) }
    }

    /// Goes over from one way to another, if it is the one.
    pub(super) fn turn(&self, from: Way, to: Way) -> bool {
        let mut state = self.state();
        let is_so = state.way == from;
        if is_so {
            state.way = to;
        }
        drop(state);
        self.to_send.notify_waiters();
        is_so
    }

    /// Keeps the heartbeat, and closes the session when its time is over.
    pub(super) async fn keep(self: Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state();
                if !state.look(&self.limits, Instant::now()) {
                    break;
                }
                state.next_look(&self.limits)
            };
            self.to_send.notify_waiters();
            self.moved.notify_waiters();
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.watch.notified() => {}
                () = self.closed() => break,
            }
        }
        self.close();
        if let Some(hub) = self.hub.upgrade() {
            hub.forget(&self.id);
        }
    }
}

impl State {
    fn seat(&mut self, errand: Errand) -> &mut Seat {
        match errand {
            Errand::Poll => &mut self.poll,
            Errand::Post => &mut self.post,
        }
    }

    /// Does what is due; false when the session is over.
    fn look(&mut self, limits: &Limits, now: Instant) -> bool {
        self.outbox.look(now);
        if let Stay::Leaving { until } = &mut self.stay {
            if self.outbox.is_sent() {
                until.get_or_insert(now + limits.leave_within);
            }
            if let Some(until) = until {
                return now < *until;
            }
        }
        if !self.talk.has_begun() && self.began + limits.connect_within <= now {
            return false;
        }
        if self.answer_due(limits).is_some_and(|due| due <= now) {
            return false;
        }
        if self.next_beat <= now {
            self.outbox.beat(now);
            self.next_beat = now + limits.ping_interval;
        }
        true
    }

    /// When the heartbeat must be answered. What else comes of the client renews the time, and not for ever.
    fn answer_due(&self, limits: &Limits) -> Option<Instant> {
        let sent = self.outbox.heartbeat()?;
        let last = sent + limits.ping_timeout.saturating_mul(PATIENCE);
        Some((sent.max(self.heard) + limits.ping_timeout).min(last))
    }

    /// When to look again.
    fn next_look(&self, limits: &Limits) -> Instant {
        if let Stay::Leaving { until: Some(until) } = self.stay {
            return until;
        }
        let connects = (!self.talk.has_begun()).then(|| self.began + limits.connect_within);
        [connects, self.answer_due(limits), self.outbox.late_at()]
            .into_iter()
            .flatten()
            .fold(self.next_beat, Instant::min)
    }
}

/// A request under way.
pub(super) struct Running {
    session: Arc<Session>,
    errand: Errand,
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.session.state().seat(self.errand) = Seat::Free;
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
