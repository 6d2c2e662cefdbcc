//! What is said in a conversation.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use super::block::ContentBlock;
use super::input::Ttl;
use super::message::Role;
use crate::text::{Json, Text};

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct MessageParam {
    /// Who speaks.
    pub role: Role,
    /// What.
    pub content: Content,
}

impl MessageParam {
    /// The caller says this.
    #[must_use]
    pub fn user(content: impl Into<Content>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// The model said this.
    #[must_use]
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }

    /// The operator says this, in the middle of the conversation; version `2026-10-21`.
    #[must_use]
    pub fn system(content: impl Into<Content>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// With a mark at its end: the API keeps what was read up to here.
    #[must_use]
    pub fn cached(self, time: Ttl) -> Self {
        Self { content: self.content.cached(time), ..self }
    }
}

/// Text, or blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// One text.
    Text(Text),
    /// Blocks in order.
    Blocks(Vec<ContentBlock>),
}

impl Content {
    /// The blocks; a text is one.
    #[must_use]
    pub fn blocks(&self) -> Vec<ContentBlock> {
        match self {
            Self::Text(text) => vec![ContentBlock::text(text.clone())],
            Self::Blocks(blocks) => blocks.clone(),
        }
    }

    /// With a mark at its end: the API keeps what was read up to here.
    #[must_use]
    pub fn cached(self, time: Ttl) -> Self {
        let mut blocks = match self {
            Self::Text(text) => vec![ContentBlock::text(text)],
            Self::Blocks(blocks) => blocks,
        };
        if let Some(last) = blocks.pop() {
            blocks.push(last.cached(time));
        }
        Self::Blocks(blocks)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Text> for Content {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<ContentBlock>> for Content {
    fn from(blocks: Vec<ContentBlock>) -> Self {
        Self::Blocks(blocks)
    }
}

impl From<ContentBlock> for Content {
    fn from(block: ContentBlock) -> Self {
        Self::Blocks(vec![block])
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Blocks(blocks) => blocks.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let read = if json.as_str().starts_with('"') {
            json.read_slices().map(Self::Text)
        } else {
            json.read_slices().map(Self::Blocks)
        };
        read.map_err(D::Error::custom)
    }
}
