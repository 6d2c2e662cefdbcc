//! What a terminal has no room for yet.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::FutureExt;
use pty_core::{Input, Size};

/// The most input that waits, bytes, beyond what the terminal itself queues.
const MOST: usize = 4 << 20;
/// Pieces are joined up to this length, bytes, so that small ones cost no more than large ones.
const PIECE: usize = 64 << 10;

/// Input that a terminal has no room for yet, and sizes that stand behind it, in order.
#[derive(Default)]
pub(super) struct Backlog {
    /// What is being given.
    next: Option<Bytes>,
    waiting: VecDeque<Item>,
    bytes: usize,
}

enum Item {
    Text(Vec<u8>),
    Size(Size),
}

/// More waits than may.
pub(super) struct Overflow;

impl Backlog {
    fn is_empty(&self) -> bool {
        self.next.is_none() && self.waiting.is_empty()
    }

    /// Gives the terminal this behind all that waits: at once, if it has room, as it mostly has.
    pub(super) fn give(&mut self, text: String, input: &Input) -> Result<(), Overflow> {
        let text = Bytes::from(text);
        if text.is_empty() || (self.is_empty() && input.send(text.clone()).now_or_never().is_some()) {
            return Ok(());
        }
        if self.bytes + text.len() > MOST {
            return Err(Overflow);
        }
        self.bytes += text.len();
        match self.waiting.back_mut() {
            Some(Item::Text(last)) if last.len() < PIECE => last.extend_from_slice(&text),
            _ => self.waiting.push_back(Item::Text(text.into())),
        }
        Ok(())
    }

    /// Sets the terminal's size once all that waits is given.
    pub(super) fn resize(&mut self, size: Size, input: &Input) {
        if self.is_empty() {
            return set(size, input);
        }
        match self.waiting.back_mut() {
            Some(Item::Size(last)) => *last = size,
            _ => self.waiting.push_back(Item::Size(size)),
        }
    }

    /// Gives the terminal what waits. Cancelled, what was not given waits on.
    pub(super) async fn flush(&mut self, input: &Input) {
        while let Some(piece) = self.next_piece(input) {
            if input.send(piece.clone()).await.is_err() {
                // Nobody will read it any more.
                *self = Self::default();
                return;
            }
            self.bytes -= piece.len();
            self.next = None;
        }
    }

    fn next_piece(&mut self, input: &Input) -> Option<Bytes> {
        while self.next.is_none() {
            match self.waiting.pop_front()? {
                Item::Text(text) => self.next = Some(text.into()),
                Item::Size(size) => set(size, input),
            }
        }
        self.next.clone()
    }
}

/// A terminal that has just ended has no size any more; its end is told next.
fn set(size: Size, input: &Input) {
    let _ = input.resize(size);
}
