//! The events of a stream.

use serde::{Deserialize, Serialize};

use super::block::ContentBlock;
use super::message::Message;
use super::usage::Usage;
use crate::object::Object;
use crate::text::{Json, Text};

/// One event of a streaming answer. Texts are slices of what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The answer begins; its content follows.
    MessageStart(Box<Message>),
    /// A block begins.
    ContentBlockStart {
        /// Its place in the message.
        index: usize,
        /// The block, without what follows.
        content_block: Box<ContentBlock>,
    },
    /// More of a block.
    ContentBlockDelta {
        /// The block's place in the message.
        index: usize,
        /// What is added.
        delta: Delta,
    },
    /// A block is complete.
    ContentBlockStop {
        /// Its place in the message.
        index: usize,
    },
    /// The message changes at its top.
    MessageDelta {
        /// `stop_reason` and others; each replaces the message's own.
        delta: Object,
        /// Cumulative.
        usage: Usage,
    },
    /// The answer is complete.
    MessageStop,
    /// A sign of life.
    Ping,
    /// The API gives up.
    Error(ApiError),
    /// An event that this version does not know, or that is no JSON.
    Unknown {
        /// The name, where one was told: of the JSON's `type`, else of the `event:` line.
        name: Text,
        /// The data as it came.
        data: Text,
    },
}

/// What is added to a block.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delta {
    /// Text.
    Text(Text),
    /// A piece of a tool's input.
    InputJson(Text),
    /// Thinking.
    Thinking(Text),
    /// A piece of the thinking's signature.
    Signature(Text),
    /// One more citation.
    Citation(Json),
    /// Another kind, as it came.
    Other(Json),
}

/// The API's own error: `{"type": …, "message": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiError {
    /// `overloaded_error`, `rate_limit_error`, `api_error`, `invalid_request_error`, …
    #[serde(rename = "type", default)]
    pub kind: Text,
    /// One sentence.
    #[serde(default)]
    pub message: Text,
}
