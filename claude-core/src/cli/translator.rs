//! From the CLI's lines to turn events, without I/O: a live process and a stored log are read by the same code.

mod blocks;
mod ledger;

use bytes::Bytes;
use uuid::Uuid;

use self::blocks::OpenMessages;
use self::ledger::Ledger;
use super::line::{Kind, scan};
use super::message::{Assistant, Block, Delta, Init, Message, RunResult, StreamEvent, System, User};
use super::outcome::Outcome;
use super::tool::effect;
use crate::Timestamp;
use crate::error::Error;
use crate::text::{Json, Text};
use crate::turn::event::{Events, Failed, TurnEvent, constant};

/// The most calls without a result whose time is known; the results of older ones come without a duration.
const CALLS: usize = 256;

/// How much of each line is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Detail {
    /// Session, approvals, usage and end; texts stay unparsed. For those who pass lines on.
    Outcome,
    /// All of it. For those who want [`TurnEvent`]s.
    #[default]
    Full,
}

/// Translates the lines of one process. Each line is scanned for its kind and then parsed once, if its kind
/// is wanted.
#[derive(Debug)]
pub struct Translator {
    turn_id: Text,
    detail: Detail,
    started: bool,
    session_id: Option<Text>,
    open: OpenMessages,
    ledger: Ledger,
    /// Calls that have no result, with the time of the call.
    calls: Vec<(Text, Option<Timestamp>)>,
    /// Results of tools are wanted whatever the detail: somebody waits for one.
    pub(crate) wants_tool_results: bool,
    last_result: Option<Box<RunResult>>,
}

impl Translator {
    /// For a turn of its own id.
    #[must_use]
    pub fn new(detail: Detail) -> Self {
        Self {
            turn_id: Text::from(Uuid::now_v7().to_string()),
            detail,
            started: false,
            session_id: None,
            open: OpenMessages::default(),
            ledger: Ledger::default(),
            calls: Vec::new(),
            wants_tool_results: false,
            last_result: None,
        }
    }

    /// The events of the next line.
    pub fn push(&mut self, line: &Bytes) -> Events {
        self.read(line).1
    }

    /// The last events, with exactly one end.
    pub fn finish(&mut self, outcome: Result<&Outcome, &Error>, stopped_by: Option<&Text>) -> Events {
        let mut events = self.open.flush_all();
        events.push(match outcome {
            Ok(outcome) if outcome.interrupted => {
                TurnEvent::Cancelled { by: stopped_by.cloned().unwrap_or_else(|| constant("user")) }
            }
            Ok(outcome) => TurnEvent::Completed {
                stop_reason: outcome.result.as_ref().and_then(|result| result.stop_reason.clone()),
            },
            Err(error) => TurnEvent::Failed(Failed::from(error)),
        });
        events
    }

    /// What is complete but was not told yet, for a log of lines whose end is known from elsewhere.
    pub fn flush(&mut self) -> Events {
        self.open.flush_all()
    }

    /// The session, once a line told it. It is not always the one that was asked for.
    #[must_use]
    pub fn session_id(&self) -> Option<&Text> {
        self.session_id.as_ref()
    }

    /// The last result line up to now. Others may follow.
    #[must_use]
    pub fn last_result(&self) -> Option<&RunResult> {
        self.last_result.as_deref()
    }

    /// The line typed, and its events.
    pub(crate) fn read(&mut self, line: &Bytes) -> (Message, Events) {
        let head = scan(line, self.session_id.is_none());
        if let Some(session) = head.session_id {
            self.session_id = std::str::from_utf8(session).ok().map(Text::from);
        }
        let message =
            if self.wants(head.kind) { Message::read(head.kind, line) } else { Message::Unparsed(head.kind) };
        let events = self.translate(&message, line);
        if let Message::Result(result) = &message {
            self.last_result = Some(result.clone());
        }
        (message, events)
    }

    fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Assistant | Kind::StreamEvent => self.detail == Detail::Full,
            Kind::User => self.detail == Detail::Full || self.wants_tool_results,
            _ => true,
        }
    }

    fn translate(&mut self, message: &Message, line: &Bytes) -> Events {
        match message {
            Message::Init(it) => self.init(it),
            Message::System(it) => system(it),
            Message::Assistant(it) => self.assistant(it),
            Message::User(it) if self.detail == Detail::Full => self.user(it),
            Message::StreamEvent(it) => self.stream_event(it),
            Message::Result(it) => self.result(it),
            Message::Unknown(_) => match Text::try_from(line.clone()).map(Json::parse) {
                Ok(Ok(raw)) => one(TurnEvent::Unknown { raw }),
                _ => Events::new(),
            },
            _ => Events::new(),
        }
    }

    fn init(&mut self, it: &Init) -> Events {
        if std::mem::replace(&mut self.started, true) {
            return Events::new();
        }
        one(TurnEvent::Started {
            turn_id: self.turn_id.clone(),
            backend: constant("claude-code"),
            model: it.model.clone().unwrap_or_default().detached(),
            session_id: Some(it.session_id.detached()),
        })
    }

    fn assistant(&mut self, it: &Assistant) -> Events {
        let parent = it.parent_tool_use_id.as_ref();
        let mut events = self.open.begin(parent, &it.message);
        if it.error.is_some() {
            // The text of an error in the place of an answer; the end tells it.
            self.open.forget(parent);
            return events;
        }
        let streamed = self.open.is_streamed(parent);
        let time = it.timestamp.as_deref().and_then(Timestamp::parse);
        for block in blocks(&it.message.content) {
            if let ("tool_use", Some(id)) = (&*block.kind, &block.id) {
                self.called(id.detached(), time);
            }
            events.extend(whole_block(block, streamed, it.parent_tool_use_id.clone()));
        }
        events.extend(self.open.add(parent, &it.message.content));
        events
    }

    fn called(&mut self, id: Text, time: Option<Timestamp>) {
        if self.calls.len() == CALLS {
            self.calls.remove(0);
        }
        self.calls.push((id, time));
    }

    fn user(&mut self, it: &User) -> Events {
        if it.is_replay {
            return Events::new();
        }
        let mut events = self.open.flush(it.parent_tool_use_id.as_ref());
        let now = it.timestamp.as_deref().and_then(Timestamp::parse);
        for (tool_call_id, content, is_error) in tool_results(it) {
            let called = self
                .calls
                .iter()
                .position(|(id, _)| *id == tool_call_id)
                .map(|at| self.calls.swap_remove(at).1);
            let duration_ms = now.zip(called.flatten()).and_then(|(now, called)| now.millis_since(called));
            events.push(TurnEvent::ToolResult { tool_call_id, content, is_error, duration_ms });
        }
        let content = it.message.content.clone();
        events.push(TurnEvent::Message { role: constant("user"), content, model: None, usage: None });
        events
    }

    fn stream_event(&mut self, it: &StreamEvent) -> Events {
        let parent = it.parent_tool_use_id.as_ref();
        let event = &it.event;
        match (&*event.kind, &event.message, &event.content_block, &event.delta) {
            ("message_start", Some(message), ..) => {
                let events = self.open.begin(parent, message);
                self.open.mark_streamed(parent);
                self.ledger.message_starts(message.usage.as_ref());
                events
            }
            ("content_block_start", _, Some(Block { kind, id: Some(id), name: Some(name), .. }), _)
                if *kind == "tool_use" =>
            {
                self.open.block_starts(parent, event.index, id);
                one(TurnEvent::ToolCall {
                    tool_call_id: id.clone(),
                    name: name.clone(),
                    input: None,
                    effect: effect(name),
                    parent_tool_call_id: it.parent_tool_use_id.clone(),
                })
            }
            ("content_block_delta", _, _, Some(delta)) => {
                self.open.piece_came(parent);
                let tool = self.open.tool_of(parent, event.index);
                piece(delta, tool, it.parent_tool_use_id.clone()).into_iter().collect()
            }
            ("message_delta", ..) => {
                self.open.usage_follows(parent, event.usage.as_ref());
                self.ledger.message_goes_on(event.usage.as_ref()).map(TurnEvent::Usage).into_iter().collect()
            }
            _ => Events::new(),
        }
    }

    fn result(&mut self, it: &RunResult) -> Events {
        let mut events = self.open.flush_all();
        events.push(TurnEvent::Usage(self.ledger.turn_ends(it)));
        events
    }
}

/// The blocks of a message. Content that is a string is one text; a block of another shape is passed over, the
/// others are not.
fn blocks(content: &Json) -> Vec<Block> {
    if let Ok(blocks) = content.read_slices() {
        return blocks;
    }
    if let Ok(text) = content.read_slices() {
        return vec![Block::text(text)];
    }
    let blocks: Vec<Json> = content.read_slices().unwrap_or_default();
    blocks.into_iter().filter_map(|block| block.read_slices().ok()).collect()
}

/// The event of a block that came as a whole. With partial messages its deltas came already: text counts once.
fn whole_block(block: Block, streamed: bool, parent_tool_call_id: Option<Text>) -> Option<TurnEvent> {
    match (&*block.kind, streamed) {
        ("text", false) => Some(TurnEvent::TextDelta { text: block.text?, parent_tool_call_id }),
        ("thinking", false) => Some(TurnEvent::ThinkingDelta { text: block.thinking?, parent_tool_call_id }),
        ("tool_use", true) => Some(TurnEvent::ToolInput { tool_call_id: block.id?, input: block.input? }),
        ("tool_use", false) => {
            let (name, input) = (block.name?, block.input);
            let effect = effect(&name);
            Some(TurnEvent::ToolCall { tool_call_id: block.id?, name, input, effect, parent_tool_call_id })
        }
        _ => None,
    }
}

/// The event of a piece of a block; signatures have none.
fn piece(delta: &Delta, tool: Option<Text>, parent_tool_call_id: Option<Text>) -> Option<TurnEvent> {
    match &**delta.kind.as_ref()? {
        "text_delta" => Some(TurnEvent::TextDelta { text: delta.text.clone()?, parent_tool_call_id }),
        "thinking_delta" => {
            Some(TurnEvent::ThinkingDelta { text: delta.thinking.clone()?, parent_tool_call_id })
        }
        "input_json_delta" => {
            Some(TurnEvent::ToolInputDelta { tool_call_id: tool?, partial_json: delta.partial_json.clone()? })
        }
        _ => None,
    }
}

/// The results of tools in a `user` line: call, content, whether it failed.
pub(crate) fn tool_results(it: &User) -> impl Iterator<Item = (Text, Json, bool)> + use<> {
    blocks(&it.message.content).into_iter().filter(|block| &*block.kind == "tool_result").filter_map(
        |block| {
            let content = block.content.unwrap_or_else(Json::null);
            Some((block.tool_use_id?, content, block.is_error))
        },
    )
}

fn system(it: &System) -> Events {
    let notice = |text: &Option<Text>| match text {
        Some(text) if !text.is_empty() => one(TurnEvent::Notice { text: text.clone() }),
        _ => Events::new(),
    };
    match &*it.subtype {
        "api_retry" => one(TurnEvent::Retrying {
            attempt: it.attempt.unwrap_or(1),
            delay_ms: std::time::Duration::try_from_secs_f64(it.retry_delay_ms.unwrap_or(0.0) / 1000.0)
                .ok()
                .and_then(|delay| u64::try_from(delay.as_millis()).ok())
                .unwrap_or(0),
            reason: it.error.clone().unwrap_or_else(|| constant("unknown")),
        }),
        "compact_boundary" => {
            let (from, to) = it.compact_metadata.map_or((None, None), |it| (it.pre_tokens, it.post_tokens));
            one(TurnEvent::Compacted { from, to })
        }
        "permission_denied" => notice(&it.message),
        "informational" | "model_refusal_fallback" => notice(&it.content),
        _ => Events::new(),
    }
}

fn one(event: TurnEvent) -> Events {
    let mut events = Events::new();
    events.push(event);
    events
}
