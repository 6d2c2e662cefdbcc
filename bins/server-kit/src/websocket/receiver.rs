//! The half that receives.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::decoder::{Decoder, Event, Texts};
use super::wire::Wire;
use super::{Fault, Message};

/// The most that is read at once, into a buffer that all connections of a thread share.
const READ_BYTES: usize = 64 << 10;
/// Reads without a message, in a row, before others get their turn.
const READS_AT_ONCE: usize = 4;
/// Pings and pongs, in a row, before others get their turn.
const PINGS_AT_ONCE: usize = 256;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is told of the time from a ping of ours to its pong.
pub(super) type OnRtt = fn(Duration);

/// Receives messages.
pub struct Receiver {
    wire: Arc<Wire>,
    decoder: Decoder,
    /// What was read and is not decoded yet, below [`READ_BYTES`].
    rest: Vec<u8>,
    rest_at: usize,
    phase: Phase,
    on_rtt: Option<OnRtt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The client sent its close.
    Closed,
    Failed(Fault),
}

/// How the client's answer to a close can be told from what else it still sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// By its frame.
    Frames,
    /// Not at all: only by its end.
    Noise,
    /// There is none.
    None,
}

impl Receiver {
    /// `begun` was read before.
    pub(super) fn new(
        wire: Arc<Wire>,
        (message_bytes, texts): (usize, Texts),
        begun: &[u8],
        on_rtt: Option<OnRtt>,
    ) -> Self {
        Self {
            wire,
            decoder: Decoder::new(message_bytes, texts),
            rest: begun.to_vec(),
            rest_at: 0,
            phase: Phase::Open,
            on_rtt,
        }
    }

    /// The next message. Pings are answered by the [`Sender`](super::Sender) meanwhile. Cancel safe.
    ///
    /// # Errors
    /// [`Fault`]: nothing more comes.
    pub async fn next(&mut self) -> Result<Message, Fault> {
        match self.phase {
            Phase::Open => poll_fn(|context| self.poll_next(context)).await,
            Phase::Closed => Err(Fault::Gone),
            Phase::Failed(fault) => Err(fault),
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, Fault>> {
        for _ in 0..READS_AT_ONCE {
            if let Some(told) = self.over_rest(Self::decode) {
                return Poll::Ready(told);
            }
            if !self.rest.is_empty() {
                break;
            }
            let told = match ready!(self.poll_read(context, Self::decode)) {
                Ok(told) => told,
                Err(fault) => Some(Err(self.failed(fault))),
            };
            if let Some(told) = told {
                return Poll::Ready(told);
            }
        }
        // A client that sends pings, or fragments without end, leaves the thread to others.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// What follows a close of ours.
    pub(super) fn rest(&self) -> Rest {
        match self.phase {
            Phase::Open | Phase::Failed(Fault::TooLarge) => Rest::Frames,
            Phase::Closed | Phase::Failed(Fault::Gone) => Rest::None,
            Phase::Failed(Fault::Protocol(_) | Fault::NotUtf8) => Rest::Noise,
        }
    }

    /// Reads and throws away, until the client's close or its end.
    pub(super) async fn discard(&mut self) {
        self.decoder.skim();
        while self.rest() != Rest::None {
            poll_fn(|context| self.poll_discard(context)).await;
        }
    }

    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.over_rest(Self::skim);
        if self.rest() != Rest::None
            && let Err(fault) = ready!(self.poll_read(context, Self::skim))
        {
            self.failed(fault);
        }
        Poll::Ready(())
    }

    /// Decodes what an earlier read left.
    fn over_rest<T>(&mut self, decode: fn(&mut Self, &mut &[u8]) -> Option<T>) -> Option<T> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let mut input = &rest[self.rest_at..];
        let told = decode(self, &mut input);
        if !input.is_empty() {
            self.rest_at = rest.len() - input.len();
            self.rest = rest;
        }
        told
    }

    /// Reads once and decodes it; what is left is kept.
    fn poll_read<T>(
        &mut self,
        context: &mut Context<'_>,
        decode: fn(&mut Self, &mut &[u8]) -> Option<T>,
    ) -> Poll<Result<Option<T>, Fault>> {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(READ_BYTES, 0);
            let mut buffer = ReadBuf::new(scratch);
            let Poll::Ready(read) = self.wire.poll_read(context, &mut buffer) else {
                self.wire.pulse().caught_up();
                return Poll::Pending;
            };
            let mut input = buffer.filled();
            if read.is_err() || input.is_empty() {
                return Poll::Ready(Err(Fault::Gone));
            }
            self.wire.pulse().heard(Instant::now());
            let told = decode(self, &mut input);
            (self.rest, self.rest_at) = (input.to_vec(), 0);
            Poll::Ready(Ok(told))
        })
    }

    /// The next message, unless there are very many pings before it: then some of the input is left.
    fn decode(&mut self, input: &mut &[u8]) -> Option<Result<Message, Fault>> {
        for _ in 0..PINGS_AT_ONCE {
            let told = match self.decoder.next(input) {
                Ok(None) => return None,
                Ok(Some(Event::Ping(ping))) => {
                    self.wire.pulse().owe(ping);
                    continue;
                }
                Ok(Some(Event::Pong(pong))) => {
                    let rtt = self.wire.pulse().answered(&pong, Instant::now());
                    if let (Some(tell), Some(rtt)) = (self.on_rtt, rtt) {
                        tell(rtt);
                    }
                    continue;
                }
                Ok(Some(Event::Binary(bytes))) => Ok(Message::Binary(bytes)),
                Ok(Some(Event::Text(text))) => Ok(Message::Text(text)),
                Ok(Some(Event::Unwanted)) => Ok(Message::Unwanted),
                Ok(Some(Event::Close(code))) => {
                    self.phase = Phase::Closed;
                    Ok(Message::Close(code))
                }
                Err(fault) => Err(self.failed(fault)),
            };
            self.wire.pulse().fell_behind();
            return Some(told);
        }
        None
    }

    /// Looks for the client's close alone.
    fn skim(&mut self, input: &mut &[u8]) -> Option<()> {
        while self.rest() == Rest::Frames {
            match self.decoder.next(input) {
                Ok(None) => return None,
                Ok(Some(Event::Close(_))) => self.phase = Phase::Closed,
                Ok(Some(_)) => {}
                Err(fault) => self.phase = Phase::Failed(fault),
            }
        }
        *input = &[];
        None
    }

    fn failed(&mut self, fault: Fault) -> Fault {
        self.phase = Phase::Failed(fault);
        fault
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("phase", &self.phase).finish_non_exhaustive()
    }
}
