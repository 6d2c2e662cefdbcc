//! A message of the model.

use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::block::ContentBlock;
use super::usage::Usage;
use crate::object::Object;
use crate::text::{Json, Text};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The caller.
    User,
    /// The model.
    Assistant,
    /// The operator, in the middle of a conversation; version `2026-10-21`.
    System,
}

/// What the model answered, with all members as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Names the message.
    pub id: Text,
    /// The model that wrote it.
    pub model: Text,
    /// Its blocks in order.
    pub content: Vec<ContentBlock>,
    /// Why the model stopped; `None` before the end.
    pub stop_reason: Option<StopReason>,
    /// What it used.
    pub usage: Usage,
    /// Other members: `stop_sequence`, `stop_details`, `container`, …
    pub extra: Object,
}

/// Why the model stopped.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// It was done.
    EndTurn,
    /// The request's `max_tokens` was reached.
    MaxTokens,
    /// One of the request's stop sequences came.
    StopSequence,
    /// It waits for results of tools.
    ToolUse,
    /// A long turn of server tools paused; the same history sent again goes on.
    PauseTurn,
    /// It refused.
    Refusal,
    /// Its context was full.
    ModelContextWindowExceeded,
    /// Another reason.
    Other(Text),
}

impl StopReason {
    /// As the API names it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::PauseTurn => "pause_turn",
            Self::Refusal => "refusal",
            Self::ModelContextWindowExceeded => "model_context_window_exceeded",
            Self::Other(name) => name,
        }
    }
}

impl From<Text> for StopReason {
    fn from(name: Text) -> Self {
        match &*name {
            "end_turn" => Self::EndTurn,
            "max_tokens" => Self::MaxTokens,
            "stop_sequence" => Self::StopSequence,
            "tool_use" => Self::ToolUse,
            "pause_turn" => Self::PauseTurn,
            "refusal" => Self::Refusal,
            "model_context_window_exceeded" => Self::ModelContextWindowExceeded,
            _ => Self::Other(name.detached()),
        }
    }
}

impl fmt::Debug for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Message {
    /// The text of all text blocks, joined.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.content.iter().filter_map(|block| match block {
            ContentBlock::Text(it) => Some(&*it.text),
            _ => None,
        });
        texts.collect()
    }

    /// Reads a message. Members that are missing are empty; one of another shape stays in `extra`.
    #[must_use]
    pub fn from_members(mut members: Object) -> Self {
        for (name, usual) in USUAL {
            if members.get(name).is_some_and(|value| value.as_str() == usual) {
                members.take(name);
            }
        }
        Self {
            id: members.take_as("id").unwrap_or_default(),
            model: members.take_as("model").unwrap_or_default(),
            content: members.take_as("content").unwrap_or_default(),
            stop_reason: take_stop_reason(&mut members),
            usage: members.take_as("usage").unwrap_or_default(),
            extra: members,
        }
    }

    /// A copy that keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            id: self.id.detached(),
            model: self.model.detached(),
            content: self.content.iter().map(ContentBlock::detached).collect(),
            stop_reason: self.stop_reason.clone(),
            usage: self.usage.detached(),
            extra: self.extra.detached(),
        }
    }
}

/// The members that say nothing new.
const USUAL: [(&str, &str); 2] = [("type", "\"message\""), ("role", "\"assistant\"")];

fn take_stop_reason(members: &mut Object) -> Option<StopReason> {
    let reason: Option<Text> = members.take_as("stop_reason");
    if members.get("stop_reason").is_some_and(Json::is_null) {
        members.take("stop_reason");
    }
    reason.map(StopReason::from)
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object::deserialize(deserializer).map(Self::from_members)
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        // A member that could not be read stands in `extra`, and is written as it came.
        let is_own = |name| self.extra.get(name).is_none();
        macro_rules! own {
            ($name:literal, $value:expr) => {
                if is_own($name) {
                    map.serialize_entry($name, $value)?;
                }
            };
        }
        own!("id", &self.id);
        own!("type", "message");
        own!("role", "assistant");
        own!("model", &self.model);
        own!("content", &self.content);
        own!("stop_reason", &self.stop_reason.as_ref().map(StopReason::as_str));
        for (name, value) in self.extra.iter() {
            map.serialize_entry(name, value)?;
        }
        own!("usage", &self.usage);
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(written: &str) -> serde_json::Value {
        let message: Message = serde_json::from_str(written).unwrap();
        serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap()
    }

    #[test]
    fn what_is_read_is_written_again_with_all_it_holds() {
        let written = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","novel":[1,{"a":null}],
            "content":[{"type":"text","text":"a","citations":null,"new":1},{"type":"text","text":"b","citations":[{"x":1}]},
            {"type":"thinking","thinking":"t","signature":"s","novel":true},{"type":"redacted_thinking","data":"d"},
            {"type":"tool_use","id":"t","name":"n","input":{"big":9007199254740993},"caller":{"type":"direct"}},
            {"type":"server_tool_use","id":"t","name":"n","input":{}},{"type":"novel_block","text":7},{"no":"type"},
            {"type":"text","text":7}],
            "stop_reason":"novel_reason","stop_sequence":null,"container":{"id":"c"},
            "usage":{"input_tokens":1,"output_tokens":2,"novel":{"x":[1]},"nothing":null}}"#;
        assert_eq!(again(written), serde_json::from_str::<serde_json::Value>(written).unwrap());
    }

    #[test]
    fn members_of_another_shape_are_kept() {
        let written = r#"{"id":7,"type":"novel","role":"user","model":null,"content":"text","stop_reason":{"a":1},
            "usage":null}"#;
        assert_eq!(again(written), serde_json::from_str::<serde_json::Value>(written).unwrap());
    }

    #[test]
    fn a_large_integer_keeps_its_digits() {
        let written =
            r#"{"type":"tool_use","id":"t","name":"n","input":{"n":123456789012345678901234567890}}"#;
        let block: ContentBlock = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&block).unwrap(), written);
    }

    #[test]
    fn an_input_that_is_no_object_is_not_complete() {
        let written = r#"{"type":"tool_use","id":"t","name":"n","input":"{}"}"#;
        let ContentBlock::ToolUse(it) = serde_json::from_str(written).unwrap() else { panic!("no call") };
        assert_eq!(it.input.complete(), None);
    }
}
