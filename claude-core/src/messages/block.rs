//! The content blocks of a message.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::object::Object;
use crate::text::{Json, Text};

/// One block. Members that this version does not know stand in each block's `extra` and are written again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentBlock {
    /// Text, with citations where there are some.
    Text(TextBlock),
    /// The model's thinking. It goes back to the API untouched.
    Thinking(Thinking),
    /// Thinking that is not shown. It goes back to the API untouched.
    RedactedThinking(RedactedThinking),
    /// A call of one of the caller's tools.
    ToolUse(ToolUse),
    /// A call of a tool that the API runs itself.
    ServerToolUse(ToolUse),
    /// Any other block, as it came.
    Other(Object),
}

/// A text block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextBlock {
    /// The text.
    pub text: Text,
    /// The citations as the API has them; `None` where the block has no such member.
    pub citations: Option<Vec<Json>>,
    /// Other members.
    pub extra: Object,
}

/// A thinking block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thinking {
    /// The thinking.
    pub thinking: Text,
    /// Proves to the API that it is the model's own.
    pub signature: Text,
    /// Other members.
    pub extra: Object,
}

/// A redacted thinking block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedactedThinking {
    /// What only the API reads.
    pub data: Text,
    /// Other members.
    pub extra: Object,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolUse {
    /// The call.
    pub id: Text,
    /// The tool.
    pub name: Text,
    /// What it is called with.
    pub input: ToolInput,
    /// Other members.
    pub extra: Object,
}

/// The input of a tool call. Only a complete one may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolInput {
    /// One JSON object, digit for digit as the model wrote it.
    Complete(Json),
    /// It did not end, or is no JSON object. Never to be run, never to be repaired.
    Unfinished {
        /// What came.
        raw: Text,
    },
}

impl From<Json> for ToolInput {
    /// Only an object is complete.
    fn from(json: Json) -> Self {
        if json.as_str().trim_start().starts_with('{') {
            Self::Complete(json)
        } else {
            Self::Unfinished { raw: json.into_text() }
        }
    }
}

impl ToolInput {
    /// What came of a stream, now that its block is complete.
    pub(super) fn finished(raw: Text) -> Self {
        match Json::parse(raw.clone()) {
            Ok(json) => Self::from(json),
            Err(_) => Self::Unfinished { raw },
        }
    }

    /// The input, where it is complete.
    #[must_use]
    pub fn complete(&self) -> Option<&Json> {
        match self {
            Self::Complete(input) => Some(input),
            Self::Unfinished { .. } => None,
        }
    }
}

impl ContentBlock {
    /// A text block.
    #[must_use]
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(TextBlock { text: text.into(), ..TextBlock::default() })
    }

    /// The block's type as the API names it.
    #[must_use]
    pub fn kind(&self) -> Text {
        match self {
            Self::Text(_) => Text::from_static("text"),
            Self::Thinking(_) => Text::from_static("thinking"),
            Self::RedactedThinking(_) => Text::from_static("redacted_thinking"),
            Self::ToolUse(_) => Text::from_static("tool_use"),
            Self::ServerToolUse(_) => Text::from_static("server_tool_use"),
            Self::Other(members) => members.read("type").unwrap_or_default(),
        }
    }

    /// Reads a block. One of a known type but another shape is kept as [`ContentBlock::Other`].
    #[must_use]
    pub fn from_members(members: Object) -> Self {
        let kind: Option<Text> = members.read_slices("type");
        let known = match kind.as_deref() {
            Some("text") => TextBlock::read(&members).map(Self::Text),
            Some("thinking") => Thinking::read(&members).map(Self::Thinking),
            Some("redacted_thinking") => RedactedThinking::read(&members).map(Self::RedactedThinking),
            Some("tool_use") => ToolUse::read(&members).map(Self::ToolUse),
            Some("server_tool_use") => ToolUse::read(&members).map(Self::ServerToolUse),
            _ => None,
        };
        known.unwrap_or(Self::Other(members))
    }

    /// A copy that keeps no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Text(it) => Self::Text(TextBlock {
                text: it.text.detached(),
                citations: it.citations.as_ref().map(|them| them.iter().map(Json::detached).collect()),
                extra: it.extra.detached(),
            }),
            Self::Thinking(it) => Self::Thinking(Thinking {
                thinking: it.thinking.detached(),
                signature: it.signature.detached(),
                extra: it.extra.detached(),
            }),
            Self::RedactedThinking(it) => Self::RedactedThinking(RedactedThinking {
                data: it.data.detached(),
                extra: it.extra.detached(),
            }),
            Self::ToolUse(it) => Self::ToolUse(it.detached()),
            Self::ServerToolUse(it) => Self::ServerToolUse(it.detached()),
            Self::Other(members) => Self::Other(members.detached()),
        }
    }
}

/// What is left of a block's members for `extra`.
fn rest(members: &Object) -> Object {
    let mut rest = members.clone();
    rest.take("type");
    rest
}

impl TextBlock {
    fn read(members: &Object) -> Option<Self> {
        let mut extra = rest(members);
        // Citations that are null stay in `extra`, and are written as null again.
        Some(Self { text: extra.take_as("text")?, citations: extra.take_as("citations"), extra })
    }
}

impl Thinking {
    fn read(members: &Object) -> Option<Self> {
        let mut extra = rest(members);
        Some(Self {
            thinking: extra.take_as("thinking")?,
            signature: extra.take_as("signature").unwrap_or_default(),
            extra,
        })
    }
}

impl RedactedThinking {
    fn read(members: &Object) -> Option<Self> {
        let mut extra = rest(members);
        Some(Self { data: extra.take_as("data")?, extra })
    }
}

impl ToolUse {
    fn read(members: &Object) -> Option<Self> {
        let mut extra = rest(members);
        Some(Self {
            id: extra.take_as("id")?,
            name: extra.take_as("name")?,
            input: ToolInput::from(extra.take("input")?),
            extra,
        })
    }

    fn detached(&self) -> Self {
        let input = match &self.input {
            ToolInput::Complete(input) => ToolInput::Complete(input.detached()),
            ToolInput::Unfinished { raw } => ToolInput::Unfinished { raw: raw.detached() },
        };
        let (id, name, extra) = (self.id.detached(), self.name.detached(), self.extra.detached());
        Self { id, name, input, extra }
    }
}

impl<'de> Deserialize<'de> for ContentBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object::deserialize(deserializer).map(Self::from_members)
    }
}

impl Serialize for ContentBlock {
    /// An unfinished input is written as `{}`: the API takes objects only, and its result tells what happened.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !matches!(self, Self::Other(_)) {
            map.serialize_entry("type", &self.kind())?;
        }
        let extra = match self {
            Self::Text(it) => {
                map.serialize_entry("text", &it.text)?;
                if let Some(citations) = &it.citations {
                    map.serialize_entry("citations", citations)?;
                }
                &it.extra
            }
            Self::Thinking(it) => {
                map.serialize_entry("thinking", &it.thinking)?;
                map.serialize_entry("signature", &it.signature)?;
                &it.extra
            }
            Self::RedactedThinking(it) => {
                map.serialize_entry("data", &it.data)?;
                &it.extra
            }
            Self::ToolUse(it) | Self::ServerToolUse(it) => {
                map.serialize_entry("id", &it.id)?;
                map.serialize_entry("name", &it.name)?;
                match it.input.complete() {
                    Some(input) => map.serialize_entry("input", input)?,
                    None => map.serialize_entry("input", &Object::default())?,
                }
                &it.extra
            }
            Self::Other(members) => members,
        };
        for (name, value) in extra.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
