//! The half that sends.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::time::{Instant, Sleep, sleep_until};

use super::frame::{self, CONTROL_BYTES, Control, Front, Opcode};
use super::wire::Wire;

/// Pieces that one write takes; further ones wait for the next.
const PIECES: usize = 16;

/// Sends frames, each whole or not at all, answers pings and sends our own.
pub struct Sender {
    wire: Arc<Wire>,
    /// Control frames and the head of a data frame, written before the pieces.
    front: Front,
    front_at: usize,
    pieces: VecDeque<Bytes>,
    timer: Pin<Box<Sleep>>,
    close_within: Duration,
}

impl Sender {
    pub(super) fn new(wire: Arc<Wire>, close_within: Duration) -> Self {
        Self {
            wire,
            front: Front::new(),
            front_at: 0,
            pieces: VecDeque::new(),
            timer: Box::pin(sleep_until(Instant::now())),
            close_within,
        }
    }

    /// Sends these pieces, one after the other, as one binary message, and is done when the system has taken it all.
    ///
    /// Cancel safe: dropped before an earlier frame was written, nothing of this one is sent; later, all of it, by
    /// the next call of anything here.
    ///
    /// # Errors
    /// The client is gone, took nothing for too long, or left a ping unanswered.
    pub async fn send(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        self.send_as(Opcode::Binary, pieces).await
    }

    /// Sends these pieces, which must be UTF-8 together, as one text message; otherwise as [`send`](Self::send).
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_text(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        self.send_as(Opcode::Text, pieces).await
    }

    async fn send_as(&mut self, opcode: Opcode, pieces: &[Bytes]) -> io::Result<()> {
        self.flush().await?;
        self.stage_as(opcode, pieces);
        self.flush().await
    }

    /// Takes these pieces as the next message, to be written by [`flush`](Self::flush) or any other call here, if
    /// nothing is left to write; otherwise it takes nothing and says false. For who reads while it writes.
    pub fn stage(&mut self, pieces: &[Bytes]) -> bool {
        self.stage_as(Opcode::Binary, pieces)
    }

    fn stage_as(&mut self, opcode: Opcode, pieces: &[Bytes]) -> bool {
        if !self.is_idle() {
            return false;
        }
        self.stage_pong();
        frame::put_head(opcode, pieces.iter().map(Bytes::len).sum(), &mut self.front);
        self.pieces.extend(pieces.iter().filter(|piece| !piece.is_empty()).cloned());
        true
    }

    /// Whether nothing is left to write.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.front.is_empty() && self.pieces.is_empty()
    }

    /// Writes what is staged, with the [`chores`](Self::chores) that come up. Cancel safe.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| {
            if let Poll::Ready(error) = self.poll_upkeep(context) {
                return Poll::Ready(Err(error));
            }
            self.poll_staged(context)
        })
        .await
    }

    /// Answers pings and sends our own, and ends only when the client is gone, took nothing for too long, or left a
    /// ping unanswered: to be run beside whatever brings the next frame. Cancel safe.
    pub async fn chores(&mut self) -> io::Error {
        poll_fn(|context| self.poll_chores(context)).await
    }

    fn poll_chores(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            if let Poll::Ready(error) = self.poll_upkeep(context) {
                return Poll::Ready(error);
            }
            if self.is_idle() {
                return Poll::Pending;
            }
            if let Err(error) = ready!(self.poll_staged(context)) {
                return Poll::Ready(error);
            }
        }
    }

    /// Stages the control frames that are due, between two frames, and waits for the next.
    fn poll_upkeep(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let now = Instant::now();
            if self.wire.pulse().is_lost(now) {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            if self.is_idle() {
                self.stage_pong();
                if let Some(ping) = self.wire.pulse().ping(now) {
                    frame::put_control(Opcode::Ping, &ping, &mut self.front);
                }
            }
            let mut pulse = self.wire.pulse();
            pulse.wakes(context.waker());
            let Some(next) = pulse.next() else { return Poll::Pending };
            drop(pulse);
            if !self.is_idle() && next <= now {
                // Due once what is staged is written.
                return Poll::Pending;
            }
            if self.timer.deadline() != next {
                self.timer.as_mut().reset(next);
            }
            ready!(self.timer.as_mut().poll(context));
        }
    }

    fn stage_pong(&mut self) {
        if let Some(pong) = self.wire.pulse().pong() {
            frame::put_control(Opcode::Pong, &pong, &mut self.front);
        }
    }

    /// Writes what is staged.
    fn poll_staged(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_idle() {
            return Poll::Ready(Ok(()));
        }
        while !self.is_idle() {
            let mut slices = [IoSlice::new(&[]); PIECES];
            let front = std::iter::once(&self.front[self.front_at..]).filter(|front| !front.is_empty());
            let staged = front.chain(self.pieces.iter().map(AsRef::as_ref));
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(staged) {
                *slice = IoSlice::new(piece);
                count += 1;
            }
            match ready!(self.wire.poll_write(context, &slices[..count]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.advance(written),
            }
        }
        if self.pieces.capacity() > PIECES {
            self.pieces = VecDeque::new();
        }
        self.wire.pulse().written(Instant::now());
        self.wire.poll_flush(context)
    }

    fn advance(&mut self, mut written: usize) {
        let front = written.min(self.front.len() - self.front_at);
        self.front_at += front;
        written -= front;
        if self.front_at == self.front.len() {
            self.front.clear();
            self.front_at = 0;
        }
        while let Some(piece) = self.pieces.front_mut() {
            if written < piece.len() {
                piece.advance(written);
                break;
            }
            written -= piece.len();
            self.pieces.pop_front();
        }
    }

    /// Writes what is staged and the close frame after it.
    pub(super) async fn say_goodbye(&mut self, code: u16, reason: &str) -> io::Result<()> {
        poll_fn(|context| self.poll_staged(context)).await?;
        let mut payload = Control::of(&code.to_be_bytes());
        payload.extend(&reason.as_bytes()[..reason.floor_char_boundary(CONTROL_BYTES - 2)]);
        frame::put_control(Opcode::Close, &payload, &mut self.front);
        poll_fn(|context| self.poll_staged(context)).await
    }

    /// Tells the client that nothing more comes.
    pub(super) async fn shut_down(&mut self) -> io::Result<()> {
        poll_fn(|context| self.wire.poll_shutdown(context)).await
    }

    pub(super) const fn close_within(&self) -> Duration {
        self.close_within
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("is_idle", &self.is_idle()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
