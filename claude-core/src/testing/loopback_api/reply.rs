//! One planned reply and its faults.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::content::Block;

/// What one request of `POST /v1/messages` is answered with.
///
/// A message is sent as a stream of events or as one JSON object, as the request asks for.
#[derive(Debug, Clone)]
#[must_use]
pub struct Reply {
    pub(super) answer: Answer,
    pub(super) pace: Pace,
    pub(super) fault: Fault,
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Message { content: Vec<Block>, stop_reason: Option<String>, usage: Option<Value> },
    Error { status: u16, retry_after: Option<u64>, body: ErrorBody, message: Option<String> },
    Stream(Bytes),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum ErrorBody {
    Json,
    Html,
    Empty,
}

/// When the pieces of a body are sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// Before the head of the response.
    pub(super) first: Duration,
    /// Before each event.
    pub(super) events: Duration,
    /// The largest piece in bytes.
    pub(super) split: Option<usize>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Fault {
    #[default]
    None,
    StallBefore,
    StallAfterEvents(usize),
    CutAfterBytes(usize),
    ErrorEventAfter(usize),
}

impl Reply {
    /// A message with this text, one delta per word.
    pub fn text(text: impl Into<String>) -> Self {
        Self::content(vec![Block::Text(text.into())])
    }

    /// A message that calls a tool, its input in pieces.
    pub fn tool_use(name: impl Into<String>, input: Value) -> Self {
        Self::tools([(name, input)])
    }

    /// A message that calls several tools.
    pub fn tools<N: Into<String>>(calls: impl IntoIterator<Item = (N, Value)>) -> Self {
        let calls = calls.into_iter().map(|(name, input)| Block::ToolUse { name: name.into(), input });
        Self::content(calls.collect())
    }

    /// A message that thinks first (with a signature) and then says this text.
    pub fn thinking(thinking: impl Into<String>, text: impl Into<String>) -> Self {
        Self::content(vec![Block::Thinking(thinking.into()), Block::Text(text.into())])
    }

    /// An error with this status, as JSON in the API's shape.
    pub fn status(status: u16) -> Self {
        Self::new(Answer::Error { status, retry_after: None, body: ErrorBody::Json, message: None })
    }

    /// These bytes as they are, as the body of an event stream, whether a stream was asked for or not: for
    /// recorded streams.
    pub fn raw_stream(bytes: impl Into<Bytes>) -> Self {
        Self::new(Answer::Stream(bytes.into()))
    }

    /// Puts a text before what the message holds so far.
    pub fn preface(mut self, text: impl Into<String>) -> Self {
        if let Answer::Message { content, .. } = &mut self.answer {
            content.insert(0, Block::Text(text.into()));
        }
        self
    }

    /// The message's `stop_reason`; without it `tool_use` or `end_turn`.
    pub fn stop_reason(mut self, reason: impl Into<String>) -> Self {
        if let Answer::Message { stop_reason, .. } = &mut self.answer {
            *stop_reason = Some(reason.into());
        }
        self
    }

    /// Members of the message's `usage` that replace or add to the usual ones: 100 input tokens, an output token
    /// per word.
    pub fn usage(mut self, members: Value) -> Self {
        if let Answer::Message { usage, .. } = &mut self.answer {
            *usage = Some(members);
        }
        self
    }

    /// An error's `retry-after` header, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        if let Answer::Error { retry_after, .. } = &mut self.answer {
            *retry_after = Some(seconds);
        }
        self
    }

    /// An error's message.
    pub fn message(mut self, text: impl Into<String>) -> Self {
        if let Answer::Error { message, .. } = &mut self.answer {
            *message = Some(text.into());
        }
        self
    }

    /// Makes an error's body a web page, as a proxy sends one.
    pub fn html(self) -> Self {
        self.error_body(ErrorBody::Html)
    }

    /// Leaves out an error's body.
    pub fn empty(self) -> Self {
        self.error_body(ErrorBody::Empty)
    }

    /// Waits this long before each event of a stream.
    pub fn words_every(mut self, pause: Duration) -> Self {
        self.pace.events = pause;
        self
    }

    /// Waits this long before the head of the response.
    pub fn after(mut self, delay: Duration) -> Self {
        self.pace.first = delay;
        self
    }

    /// Sends the body in pieces of at most this many bytes, wherever that cuts it, a millisecond apart so that
    /// each arrives by itself.
    pub fn split_every(mut self, bytes: usize) -> Self {
        self.pace.split = Some(bytes.max(1));
        self
    }

    /// Never answers: the request is taken, the connection stays open. A reply has one fault, the last one given.
    pub fn stall_before(self) -> Self {
        self.fault(Fault::StallBefore)
    }

    /// Sends this many events and then nothing more, the connection stays open.
    pub fn stall_after_events(self, events: usize) -> Self {
        self.fault(Fault::StallAfterEvents(events))
    }

    /// Sends this many bytes of the body and breaks the connection.
    pub fn cut_after_bytes(self, bytes: usize) -> Self {
        self.fault(Fault::CutAfterBytes(bytes))
    }

    /// Sends this many events of a stream, then an `error` event (`overloaded_error`), and ends.
    pub fn error_event_after(self, events: usize) -> Self {
        self.fault(Fault::ErrorEventAfter(events))
    }

    fn content(content: Vec<Block>) -> Self {
        Self::new(Answer::Message { content, stop_reason: None, usage: None })
    }

    fn new(answer: Answer) -> Self {
        Self { answer, pace: Pace::default(), fault: Fault::None }
    }

    fn error_body(mut self, kind: ErrorBody) -> Self {
        if let Answer::Error { body, .. } = &mut self.answer {
            *body = kind;
        }
        self
    }

    fn fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}
