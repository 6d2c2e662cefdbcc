//! A message of the model, whole or as the events of a stream.

use bytes::Bytes;
use serde_json::{Value, json};

/// Characters per piece of a tool's input.
const INPUT_PIECE: usize = 12;

const INPUT_TOKENS: u64 = 100;

/// What a thinking block is signed with; it only has to come back unchanged.
const SIGNATURE: &str = "bG9vcGJhY2stc2lnbmF0dXJl";

/// A content block.
#[derive(Debug, Clone)]
pub(super) enum Block {
    Text(String),
    Thinking(String),
    ToolUse { name: String, input: Value },
}

/// A message that was decided on.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) model: String,
    pub(super) content: Vec<Block>,
    pub(super) stop_reason: Option<String>,
    pub(super) usage: Option<Value>,
}

/// An identifier of the API's kind.
pub(super) fn id(prefix: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    format!("{prefix}_01{}", &random[..22])
}

/// An event of a stream, as its bytes.
pub(super) fn event(data: &Value) -> Bytes {
    let name = data["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

impl Message {
    /// The answer to a request that asks for no stream.
    pub(super) fn whole(&self) -> Value {
        let content: Vec<Value> = self.content.iter().map(Block::whole).collect();
        let mut message = self.opening(self.output_tokens());
        message["content"] = content.into();
        message["stop_reason"] = self.stop_reason().into();
        message
    }

    /// The events of a stream.
    pub(super) fn events(&self) -> Vec<Bytes> {
        let mut events = vec![json!({"type": "message_start", "message": self.opening(1)})];
        for (index, block) in self.content.iter().enumerate() {
            let whole = block.whole();
            let start = block.start(&whole);
            events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
            if index == 0 {
                events.push(json!({"type": "ping"}));
            }
            for delta in block.deltas() {
                events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
            }
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
        let stop = json!({"stop_reason": self.stop_reason(), "stop_sequence": null});
        let mut usage = json!({"output_tokens": self.output_tokens()});
        merge(&mut usage, self.usage.as_ref());
        events.push(json!({"type": "message_delta", "delta": stop, "usage": usage}));
        events.push(json!({"type": "message_stop"}));
        events.iter().map(event).collect()
    }

    fn opening(&self, output_tokens: u64) -> Value {
        let mut usage = json!({
            "input_tokens": INPUT_TOKENS, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output_tokens, "service_tier": "standard"
        });
        merge(&mut usage, self.usage.as_ref());
        json!({"id": id("msg"), "type": "message", "role": "assistant", "model": self.model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": usage})
    }

    fn stop_reason(&self) -> &str {
        let calls = self.content.iter().any(|block| matches!(block, Block::ToolUse { .. }));
        self.stop_reason.as_deref().unwrap_or(if calls { "tool_use" } else { "end_turn" })
    }

    fn output_tokens(&self) -> u64 {
        self.content.iter().map(Block::words).sum()
    }
}

fn merge(usage: &mut Value, members: Option<&Value>) {
    for (name, value) in members.and_then(Value::as_object).into_iter().flatten() {
        usage[name.as_str()] = value.clone();
    }
}

impl Block {
    fn whole(&self) -> Value {
        match self {
            Self::Text(text) => json!({"type": "text", "text": text}),
            Self::Thinking(thinking) => {
                json!({"type": "thinking", "thinking": thinking, "signature": SIGNATURE})
            }
            Self::ToolUse { name, input } => {
                json!({"type": "tool_use", "id": id("toolu"), "name": name, "input": input})
            }
        }
    }

    /// The block before its first delta.
    fn start(&self, whole: &Value) -> Value {
        let mut start = whole.clone();
        match self {
            Self::Text(_) => start["text"] = "".into(),
            Self::Thinking(_) => {
                start["thinking"] = "".into();
                start["signature"] = "".into();
            }
            Self::ToolUse { .. } => start["input"] = json!({}),
        }
        start
    }

    fn deltas(&self) -> Vec<Value> {
        match self {
            Self::Text(text) => words(text).map(|word| json!({"type": "text_delta", "text": word})).collect(),
            Self::Thinking(thinking) => words(thinking)
                .map(|word| json!({"type": "thinking_delta", "thinking": word}))
                .chain([json!({"type": "signature_delta", "signature": SIGNATURE})])
                .collect(),
            Self::ToolUse { input, .. } => {
                let empty = input.as_object().is_some_and(serde_json::Map::is_empty);
                let text: Vec<char> = if empty { Vec::new() } else { input.to_string().chars().collect() };
                std::iter::once(String::new())
                    .chain(text.chunks(INPUT_PIECE).map(|piece| piece.iter().collect()))
                    .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
                    .collect()
            }
        }
    }

    fn words(&self) -> u64 {
        match self {
            Self::Text(text) | Self::Thinking(text) => words(text).count() as u64,
            Self::ToolUse { .. } => 12,
        }
    }
}

/// The words, each with the blanks behind it, so that they add up to the text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}
