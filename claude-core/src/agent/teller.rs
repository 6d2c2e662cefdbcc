//! Tells events in order, whatever becomes of the waiting.

use std::collections::VecDeque;

use crate::turn::{Emitter, TurnEvent};

/// What a turn has to say. The work of a turn may be dropped at any `await`; what was handed over before is told
/// nevertheless, by the next [`flush`](Self::flush).
pub(super) struct Teller {
    emitter: Emitter,
    /// The few events that belong together.
    untold: VecDeque<TurnEvent>,
}

impl Teller {
    pub(super) fn new(emitter: Emitter) -> Self {
        Self { emitter, untold: VecDeque::new() }
    }

    /// Hands an event over, to be told soon.
    pub(super) fn later(&mut self, event: TurnEvent) {
        self.untold.push_back(event);
    }

    /// Tells an event, behind all that was handed over. Waits while the reader is behind.
    pub(super) async fn tell(&mut self, event: TurnEvent) {
        self.later(event);
        self.flush().await;
    }

    /// Tells what was handed over.
    pub(super) async fn flush(&mut self) {
        // An event leaves once it was told, so that dropping this in between loses none. Its clone counts references.
        while let Some(event) = self.untold.front() {
            self.emitter.emit(event.clone()).await;
            self.untold.pop_front();
        }
    }
}
