//! What is to be written to the child's stdin.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

/// A queue in front of the pipe. It is bounded by what asks: a prompt, one answer for each open question, and
/// the requests of a [`Control`](super::Control).
#[derive(Debug)]
pub(super) struct Input {
    pipe: Option<pipe::Sender>,
    queue: VecDeque<Bytes>,
    close: bool,
}

impl Input {
    pub(super) fn new(pipe: pipe::Sender) -> Self {
        Self { pipe: Some(pipe), queue: VecDeque::new(), close: false }
    }

    /// Writes `bytes` after what waits already.
    pub(super) fn push(&mut self, bytes: Bytes) {
        if self.pipe.is_some() && !self.close {
            self.queue.push_back(bytes);
        }
    }

    /// Closes the pipe once everything is written.
    pub(super) fn close(&mut self) {
        self.close = true;
        if self.queue.is_empty() {
            self.pipe = None;
        }
    }

    /// Nobody can read any more.
    pub(super) fn abandon(&mut self) {
        self.queue.clear();
        self.pipe = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some() && !self.close
    }

    pub(super) fn has_work(&self) -> bool {
        self.pipe.is_some() && !self.queue.is_empty()
    }

    /// Writes some of it. Cancel safe: what was written is gone from the queue. A child that does not read
    /// its input is no error: its output tells.
    pub(super) async fn write_some(&mut self) {
        let (Some(pipe), Some(front)) = (&mut self.pipe, self.queue.front_mut()) else { return };
        match pipe.write(front).await {
            Ok(written) => front.advance(written),
            Err(_) => return self.abandon(),
        }
        if front.is_empty() {
            self.queue.pop_front();
        }
        if self.close && self.queue.is_empty() {
            self.pipe = None;
        }
    }
}
