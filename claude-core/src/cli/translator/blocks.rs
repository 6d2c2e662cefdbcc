//! Messages that are not finished: the CLI writes one line per content block, and the lines of a subagent's
//! message stand between those of its parent's.

use crate::cli::message::ApiMessage;
use crate::text::{Json, Text};
use crate::turn::event::{Events, TurnEvent, constant};

/// At most one open message for each speaker: the conversation itself, and each subagent.
#[derive(Debug, Default)]
pub(super) struct OpenMessages(Vec<OpenMessage>);

#[derive(Debug)]
struct OpenMessage {
    /// The speaker: the tool call whose subagent it is.
    parent: Option<Text>,
    id: Text,
    model: Option<Text>,
    usage: Option<Json>,
    /// Lists of content blocks, each with its brackets.
    contents: Vec<Json>,
    /// Its deltas come as `stream_event` lines.
    streamed: bool,
    /// Tool calls by the index of their block.
    tools: Vec<(u64, Text)>,
}

impl OpenMessages {
    /// A line belongs to `message`; the events of the one that this ends.
    pub(super) fn begin(&mut self, parent: Option<&Text>, message: &ApiMessage) -> Events {
        if self.get(parent).is_some_and(|open| open.id == message.id) {
            return Events::new();
        }
        let events = self.flush(parent);
        self.0.push(OpenMessage {
            parent: parent.cloned(),
            id: message.id.clone(),
            model: message.model.clone(),
            usage: message.usage.clone(),
            contents: Vec::new(),
            streamed: false,
            tools: Vec::new(),
        });
        events
    }

    pub(super) fn add(&mut self, parent: Option<&Text>, content: &Json) {
        if let Some(open) = self.get(parent) {
            open.contents.push(content.clone());
        }
    }

    pub(super) fn mark_streamed(&mut self, parent: Option<&Text>) {
        if let Some(open) = self.get(parent) {
            open.streamed = true;
        }
    }

    pub(super) fn is_streamed(&mut self, parent: Option<&Text>) -> bool {
        self.get(parent).is_some_and(|open| open.streamed)
    }

    pub(super) fn block_starts(&mut self, parent: Option<&Text>, index: Option<u64>, tool: &Text) {
        if let (Some(open), Some(index)) = (self.get(parent), index) {
            open.tools.push((index, tool.clone()));
        }
    }

    pub(super) fn tool_of(&mut self, parent: Option<&Text>, index: Option<u64>) -> Option<Text> {
        let open = self.get(parent)?;
        open.tools.iter().find(|(at, _)| Some(*at) == index).map(|(_, tool)| tool.clone())
    }

    /// What `message_delta` tells is newer than what `message_start` told; it does not repeat everything.
    pub(super) fn usage_follows(&mut self, parent: Option<&Text>, usage: Option<&Json>) {
        let (Some(open), Some(usage)) = (self.get(parent), usage) else { return };
        open.usage = Some(match open.usage.take().and_then(|earlier| merged(&earlier, usage)) {
            Some(both) => both,
            None => usage.clone(),
        });
    }

    pub(super) fn forget(&mut self, parent: Option<&Text>) {
        self.0.retain(|open| open.parent.as_ref() != parent);
    }

    /// The speaker's message is finished.
    pub(super) fn flush(&mut self, parent: Option<&Text>) -> Events {
        let at = self.0.iter().position(|open| open.parent.as_ref() == parent);
        at.and_then(|at| self.0.remove(at).finished()).into_iter().collect()
    }

    /// All messages are finished.
    pub(super) fn flush_all(&mut self) -> Events {
        self.0.drain(..).filter_map(OpenMessage::finished).collect()
    }

    fn get(&mut self, parent: Option<&Text>) -> Option<&mut OpenMessage> {
        self.0.iter_mut().find(|open| open.parent.as_ref() == parent)
    }
}

impl OpenMessage {
    /// The event of the whole message; none where no block came.
    fn finished(self) -> Option<TurnEvent> {
        let content = match self.contents.len() {
            0 => return None,
            1 => self.contents.into_iter().next()?,
            _ => joined(&self.contents)?,
        };
        Some(TurnEvent::Message {
            role: constant("assistant"),
            content,
            model: self.model,
            usage: self.usage,
        })
    }
}

/// One list of what stands in several.
fn joined(lists: &[Json]) -> Option<Json> {
    let inside = |list: &Json| list.as_str().strip_prefix('[')?.strip_suffix(']').map(str::to_owned);
    let blocks: Option<Vec<_>> = lists.iter().map(inside).collect();
    Json::parse(format!("[{}]", blocks?.join(","))).ok()
}

/// The members of both; `newer` wins unless it says null.
fn merged(older: &Json, newer: &Json) -> Option<Json> {
    type Members = serde_json::Map<String, serde_json::Value>;
    let mut members: Members = older.read().ok()?;
    let newer: Members = newer.read().ok()?;
    members.extend(newer.into_iter().filter(|(_, value)| !value.is_null()));
    Json::of(&members).ok()
}
