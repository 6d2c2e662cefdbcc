//! What is left of a turn when it is over.

use super::end::TurnEnd;
use super::event::{TurnEvent, Usage};
use crate::messages::{Content, MessageParam, Role};
use crate::text::Json;

/// What a turn came to: [`Turn::finish`](super::Turn::finish).
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The text of the last message that has some, subagents' apart. Of a turn that was stopped, as far as it came.
    pub text: String,
    /// The finished messages, for the history of the next turn.
    pub messages: Vec<MessageParam>,
    /// What the turn used, as far as it was told.
    pub usage: Option<Usage>,
    /// How it ended; `None` only where events are missing.
    pub end: Option<TurnEnd>,
    /// The message that `text` is from is finished.
    is_whole: bool,
}

impl Answer {
    /// Takes in the next event, for those who read a turn themselves.
    pub fn push(&mut self, event: TurnEvent) {
        match event {
            TurnEvent::TextDelta { text, parent_tool_call_id: None } => {
                if std::mem::take(&mut self.is_whole) {
                    self.text.clear();
                }
                self.text.push_str(&text);
            }
            TurnEvent::Message { role, content, .. } => self.message(&role, &content),
            TurnEvent::Usage(usage) => self.usage = Some(usage),
            event if event.is_end() => self.end = TurnEnd::of(event),
            _ => {}
        }
    }

    /// Whether the turn completed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.end, Some(TurnEnd::Completed { .. }))
    }

    fn message(&mut self, role: &str, content: &Json) {
        self.is_whole = true;
        let role = if role == "user" { Role::User } else { Role::Assistant };
        if let Ok(content) = content.read::<Content>() {
            self.messages.push(MessageParam { role, content });
        }
    }
}
