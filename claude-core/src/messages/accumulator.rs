//! Makes a message of events.

use super::block::{ContentBlock, ToolInput};
use super::event::{Delta, Event};
use super::message::{Message, StopReason};
use super::outcome::Partial;
use super::usage::Usage;
use crate::object::Object;
use crate::text::Text;

/// Adds events up to a message. Linear in what comes; does no I/O.
///
/// What it keeps is its own copy: no buffer that events are slices of is kept alive.
#[derive(Debug, Default)]
pub struct Accumulator {
    partial: Partial,
    /// One for each block of the message, by ascending index.
    places: Vec<Place>,
    is_complete: bool,
}

/// What is known of a block besides its content.
#[derive(Debug)]
struct Place {
    /// As the API counts; what counts for order.
    index: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Open {
        /// A call's input as it stood at the start, for calls without a piece of input.
        input: Option<ToolInput>,
        /// Pieces of input of a block of an unknown type, such as a call of a new kind.
        pieces: Text,
    },
    Closed,
}

impl Accumulator {
    /// With nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event in.
    pub fn push(&mut self, event: &Event) {
        match event {
            Event::MessageStart(message) => self.start(message),
            Event::ContentBlockStart { index, content_block } => self.open(*index, content_block),
            Event::ContentBlockDelta { index, delta } => self.grow(*index, delta),
            Event::ContentBlockStop { index } => self.close(*index),
            Event::MessageDelta { delta, usage } => self.change(delta, usage),
            Event::MessageStop => self.is_complete = self.partial.message.is_some(),
            Event::Ping | Event::Error(_) | Event::Unknown { .. } => {}
        }
    }

    /// Whether the answer is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The message so far. The input of a call whose block is open is unfinished.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.partial.message.as_ref()
    }

    /// What came. Inputs of tools that did not end say so.
    #[must_use]
    pub fn into_partial(self) -> Partial {
        self.partial
    }

    fn start(&mut self, message: &Message) {
        self.places = (0..message.content.len()).map(|index| Place { index, state: State::Closed }).collect();
        self.partial.message = Some(message.detached());
    }

    fn open(&mut self, index: usize, block: &ContentBlock) {
        let Some(message) = &mut self.partial.message else { return };
        let mut block = block.detached();
        let input = match &mut block {
            ContentBlock::ToolUse(it) | ContentBlock::ServerToolUse(it) => {
                let nothing = ToolInput::Unfinished { raw: Text::default() };
                Some(std::mem::replace(&mut it.input, nothing))
            }
            _ => None,
        };
        // Where an index comes twice, as some gateways write, the later block stands behind the earlier.
        let at = self.places.partition_point(|place| place.index <= index);
        self.places.insert(at, Place { index, state: State::Open { input, pieces: Text::default() } });
        message.content.insert(at, block);
    }

    /// The block that is open under an index.
    fn block(&mut self, index: usize) -> Option<(&mut ContentBlock, &mut State)> {
        let at = self.places.partition_point(|place| place.index <= index).checked_sub(1)?;
        let place = self.places.get_mut(at).filter(|place| place.index == index)?;
        let block = self.partial.message.as_mut()?.content.get_mut(at)?;
        matches!(place.state, State::Open { .. }).then_some((block, &mut place.state))
    }

    fn grow(&mut self, index: usize, delta: &Delta) {
        let Some((block, State::Open { pieces, .. })) = self.block(index) else { return };
        match (block, delta) {
            (ContentBlock::Text(it), Delta::Text(piece)) => it.text.push(piece),
            (ContentBlock::Text(it), Delta::Citation(citation)) => {
                it.extra.take("citations"); // a null
                it.citations.get_or_insert_default().push(citation.detached());
            }
            (ContentBlock::Thinking(it), Delta::Thinking(piece)) => it.thinking.push(piece),
            (ContentBlock::Thinking(it), Delta::Signature(piece)) => it.signature.push(piece),
            (ContentBlock::ToolUse(it) | ContentBlock::ServerToolUse(it), Delta::InputJson(piece)) => {
                if let ToolInput::Unfinished { raw } = &mut it.input {
                    raw.push(piece);
                }
            }
            (ContentBlock::Other(_), Delta::InputJson(piece)) => pieces.push(piece),
            _ => {}
        }
    }

    fn close(&mut self, index: usize) {
        let Some((block, state)) = self.block(index) else { return };
        let State::Open { input, pieces } = std::mem::replace(state, State::Closed) else { return };
        match block {
            ContentBlock::ToolUse(it) | ContentBlock::ServerToolUse(it) => {
                let ToolInput::Unfinished { raw } = &it.input else { return };
                it.input = match input {
                    Some(input) if raw.is_empty() => input,
                    _ => ToolInput::finished(raw.detached()),
                };
            }
            ContentBlock::Text(it) => it.text = it.text.detached(),
            ContentBlock::Thinking(it) => it.thinking = it.thinking.detached(),
            ContentBlock::Other(members) if !pieces.is_empty() => {
                if let ToolInput::Complete(input) = ToolInput::finished(pieces.detached()) {
                    members.set("input", input);
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, delta: &Object, usage: &Usage) {
        let Some(message) = &mut self.partial.message else { return };
        for (name, value) in delta.iter() {
            match (&**name, value.read::<Option<Text>>()) {
                ("stop_reason", Ok(reason)) => message.stop_reason = reason.map(StopReason::from),
                _ => message.extra.set(name.detached(), value.detached()),
            }
        }
        message.usage.overwrite(usage);
        self.partial.is_usage_final |= message.stop_reason.is_some() && usage.has_output();
    }
}
