//! The Messages API: what is asked, what is answered, and the stream in between.
//!
//! - A [`Request`] is one `POST /v1/messages`; a [`Client`] sends it.
//! - A [`Stream`] gives its [`Event`]s as they come and ends in exactly one [`Outcome`].
//! - A [`Decoder`] makes events of bytes, an [`Accumulator`] makes a [`Message`] of events; neither does I/O.
//!
//! What this version does not know is kept and passed on: events, blocks, deltas, stop reasons, members.
//! Source: the public Messages API documentation, versions `2023-06-01` and `2026-10-21`.

mod accumulator;
mod block;
mod content;
mod decoder;
mod event;
mod input;
mod message;
mod outcome;
mod request;
mod usage;

#[cfg(feature = "api")]
mod body;
#[cfg(feature = "api")]
mod call;
#[cfg(feature = "api")]
mod client;
#[cfg(feature = "api")]
mod endpoint;
#[cfg(feature = "api")]
mod key;
#[cfg(feature = "api")]
mod limits;
#[cfg(feature = "api")]
mod models;
#[cfg(feature = "api")]
mod refusal;
#[cfg(feature = "api")]
mod retry;
#[cfg(feature = "api")]
mod stream;
#[cfg(feature = "api")]
mod transport;
#[cfg(feature = "api")]
mod version;

pub use accumulator::Accumulator;
pub use block::{ContentBlock, RedactedThinking, TextBlock, Thinking, ToolInput, ToolUse};
pub use content::{Content, MessageParam};
pub(crate) use decoder::usual_delta;
pub use decoder::{Decoder, Malformed};
pub use event::{ApiError, Delta, Event};
pub use input::Ttl;
pub use message::{Message, Role, StopReason};
pub use outcome::{Cut, Outcome, Partial};
pub use request::{Request, ToolChoice};
pub use usage::Usage;

#[cfg(feature = "api")]
pub use client::{Client, ClientBuilder};
#[cfg(feature = "api")]
pub use key::KeySource;
#[cfg(feature = "api")]
pub use limits::Limits;
#[cfg(feature = "api")]
pub use models::{Model, ModelPage, ModelsFrom};
#[cfg(feature = "api")]
pub use retry::Retry;
#[cfg(feature = "api")]
pub use stream::Stream;
#[cfg(feature = "api")]
pub use version::Version;
