//! What readers are shown of an answer while it comes.

use super::history::server_result;
use super::offer::Offer;
use crate::Object;
use crate::messages::{ContentBlock, Delta, Event, Message, ToolInput};
use crate::text::{Json, Text};
use crate::turn::{Effect, TurnEvent};

/// The calls of one answer whose `tool_call` was told. Makes events of events, without I/O; texts are passed on as
/// they came, without a copy.
#[derive(Default)]
pub(super) struct Shown(Vec<Told>);

struct Told {
    index: usize,
    id: Text,
}

impl Shown {
    /// What an event means to readers. `message` is the answer so far, the event included.
    pub(super) fn event(
        &mut self,
        event: Event,
        message: Option<&Message>,
        offer: &Offer,
    ) -> Option<TurnEvent> {
        let parent_tool_call_id = None;
        match event {
            Event::ContentBlockDelta { index, delta } => match delta {
                Delta::Text(text) => Some(TurnEvent::TextDelta { text, parent_tool_call_id }),
                Delta::Thinking(text) => Some(TurnEvent::ThinkingDelta { text, parent_tool_call_id }),
                Delta::InputJson(piece) if !piece.is_empty() => self.input(index, piece),
                _ => None,
            },
            Event::ContentBlockStart { index, content_block } => self.start(index, *content_block, offer),
            Event::ContentBlockStop { index } => self.stop(index, message?),
            Event::Unknown { data, .. } => {
                let raw = Json::parse(data.clone()).or_else(|_| Json::of(&data)).ok()?;
                Some(TurnEvent::Unknown { raw })
            }
            _ => None,
        }
    }

    /// The calls that were told and are none of `kept`.
    pub(super) fn dropped(&self, kept: &[ContentBlock]) -> Vec<Text> {
        let is_kept = |id: &Text| {
            kept.iter().any(|block| match block {
                ContentBlock::ToolUse(it) | ContentBlock::ServerToolUse(it) => it.id == *id,
                _ => false,
            })
        };
        self.0.iter().filter(|told| !is_kept(&told.id)).map(|told| told.id.clone()).collect()
    }

    fn start(&mut self, index: usize, block: ContentBlock, offer: &Offer) -> Option<TurnEvent> {
        let parent_tool_call_id = None;
        match block {
            ContentBlock::ToolUse(it) => {
                let effect = offer.effect(&it.name);
                Some(self.told(index, (it.id, it.name), effect))
            }
            // What the API runs itself, it runs on its own machines.
            ContentBlock::ServerToolUse(it) => Some(self.told(index, (it.id, it.name), Effect::ReadOnly)),
            // Some gateways send a whole block at its start.
            ContentBlock::Text(it) if !it.text.is_empty() => {
                Some(TurnEvent::TextDelta { text: it.text, parent_tool_call_id })
            }
            ContentBlock::Thinking(it) if !it.thinking.is_empty() => {
                Some(TurnEvent::ThinkingDelta { text: it.thinking, parent_tool_call_id })
            }
            other => result(&other),
        }
    }

    fn told(&mut self, index: usize, (id, name): (Text, Text), effect: Effect) -> TurnEvent {
        self.0.push(Told { index, id: id.clone() });
        TurnEvent::ToolCall { tool_call_id: id, name, input: None, effect, parent_tool_call_id: None }
    }

    fn input(&self, index: usize, partial_json: Text) -> Option<TurnEvent> {
        let told = self.0.iter().rev().find(|told| told.index == index)?;
        Some(TurnEvent::ToolInputDelta { tool_call_id: told.id.clone(), partial_json })
    }

    /// The end of a block: the input of a call is complete.
    fn stop(&self, index: usize, message: &Message) -> Option<TurnEvent> {
        let told = self.0.iter().rev().find(|told| told.index == index)?;
        let input = message.content.iter().rev().find_map(|block| match block {
            ContentBlock::ToolUse(it) | ContentBlock::ServerToolUse(it) if it.id == told.id => {
                Some(&it.input)
            }
            _ => None,
        });
        match input? {
            ToolInput::Complete(input) => {
                Some(TurnEvent::ToolInput { tool_call_id: told.id.clone(), input: input.clone() })
            }
            ToolInput::Unfinished { .. } => None,
        }
    }
}

/// The result of one of the API's own tools. It comes whole; a failure has a type that says so.
fn result(block: &ContentBlock) -> Option<TurnEvent> {
    let tool_call_id = server_result(block)?;
    let ContentBlock::Other(members) = block else { return None };
    let content = members.get("content").cloned().unwrap_or_else(Json::null);
    let failure: Option<Object> = content.read().ok();
    let kind: Option<Text> = failure.and_then(|content| content.read("type"));
    let is_error = kind.is_some_and(|kind| kind.ends_with("_error"));
    Some(TurnEvent::ToolResult { tool_call_id, content, is_error, duration_ms: None })
}
