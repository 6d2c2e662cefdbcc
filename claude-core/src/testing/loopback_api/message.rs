//! A message of the model, whole or as the events of a stream.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::block::{Block, Delta, Pieces};
use super::wire::Wire;
use crate::object::Object;
use crate::text::Json;

const INPUT_TOKENS: u64 = 100;

/// A message as it is planned.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub(super) content: Vec<Block>,
    pub(super) stop_reason: Option<String>,
    /// Other members of the end: `stop_sequence`, `stop_details`.
    pub(super) ending: Vec<(String, Json)>,
    /// Members of the message that the API does not have.
    pub(super) members: Vec<(String, Json)>,
    pub(super) usage: Usage,
    pub(super) pieces: Pieces,
    /// Events put between those of the message, each with the number of events before it.
    pub(super) inserted: Vec<(usize, Inserted)>,
}

#[derive(Debug, Clone)]
pub(super) enum Usage {
    /// The usual members, and these instead or besides.
    With(Vec<(String, Json)>),
    Missing,
}

#[derive(Debug, Clone)]
pub(super) enum Inserted {
    Event(Json),
    Raw(Bytes),
}

impl Default for Usage {
    fn default() -> Self {
        Self::With(Vec::new())
    }
}

/// The members of a JSON object; none of anything else.
pub(super) fn members(value: impl Into<Json>) -> Vec<(String, Json)> {
    let object = value.into().read::<Object>().unwrap_or_default();
    object.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

/// An identifier of the API's kind.
pub(super) fn id(prefix: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    format!("{prefix}_01{}", &random[..22])
}

/// An object with members in this order.
struct Members(Object);

impl Members {
    fn of<const N: usize>(members: [(&str, Value); N]) -> Self {
        Self(Object::default()).with(members.map(|(name, value)| (name.to_owned(), value.into())))
    }

    fn with(mut self, members: impl IntoIterator<Item = (String, Json)>) -> Self {
        for (name, value) in members {
            self.0.set(name, value);
        }
        self
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart {
        message: &'a Object,
    },
    ContentBlockStart {
        index: usize,
        content_block: &'a Object,
    },
    Ping {},
    ContentBlockDelta {
        index: usize,
        delta: &'a Delta<'a>,
    },
    ContentBlockStop {
        index: usize,
    },
    MessageDelta {
        delta: &'a Object,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<Object>,
    },
    MessageStop {},
}

impl Event<'_> {
    fn bytes(&self, wire: Wire) -> Bytes {
        let kind = match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::Ping {} => "ping",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop {} => "message_stop",
        };
        wire.write(kind, self)
    }
}

/// The event that only says that the connection lives.
pub(super) fn ping(wire: Wire) -> Bytes {
    Event::Ping {}.bytes(wire)
}

impl Message {
    pub(super) fn of(content: impl IntoIterator<Item = Option<Block>>) -> Self {
        Self { content: content.into_iter().flatten().collect(), ..Self::default() }
    }

    /// The answer to a request that asks for no stream.
    pub(super) fn whole(&self, model: &str) -> Json {
        let content: Vec<Object> = self.content.iter().map(|block| block.whole(&self.pieces)).collect();
        let mut message = self.opening(model, self.tokens());
        message.set("content", json(&content));
        for (name, value) in self.ending().iter() {
            message.set(name.clone(), value.clone());
        }
        json(&message)
    }

    /// The events of a stream.
    pub(super) fn events(&self, model: &str, wire: Wire) -> Vec<Bytes> {
        let message = self.opening(model, 1);
        let mut events = vec![Event::MessageStart { message: &message }.bytes(wire)];
        for (index, block) in self.content.iter().enumerate() {
            events.push(Event::ContentBlockStart { index, content_block: &block.start() }.bytes(wire));
            if index == 0 {
                events.push(ping(wire));
            }
            self.deltas((index, block), wire, &mut events);
            events.push(Event::ContentBlockStop { index }.bytes(wire));
        }
        let usage = self.usage(Members::of([("output_tokens", self.tokens().into())]));
        events.push(Event::MessageDelta { delta: &self.ending(), usage }.bytes(wire));
        events.push(Event::MessageStop {}.bytes(wire));
        self.insert(events, wire)
    }

    /// Adds a block's deltas. One that repeats the one before is not written anew: long streams of one word
    /// are made for measuring.
    fn deltas(&self, (index, block): (usize, &Block), wire: Wire, events: &mut Vec<Bytes>) {
        let parts = block.parts();
        let mut last: Option<(Delta<'_>, Bytes)> = None;
        for delta in parts.deltas(&self.pieces) {
            let bytes = match &last {
                Some((same, bytes)) if *same == delta => bytes.clone(),
                _ => Event::ContentBlockDelta { index, delta: &delta }.bytes(wire),
            };
            events.push(bytes.clone());
            last = Some((delta, bytes));
        }
    }

    fn insert(&self, mut events: Vec<Bytes>, wire: Wire) -> Vec<Bytes> {
        for (at, inserted) in &self.inserted {
            let bytes = match inserted {
                Inserted::Event(data) => wire.json(data),
                Inserted::Raw(bytes) => bytes.clone(),
            };
            events.insert((*at).min(events.len()), bytes);
        }
        events
    }

    /// The message before its first block.
    fn opening(&self, model: &str, output_tokens: u64) -> Object {
        let usage = self.usage(Members::of([
            ("input_tokens", INPUT_TOKENS.into()),
            ("cache_creation_input_tokens", 0.into()),
            ("cache_read_input_tokens", 0.into()),
            ("cache_creation", json!({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0})),
            ("output_tokens", output_tokens.into()),
            ("service_tier", "standard".into()),
        ]));
        let opening = Members::of([
            ("id", id("msg").into()),
            ("type", "message".into()),
            ("role", "assistant".into()),
            ("model", model.into()),
            ("content", json!([])),
            ("stop_reason", Value::Null),
            ("stop_sequence", Value::Null),
        ]);
        let usage = usage.map(|usage| ("usage".to_owned(), json(&usage)));
        opening.with(usage).with(self.members.clone()).0
    }

    fn ending(&self) -> Object {
        let calls = self.content.iter().any(Block::is_tool_use);
        let reason = self.stop_reason.as_deref().unwrap_or(if calls { "tool_use" } else { "end_turn" });
        let ending = Members::of([("stop_reason", reason.into()), ("stop_sequence", Value::Null)]);
        ending.with(self.ending.clone()).0
    }

    fn usage(&self, usual: Members) -> Option<Object> {
        match &self.usage {
            Usage::With(members) => Some(usual.with(members.clone()).0),
            Usage::Missing => None,
        }
    }

    fn tokens(&self) -> u64 {
        self.content.iter().map(Block::tokens).sum()
    }
}

/// Our own structures always serialise.
fn json(value: &impl Serialize) -> Json {
    Json::of(value).unwrap_or_else(|_| Json::null())
}
