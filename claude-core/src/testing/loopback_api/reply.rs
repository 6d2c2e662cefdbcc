//! One planned reply.

mod error;
mod faults;
mod message;

use std::time::Duration;

use bytes::Bytes;

use super::fault::Fault;
use super::message::Message;
use super::pace::{Pace, Tempo};
use super::wire::{LineEnd, Named, Wire};

pub(super) use error::{ErrorBody, PlannedError};

/// What one request of `POST /v1/messages` is answered with.
///
/// A message is sent as a stream of events or as one JSON object, as the request asks for. A method that has no
/// meaning for a reply, as [`Reply::html`] for a message, changes nothing.
#[derive(Debug, Clone)]
#[must_use]
pub struct Reply {
    pub(super) answer: Answer,
    pub(super) headers: Vec<(String, String)>,
    pub(super) pace: Pace,
    pub(super) wire: Wire,
    pub(super) fault: Option<Fault>,
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Message(Box<Message>),
    Error(PlannedError),
    Stream(Bytes),
}

impl Reply {
    /// These bytes as they are, as the body of an event stream, whether a stream was asked for or not: for
    /// recorded streams.
    pub fn raw_stream(bytes: impl Into<Bytes>) -> Self {
        Self::new(Answer::Stream(bytes.into()))
    }

    /// A header of the response. A name or a value that HTTP forbids is answered with 500, which says so.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Waits this long before the head of the response.
    pub fn after(mut self, delay: Duration) -> Self {
        self.pace.first = delay;
        self
    }

    /// Waits this long before each event of a stream.
    pub fn words_every(mut self, pause: Duration) -> Self {
        self.pace.tempo = Tempo::Every(pause);
        self
    }

    /// Sends so many deltas of a stream in a second, each at its own time seen from the first one: a late one
    /// delays none behind it. Timers are good for a millisecond; above 1000 the deltas of one come together.
    pub fn per_second(mut self, deltas: u32) -> Self {
        self.pace.tempo = Tempo::PerSecond(deltas);
        self
    }

    /// Sends the body in pieces of at most this many bytes, wherever that cuts it. Each is a chunk of HTTP, and
    /// the first 200 are a millisecond apart, so that each arrives by itself.
    pub fn split_every(mut self, bytes: usize) -> Self {
        self.pace.split = Some(bytes.max(1));
        self
    }

    /// How the lines of a stream end.
    pub fn line_end(mut self, end: LineEnd) -> Self {
        self.wire.line_end = end;
        self
    }

    /// Leaves out the `event:` lines of a stream, as some gateways do: the type in the data has to do.
    pub fn unnamed_events(mut self) -> Self {
        self.wire.named = Named::None;
        self
    }

    /// Leaves out the `event:` line of `error` events only.
    pub fn unnamed_errors(mut self) -> Self {
        self.wire.named = Named::AllButErrors;
        self
    }

    fn new(answer: Answer) -> Self {
        Self { answer, headers: Vec::new(), pace: Pace::default(), wire: Wire::default(), fault: None }
    }
}
