//! The conversation in a session: who knocks, what it says, and when that is over.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

use super::emitter::Emitter;
use super::packet::{self, Frame, NoPacket, Packet, ROOT};
use super::session::{Session, State};
use crate::auth::random;

/// Bytes of what a client says to be let in.
const INTRODUCTION_MOST: usize = 64 << 10;
/// Events that wait for the program; then the transport isn't read.
const EVENTS_WAITING: usize = 4;

/// How far the conversation is.
#[derive(Debug)]
pub(super) enum Talk {
    /// The client has yet to connect.
    Silent,
    /// It wants to, and the program has yet to say.
    Knocking {
        events: mpsc::Sender<Event>,
    },
    Connected {
        events: mpsc::Sender<Event>,
        unfinished: Option<Unfinished>,
    },
    Over,
}

/// What is to be done about a packet.
enum Step {
    Nothing,
    Knock(Value, mpsc::Receiver<Event>),
    Tell(mpsc::Sender<Event>, Event),
    Refuse(String),
    Leave,
}

/// A packet whose attachments are on their way.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// None for an acknowledgement, which nobody waits for.
    event: Option<Event>,
    missing: usize,
    bytes: usize,
}

/// An event of the client.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name, of the client's choice.
    pub name: String,
    /// What came with it. In place of an attachment stands `{"_placeholder": true, "num": …}`.
    pub arguments: Vec<Value>,
    /// The number by which the client waits for an acknowledgement.
    pub(super) id: Option<u64>,
}

impl Event {
    /// The first of its arguments; null if it has none.
    #[must_use]
    pub fn argument(&self) -> &Value {
        self.arguments.first().unwrap_or(&Value::Null)
    }
}

/// What the client says, in its order.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
}

impl Events {
    /// The next event; none once the client is gone. Cancel safe. While nobody asks, the client is read no further.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

/// Somebody who wants to connect. Dropped, it is refused.
pub struct Knock {
    /// Taken once it is answered.
    session: Option<Arc<Session>>,
    auth: Value,
    events: mpsc::Receiver<Event>,
}

impl Knock {
    /// What the client says of itself: an object, empty if it says nothing.
    #[must_use]
    pub fn auth(&self) -> &Value {
        &self.auth
    }

    /// What the server's guards noted of the request that began the session, under this type.
    #[must_use]
    pub fn note<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.session.as_ref()?.extensions.get()
    }

    /// Lets it in. The id that it learns is no key to the session. None if the system gives no random bytes.
    #[must_use]
    pub fn accept(mut self) -> Option<(Events, Emitter)> {
        let id = random::id().ok()?;
        let session = self.session.take()?;
        let (_, nothing) = mpsc::channel(1);
        let events = std::mem::replace(&mut self.events, nothing);
        session.state().talk.accept();
        session.push(packet::connected(&id));
        Some((Events { events }, Emitter::of(session)))
    }

    /// Tells it why not, as a `connect_error` whose `message` is this and whose `data.code` is that, and hangs up.
    pub fn refuse(mut self, code: &str, message: &str) {
        if let Some(session) = self.session.take() {
            refuse(&session, code, message);
        }
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            refuse(&session, "internal", "the server could not answer");
        }
    }
}

impl std::fmt::Debug for Knock {
    /// Shows nothing of what the client says of itself: that is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Knock").finish_non_exhaustive()
    }
}

fn refuse(session: &Session, code: &str, message: &str) {
    session.state().talk = Talk::Over;
    session.push(packet::connect_error(ROOT, code, message));
    // Whatever it does, it is not waited for any longer.
    session.leave_now();
}

impl Talk {
    /// Whether nothing is known of the client.
    const fn is_strange(&self) -> bool {
        matches!(self, Self::Silent)
    }

    /// Whether the client was let in, or it is over.
    pub(super) const fn has_begun(&self) -> bool {
        matches!(self, Self::Connected { .. } | Self::Over)
    }

    fn accept(&mut self) {
        match std::mem::replace(self, Self::Over) {
            Self::Knocking { events } => *self = Self::Connected { events, unfinished: None },
            other => *self = other,
        }
    }

    fn event(&mut self, event: Event, attachments: usize, most: usize) -> Result<Step, NoPacket> {
        match self {
            // Who says something before it is let in is heard once it is.
            Self::Connected { events, .. } | Self::Knocking { events } if attachments == 0 => {
                Ok(Step::Tell(events.clone(), event))
            }
            Self::Knocking { .. } | Self::Silent => Err(NoPacket),
            _ => self.wait_for(Some(event), attachments, most),
        }
    }

    fn wait_for(&mut self, event: Option<Event>, attachments: usize, most: usize) -> Result<Step, NoPacket> {
        match self {
            Self::Connected { unfinished, .. } if attachments <= most => {
                *unfinished =
                    (attachments > 0).then_some(Unfinished { event, missing: attachments, bytes: 0 });
                Ok(Step::Nothing)
            }
            _ => Err(NoPacket),
        }
    }
}

/// Takes a packet of Engine.IO, whichever way it came.
pub(super) async fn take(session: &Arc<Session>, text: &str) -> Result<(), NoPacket> {
    match Frame::of(text)? {
        Frame::Close => session.close(),
        Frame::Pong => session.answered(),
        Frame::Message(message) => hear(session, message).await?,
        Frame::Idle => {}
    }
    Ok(())
}

/// Takes a message of the client. Done once there is room for the next.
async fn hear(session: &Arc<Session>, text: &str) -> Result<(), NoPacket> {
    // Of somebody who isn't known yet only a word about itself is read.
    if session.state().talk.is_strange() && (!Packet::connects(text) || text.len() > INTRODUCTION_MOST) {
        return Err(NoPacket);
    }
    let packet = Packet::parse(text)?;
    let step = session.state().step(packet, session.limits.attachments)?;
    act(session, step).await;
    Ok(())
}

/// Takes an attachment, of which nothing is kept.
pub(super) async fn hear_binary(session: &Arc<Session>, bytes: usize) -> Result<(), NoPacket> {
    let step = session.state().attached(bytes, session.limits.message_bytes)?;
    act(session, step).await;
    Ok(())
}

async fn act(session: &Arc<Session>, step: Step) {
    match step {
        Step::Nothing => {}
        Step::Knock(auth, events) => knock(session, auth, events),
        Step::Refuse(error) => drop(session.push(error)),
        Step::Leave => session.close(),
        Step::Tell(events, event) => tokio::select! {
            // Nobody listens any more: it is over.
            _ = events.send(event) => {}
            () = session.closed() => {}
        },
    }
}

/// Has the program serve it, in a task of its own, with which the connection ends.
fn knock(session: &Arc<Session>, auth: Value, events: mpsc::Receiver<Event>) {
    if let Some(hub) = session.hub.upgrade() {
        let knock = Knock { session: Some(Arc::clone(session)), auth, events };
        tokio::spawn((hub.serve)(knock));
    }
}

impl State {
    fn step(&mut self, packet: Packet<'_>, attachments_most: usize) -> Result<Step, NoPacket> {
        let is_between = !matches!(self.talk, Talk::Connected { unfinished: Some(_), .. });
        match (packet, &mut self.talk) {
            (_, Talk::Over) => Ok(Step::Nothing),
            (Packet::Connect { namespace, .. }, _) if namespace != ROOT => {
                Ok(Step::Refuse(packet::connect_error(namespace, "invalid_namespace", "Invalid namespace")))
            }
            (Packet::Connect { auth, .. }, talk @ Talk::Silent) => {
                let (sender, events) = mpsc::channel(EVENTS_WAITING);
                *talk = Talk::Knocking { events: sender };
                Ok(Step::Knock(auth, events))
            }
            // Once is enough.
            (Packet::Connect { .. }, _) => Ok(Step::Nothing),
            (Packet::Disconnect { namespace: ROOT }, _) => Ok(Step::Leave),
            (Packet::Disconnect { .. }, _) => Ok(Step::Nothing),
            (Packet::Event { namespace: ROOT, id, attachments, name, arguments }, talk) if is_between => {
                talk.event(Event { name, arguments, id }, attachments, attachments_most)
            }
            (Packet::Acknowledgement { attachments }, talk) if is_between => {
                talk.wait_for(None, attachments, attachments_most)
            }
            _ => Err(NoPacket),
        }
    }

    fn attached(&mut self, bytes: usize, most: usize) -> Result<Step, NoPacket> {
        let Talk::Connected { events, unfinished } = &mut self.talk else { return Err(NoPacket) };
        let waiting = unfinished.as_mut().ok_or(NoPacket)?;
        waiting.missing -= 1;
        waiting.bytes += bytes;
        if waiting.bytes > most {
            return Err(NoPacket);
        }
        if waiting.missing > 0 {
            return Ok(Step::Nothing);
        }
        let event = unfinished.take().and_then(|finished| finished.event);
        Ok(event.map_or(Step::Nothing, |event| Step::Tell(events.clone(), event)))
    }
}
