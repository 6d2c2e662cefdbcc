//! What the program tells a client.

use std::sync::Arc;

use serde::Serialize;

use super::packet;
use super::session::Session;
use super::talk::Event;

/// Tells a client events. Dropped, the connection is cut; [`disconnect`](Self::disconnect) ends it in good order.
#[derive(Debug)]
pub struct Emitter {
    session: Arc<Session>,
}

/// How far something is in the order of what was emitted: the events up to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mark(u64);

/// An event that is being written.
#[derive(Debug)]
#[must_use]
pub struct Draft {
    text: Vec<u8>,
    start: usize,
}

impl Draft {
    /// Where its argument is appended to.
    pub fn json(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Bytes of the argument so far.
    #[must_use]
    pub fn written(&self) -> usize {
        self.text.len() - self.start
    }
}

impl Emitter {
    pub(super) fn of(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// Emits an event with one argument. It never waits, and nothing is dropped: more than
    /// [`Limits::queued_bytes`](super::Limits::queued_bytes) that wait end the session. What can't be JSON is told as null.
    pub fn emit(&self, name: &str, argument: &impl Serialize) -> Mark {
        let mut draft = Self::draft(name, 0);
        if serde_json::to_writer(draft.json(), argument).is_err() {
            draft.text.truncate(draft.start);
            draft.text.extend_from_slice(b"null");
        }
        self.send(draft)
    }

    /// An event whose one argument its caller writes, in about so many bytes.
    pub fn draft(name: &str, bytes: usize) -> Draft {
        let mut text = packet::begin_event(name);
        let start = text.len();
        text.reserve(bytes + 1);
        Draft { text, start }
    }

    /// Emits an event as [`emit`](Self::emit) does. What was written must be JSON.
    pub fn send(&self, mut draft: Draft) -> Mark {
        draft.text.push(b']');
        Mark(self.session.push(draft.text))
    }

    /// Acknowledges an event, if its client waits for that.
    pub fn acknowledge(&self, event: &Event) {
        if let Some(id) = event.id {
            self.session.push(packet::acknowledgement(id));
        }
    }

    /// Waits until there is room for output, or the session is over. Cancel safe.
    pub async fn ready(&self) {
        self.session.until_moved(|outbox| outbox.has_room().then_some(())).await;
    }

    /// Waits until there is room for answers, of which more may wait than of output, or the session is over. Cancel safe.
    pub async fn ready_to_answer(&self) {
        self.session.until_moved(|outbox| (!outbox.is_crowded()).then_some(())).await;
    }

    /// Asks the client for a proof that it consumed everything so far: [`consumed`](Self::consumed) tells.
    pub fn prove(&self) {
        self.session.prove();
    }

    /// Waits until the client has consumed more than this, and says how much. Never, once the session is over. Cancel safe.
    pub async fn consumed(&self, more_than: Mark) -> Mark {
        let consumed = |consumed: u64| (consumed > more_than.0).then_some(Mark(consumed));
        match self.session.until_moved(|outbox| consumed(outbox.consumed())).await {
            Some(mark) => mark,
            None => std::future::pending().await,
        }
    }

    /// Disconnects the client. Returns once it was told everything and hung up, or is gone. Cancelled, it is cut.
    pub async fn disconnect(self) {
        self.session.push(packet::disconnect());
        self.session.leave();
        self.session.closed().await;
    }
}

impl Drop for Emitter {
    fn drop(&mut self) {
        self.session.close();
    }
}
