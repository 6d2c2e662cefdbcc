//! An answer as it comes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::accumulator::Accumulator;
use super::body::Body;
use super::decoder::Decoder;
use super::event::{ApiError, Event};
use super::message::Message;
use super::outcome::{Cut, Outcome, Partial};
use crate::object::Object;
use crate::text::{Json, Text};

/// Events before the first content that are held back; beyond it the stream is handed out without waiting for
/// content.
const EARLY_EVENTS: usize = 64;

/// A streaming answer. Dropping it closes the connection: the model stops.
///
/// Also a [`futures_core::Stream`] of its events.
#[must_use = "the answer stops when it is dropped"]
pub struct Stream {
    state: State,
    /// Read while the first content was waited for, and not handed out yet.
    early: VecDeque<Event>,
    accumulator: Accumulator,
    request_id: Option<Text>,
}

enum State {
    Open(Box<Reader>),
    Over(End),
}

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum End {
    Complete,
    ApiError(ApiError),
    Cut(Cut),
    Protocol(Box<str>),
}

impl Stream {
    /// The next event; `None` after the last. Then [`Stream::outcome`] tells how it ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The message so far.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.accumulator.message()
    }

    /// The request's id, where the API told one: for the log, and for questions to Anthropic.
    #[must_use]
    pub fn request_id(&self) -> Option<&Text> {
        self.request_id.as_ref()
    }

    /// What has come so far, where nobody waits for the rest.
    #[must_use]
    pub fn into_partial(mut self) -> Partial {
        while let Some(event) = self.early.pop_front() {
            self.accumulator.push(&event);
        }
        // What was read off the connection counts too: it may tell what was used.
        if let State::Open(reader) = &mut self.state {
            while let Some(Ok(event)) = reader.decoder.next() {
                self.accumulator.push(&event);
            }
        }
        Partial { request_id: self.request_id, ..self.accumulator.into_partial() }
    }

    /// How it ended, after reading what is left.
    pub async fn outcome(mut self) -> Outcome {
        while self.next().await.is_some() {}
        let end = match std::mem::replace(&mut self.state, State::Over(End::Complete)) {
            State::Over(end) => end,
            State::Open(_) => End::Cut(Cut::Ended),
        };
        let mut partial = self.into_partial();
        match end {
            End::Complete => match partial.message.take() {
                Some(message) => Outcome::Complete(message),
                None => Outcome::Protocol { what: "it ended before it began".into(), partial },
            },
            End::ApiError(error) => Outcome::ApiError { error, partial },
            End::Cut(cut) => Outcome::Incomplete { cut, partial },
            End::Protocol(what) => Outcome::Protocol { what, partial },
        }
    }

    /// Reads up to the first content. What was read comes first out of [`Stream::next`].
    ///
    /// # Errors
    /// It ended before.
    pub(super) async fn begin(body: Body, request_id: Option<Text>, max: usize) -> Result<Self, End> {
        let mut reader = Reader { decoder: Decoder::new(), body, max, left: max };
        let mut early = VecDeque::new();
        while early.len() < EARLY_EVENTS {
            let event = poll_fn(|cx| reader.poll_event(cx)).await?;
            if let Event::Error(error) = event {
                return Err(End::ApiError(error));
            }
            let is_enough = is_content(&event);
            early.push_back(event);
            if is_enough {
                break;
            }
        }
        let state = State::Open(Box::new(reader));
        Ok(Self { state, early, accumulator: Accumulator::new(), request_id })
    }

    /// The stream that this message would have come as.
    pub(super) fn of_message(message: Message, request_id: Option<Text>) -> Self {
        let state = State::Over(End::Complete);
        Self { state, early: events_of(message), accumulator: Accumulator::new(), request_id }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let next = match (self.early.pop_front(), &mut self.state) {
            (Some(event), _) => Ok(event),
            (None, State::Open(reader)) => ready!(reader.poll_event(cx)),
            (None, State::Over(_)) => return Poll::Ready(None),
        };
        match next {
            Ok(event) => {
                self.accumulator.push(&event);
                match &event {
                    Event::MessageStop => self.state = State::Over(End::Complete),
                    Event::Error(error) => self.state = State::Over(End::ApiError(error.clone())),
                    _ => {}
                }
                Poll::Ready(Some(event))
            }
            Err(end) => {
                self.state = State::Over(end);
                Poll::Ready(None)
            }
        }
    }
}

impl futures_core::Stream for Stream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("request_id", &self.request_id)
            .field("is_over", &matches!(self.state, State::Over(_)))
            .finish_non_exhaustive()
    }
}

/// From the connection to events.
#[derive(Debug)]
struct Reader {
    decoder: Decoder,
    body: Body,
    /// The most bytes of the body, and how many may still come.
    max: usize,
    left: usize,
}

impl Reader {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, End>> {
        loop {
            match self.decoder.next() {
                Some(Ok(event)) => {
                    if is_content(&event) {
                        self.body.on_content();
                    }
                    return Poll::Ready(Ok(event));
                }
                Some(Err(malformed)) => return Poll::Ready(Err(End::Protocol(malformed.what))),
                None => {}
            }
            match ready!(self.body.poll_chunk(cx)) {
                Some(Ok(bytes)) => {
                    let Some(left) = self.left.checked_sub(bytes.len()) else {
                        let what = format!("it is longer than {} bytes", self.max).into();
                        return Poll::Ready(Err(End::Protocol(what)));
                    };
                    self.left = left;
                    self.decoder.feed(bytes);
                }
                Some(Err(cut)) => return Poll::Ready(Err(End::Cut(cut))),
                None => return Poll::Ready(Err(End::Cut(Cut::Ended))),
            }
        }
    }
}

/// Whether the answer itself goes on: all but the announcement, pings, and what is not known.
fn is_content(event: &Event) -> bool {
    !matches!(event, Event::MessageStart(_) | Event::Ping | Event::Unknown { .. } | Event::Error(_))
}

fn events_of(mut message: Message) -> VecDeque<Event> {
    let blocks = std::mem::take(&mut message.content);
    let mut delta = Object::default();
    if let Some(reason) = message.stop_reason.take() {
        delta.set("stop_reason", Json::from(serde_json::Value::from(reason.as_str())));
    }
    let usage = message.usage.clone();
    let start = Event::MessageStart(Box::new(message));
    let blocks = blocks.into_iter().enumerate().flat_map(|(index, block)| {
        let content_block = Box::new(block);
        [Event::ContentBlockStart { index, content_block }, Event::ContentBlockStop { index }]
    });
    let end = [Event::MessageDelta { delta, usage }, Event::MessageStop];
    std::iter::once(start).chain(blocks).chain(end).collect()
}
