//! Replies that are messages: content, end and usage.

use bytes::Bytes;
use serde_json::json;

use super::super::block::Block;
use super::super::message::{Inserted, Message, Usage, members};
use super::{Answer, Reply};
use crate::text::Json;

/// What a long stream is made of.
const TOKEN: &str = "token ";

impl Reply {
    /// A message with this text, one delta per word.
    pub fn text(text: impl Into<String>) -> Self {
        Self::message_of([Block::text(&text.into())])
    }

    /// A message of so many equal words, one delta each: for measuring, as with [`Reply::per_second`].
    pub fn tokens(count: usize) -> Self {
        Self::text(TOKEN.repeat(count))
    }

    /// A message that calls a tool, its input in pieces. The input is a [`serde_json::Value`], or a [`Json`]
    /// where each digit counts.
    pub fn tool_use(name: impl Into<String>, input: impl Into<Json>) -> Self {
        Self::tools([(name, input)])
    }

    /// A message that calls several tools.
    pub fn tools<N: Into<String>, I: Into<Json>>(calls: impl IntoIterator<Item = (N, I)>) -> Self {
        let calls = calls.into_iter().map(|(name, input)| Block::tool_use(&name.into(), input.into()));
        Self::message_of(calls)
    }

    /// A message that thinks first (with a signature) and then says this text.
    pub fn thinking(thinking: impl Into<String>, text: impl Into<String>) -> Self {
        Self::message_of([Block::thinking(&thinking.into()), Block::text(&text.into())])
    }

    /// A message of these content blocks, each whole and as the API has it. In a stream, texts, citations,
    /// thinking, signatures and inputs of tools come as deltas; other blocks come whole. What is no JSON object
    /// is left out.
    pub fn content<B: Into<Json>>(blocks: impl IntoIterator<Item = B>) -> Self {
        Self::message_of(blocks.into_iter().map(|block| Block::new(&block.into())))
    }

    /// Puts a text before what the message holds so far.
    pub fn preface(self, text: impl Into<String>) -> Self {
        let preface = Block::text(&text.into());
        self.edit(|message| {
            message.content.splice(0..0, preface);
        })
    }

    /// The message's `stop_reason`; without it `tool_use` or `end_turn`.
    pub fn stop_reason(self, reason: impl Into<String>) -> Self {
        self.edit(|message| message.stop_reason = Some(reason.into()))
    }

    /// The message stopped at this one of the request's stop sequences.
    pub fn stop_sequence(self, sequence: &str) -> Self {
        self.stop_reason("stop_sequence").ending(json!({"stop_sequence": sequence}))
    }

    /// The model refused, for a reason of this category.
    pub fn refusal(self, category: &str) -> Self {
        let details = json!({"type": "refusal", "category": category, "explanation": "A scripted refusal."});
        self.stop_reason("refusal").ending(json!({ "stop_details": details }))
    }

    /// Members that stand beside `stop_reason`.
    pub fn ending(self, also: impl Into<Json>) -> Self {
        self.edit(|message| message.ending.extend(members(also)))
    }

    /// Members of the message itself, such as `container` or some that no client knows.
    pub fn members(self, also: impl Into<Json>) -> Self {
        self.edit(|message| message.members.extend(members(also)))
    }

    /// Members of the message's `usage` that replace or add to the usual ones: 100 input tokens, an output token
    /// per word.
    pub fn usage(self, also: impl Into<Json>) -> Self {
        self.edit(|message| message.usage = Usage::With(members(also)))
    }

    /// Leaves `usage` out everywhere, as some gateways do.
    pub fn without_usage(self) -> Self {
        self.edit(|message| message.usage = Usage::Missing)
    }

    /// Deltas of at most this many bytes, cut between characters, instead of one per word.
    pub fn delta_bytes(self, bytes: usize) -> Self {
        self.edit(|message| message.pieces.bytes = Some(bytes.max(1)))
    }

    /// Signatures of thinking come in so many deltas.
    pub fn signature_deltas(self, count: usize) -> Self {
        self.edit(|message| message.pieces.signature = count.max(1))
    }

    /// The model stops within the input of its tools, after so many bytes of it, by `max_tokens`. Asked for
    /// without a stream, such an input is empty.
    pub fn cut_input_after(self, bytes: usize) -> Self {
        self.stop_reason("max_tokens").edit(|message| message.pieces.input_max = bytes)
    }

    /// Puts an event with this data into the stream, behind so many others.
    pub fn insert_event(self, behind: usize, data: impl Into<Json>) -> Self {
        self.edit(|message| message.inserted.push((behind, Inserted::Event(data.into()))))
    }

    /// Puts these bytes into the stream, behind so many events: a comment, or what no server should send.
    pub fn insert_raw(self, behind: usize, bytes: impl Into<Bytes>) -> Self {
        self.edit(|message| message.inserted.push((behind, Inserted::Raw(bytes.into()))))
    }

    fn message_of(content: impl IntoIterator<Item = Option<Block>>) -> Self {
        Self::new(Answer::Message(Box::new(Message::of(content))))
    }

    fn edit(mut self, edit: impl FnOnce(&mut Message)) -> Self {
        if let Answer::Message(message) = &mut self.answer {
            edit(message);
        }
        self
    }
}
