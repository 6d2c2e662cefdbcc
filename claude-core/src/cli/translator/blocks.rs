//! Messages that are not finished: the CLI writes one line per content block, and the lines of a subagent's
//! message stand between those of its parent's.

use crate::cli::message::ApiMessage;
use crate::text::{Json, Text};
use crate::turn::event::{Events, TurnEvent, constant};

/// The most bytes of one message that are kept until it is finished; a longer one is told in parts.
const MESSAGE_BYTES: usize = 32 << 20;

/// The most tool calls of one message that are known by their block; pieces of input beyond it are not told.
const TOOLS: usize = 256;

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
    /// How large they are, and those that were told before.
    bytes: usize,
    told: usize,
    /// Its deltas come as `stream_event` lines.
    streamed: bool,
    /// Pieces of text came.
    has_pieces: bool,
    /// Tool calls by the index of their block.
    tools: Vec<(u64, Text)>,
}

impl OpenMessages {
    /// A line belongs to `message`; the events of the one that this ends.
    pub(super) fn begin(&mut self, parent: Option<&Text>, message: &ApiMessage) -> Events {
        if self.get(parent).is_some_and(|open| open.id == message.id) {
            return Events::new();
        }
        // Its pieces came, but none of its blocks: it was cut, and this one takes its place.
        let is_void = self.get(parent).is_some_and(|open| open.has_pieces && open.bytes + open.told == 0);
        let mut events = self.flush(parent);
        if is_void {
            events.push(TurnEvent::Notice { text: constant("the answer was cut and begins anew") });
        }
        self.0.push(OpenMessage {
            parent: parent.map(Text::detached),
            id: message.id.detached(),
            model: message.model.as_ref().map(Text::detached),
            usage: message.usage.as_ref().map(Json::detached),
            contents: Vec::new(),
            bytes: 0,
            told: 0,
            streamed: false,
            has_pieces: false,
            tools: Vec::new(),
        });
        events
    }

    pub(super) fn add(&mut self, parent: Option<&Text>, content: &Json) -> Option<TurnEvent> {
        let open = self.get(parent)?;
        open.bytes += content.as_str().len();
        open.contents.push(content.clone());
        (open.bytes > MESSAGE_BYTES).then(|| open.part()).flatten()
    }

    pub(super) fn mark_streamed(&mut self, parent: Option<&Text>) {
        if let Some(open) = self.get(parent) {
            open.streamed = true;
        }
    }

    pub(super) fn piece_came(&mut self, parent: Option<&Text>) {
        if let Some(open) = self.get(parent) {
            open.has_pieces = true;
        }
    }

    pub(super) fn is_streamed(&mut self, parent: Option<&Text>) -> bool {
        self.get(parent).is_some_and(|open| open.streamed)
    }

    pub(super) fn block_starts(&mut self, parent: Option<&Text>, index: Option<u64>, tool: &Text) {
        if let (Some(open), Some(index)) = (self.get(parent), index) {
            open.tools.truncate(TOOLS - 1);
            open.tools.push((index, tool.detached()));
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
        at.and_then(|at| self.0.remove(at).part()).into_iter().collect()
    }

    /// All messages are finished.
    pub(super) fn flush_all(&mut self) -> Events {
        self.0.drain(..).filter_map(|mut open| open.part()).collect()
    }

    fn get(&mut self, parent: Option<&Text>) -> Option<&mut OpenMessage> {
        self.0.iter_mut().find(|open| open.parent.as_ref() == parent)
    }
}

impl OpenMessage {
    /// What has come since the last part; none where nothing has.
    fn part(&mut self) -> Option<TurnEvent> {
        self.told += std::mem::take(&mut self.bytes);
        let mut contents = std::mem::take(&mut self.contents);
        let content = match contents.len() {
            0 => return None,
            1 => contents.pop()?,
            _ => joined(&contents)?,
        };
        let (model, usage) = (self.model.clone(), self.usage.clone());
        Some(TurnEvent::Message { role: constant("assistant"), content, model, usage })
    }
}

/// One list of what stands in several. Content that is a string is a text block.
fn joined(lists: &[Json]) -> Option<Json> {
    let inside = |list: &Json| match list.as_str().strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(blocks) => blocks.trim().to_owned(),
        None => format!("{{\"type\":\"text\",\"text\":{list}}}"),
    };
    let blocks: Vec<_> = lists.iter().map(inside).filter(|blocks| !blocks.is_empty()).collect();
    Json::parse(format!("[{}]", blocks.join(","))).ok()
}

/// The members of both; `newer` wins unless it says null.
fn merged(older: &Json, newer: &Json) -> Option<Json> {
    type Members = serde_json::Map<String, serde_json::Value>;
    let mut members: Members = older.read().ok()?;
    let newer: Members = newer.read().ok()?;
    members.extend(newer.into_iter().filter(|(_, value)| !value.is_null()));
    Json::of(&members).ok()
}
