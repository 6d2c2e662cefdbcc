//! Tools, answers and events for these tests.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use claude_core::agent::{AgentLoop, Tool, ToolContext, ToolError, ToolOutput, ToolRegistry, ToolSpec};
use claude_core::approval::Preview;
use claude_core::messages::{Client, KeySource, MessageParam};
use claude_core::testing::{LoopbackApi, Plan, Reply};
use claude_core::{Backend, Effect, Json, Turn, TurnRequest};
use serde_json::{Value, json};

/// Far beyond what any of these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

type Called = Pin<Box<dyn Future<Output = Result<ToolOutput, ToolError>> + Send>>;

/// A tool made of closures.
pub(crate) struct Act {
    spec: ToolSpec,
    effect: Effect,
    call: Box<dyn Fn(Value, ToolContext) -> Called + Send + Sync>,
    preview: Option<Box<dyn Fn() -> Result<Preview, ToolError> + Send + Sync>>,
}

impl Act {
    fn new<F>(
        name: &str,
        effect: Effect,
        call: impl Fn(Value, ToolContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<ToolOutput, ToolError>> + Send + 'static,
    {
        let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
        let call = Box::new(move |input, cx| Box::pin(call(input, cx)) as Called);
        Self { spec: ToolSpec::new(name, "For a test.", schema), effect, call, preview: None }
    }

    pub(crate) fn read<F>(name: &str, call: impl Fn(Value, ToolContext) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ToolOutput, ToolError>> + Send + 'static,
    {
        Self::new(name, Effect::ReadOnly, call)
    }

    pub(crate) fn write<F>(name: &str, call: impl Fn(Value, ToolContext) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ToolOutput, ToolError>> + Send + 'static,
    {
        Self::new(name, Effect::Write, call)
    }

    pub(crate) fn previewed(
        mut self,
        preview: impl Fn() -> Result<Preview, ToolError> + Send + Sync + 'static,
    ) -> Self {
        self.preview = Some(Box::new(preview));
        self
    }
}

#[async_trait]
impl Tool for Act {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn effect(&self) -> Effect {
        self.effect
    }

    async fn preview(&self, input: &Json) -> Result<Preview, ToolError> {
        match &self.preview {
            Some(preview) => preview(),
            None => Ok(Preview::Input { input: input.clone() }),
        }
    }

    async fn call(&self, input: Json, cx: ToolContext) -> Result<ToolOutput, ToolError> {
        (self.call)(input.read().unwrap(), cx).await
    }
}

/// What happened, in order, from anywhere.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// `look` reads and answers with what it was called with; `act` writes and is noted.
pub(crate) fn two_tools(diary: &Diary) -> ToolRegistry {
    let acted = diary.clone();
    let look =
        Act::read("look", |input, _| async move { Ok(ToolOutput::text(format!("saw {}", input["at"]))) });
    let act = Act::write("act", move |input, _| {
        acted.note(format!("act {input}"));
        async { Ok(ToolOutput::text("done")) }
    });
    ToolRegistry::new().with(look).with(act)
}

pub(crate) fn client(api: &LoopbackApi) -> Client {
    client_at(api.url())
}

pub(crate) fn client_at(url: String) -> Client {
    let key = KeySource::Fixed("sk-test".to_owned().into());
    Client::builder().key(key).base_url(url).limits(|it| it.backoff = Duration::from_millis(1)).build()
}

pub(crate) async fn api(replies: impl IntoIterator<Item = Reply>) -> LoopbackApi {
    // Strict: what the loop sends is what the real API takes.
    LoopbackApi::start(Plan::sequence(replies).strict()).await.unwrap()
}

/// Runs a turn to its end.
pub(crate) async fn turn(agent: &AgentLoop, request: TurnRequest) -> Events {
    rest(&mut agent.start(request)).await
}

pub(crate) fn ask(message: &str) -> TurnRequest {
    TurnRequest::new("claude-sonnet-5-5", message)
}

/// What is left of a turn.
pub(crate) async fn rest(turn: &mut Turn) -> Events {
    let all = async {
        let mut events = Vec::new();
        while let Some(event) = turn.next().await {
            events.push(serde_json::to_value(event).unwrap());
        }
        Events(events)
    };
    tokio::time::timeout(PATIENCE, all).await.expect("the turn ends")
}

/// Reads up to an event of this type, which is returned too.
pub(crate) async fn until(turn: &mut Turn, kind: &str) -> Events {
    let part = async {
        let mut events = Vec::new();
        while let Some(event) = turn.next().await {
            events.push(serde_json::to_value(event).unwrap());
            if events.last().unwrap()["type"] == kind {
                return Events(events);
            }
        }
        panic!("no {kind} in {events:?}");
    };
    tokio::time::timeout(PATIENCE, part).await.expect("the event comes")
}

/// Events as they stand on the wire.
#[derive(Debug)]
pub(crate) struct Events(pub(crate) Vec<Value>);

impl Events {
    /// Their types; several of the same in a row once.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = self.0.iter().map(|event| event["type"].as_str().unwrap()).collect();
        kinds.dedup();
        kinds
    }

    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|event| event["type"] == kind).collect()
    }

    pub(crate) fn one(&self, kind: &str) -> &Value {
        let all = self.of(kind);
        assert_eq!(all.len(), 1, "{kind} in {self:?}");
        all[0]
    }

    /// The last event, which is the only end.
    pub(crate) fn end(&self) -> &Value {
        let ends = ["completed", "failed", "cancelled"];
        let count = self.0.iter().filter(|event| ends.iter().any(|end| event["type"] == *end)).count();
        assert_eq!(count, 1, "{self:?}");
        self.0.last().unwrap()
    }

    /// The result of a call, as the model gets it.
    pub(crate) fn result(&self, id: &str) -> &Value {
        let results: Vec<&Value> =
            self.of("tool_result").into_iter().filter(|result| result["tool_call_id"] == id).collect();
        assert_eq!(results.len(), 1, "results of {id} in {self:?}");
        results[0]
    }

    /// The conversation with the finished messages, as whoever stores it has it.
    pub(crate) fn history(&self, question: &str) -> Vec<MessageParam> {
        let messages = self.of("message");
        let told =
            messages.iter().map(|it| json!({"role": it["role"], "content": it["content"]}).to_string());
        let mut history = vec![MessageParam::user(question)];
        history.extend(told.map(|message| serde_json::from_str::<MessageParam>(&message).unwrap()));
        history
    }
}

pub(crate) fn says(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

pub(crate) fn calls(id: &str, name: &str, input: Value) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": input})
}

/// A whole answer of these blocks.
pub(crate) fn answer(blocks: impl IntoIterator<Item = Value>, stop_reason: &str) -> Reply {
    let mut body = begun(blocks);
    body.push_str(&ended(stop_reason));
    Reply::raw_stream(body)
}

/// An answer of these blocks whose end does not come.
pub(crate) fn begun(blocks: impl IntoIterator<Item = Value>) -> String {
    let usage = json!({"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 3});
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5", "content": [],
        "stop_reason": null, "usage": usage,
    });
    let mut body = sse(&json!({"type": "message_start", "message": message}));
    for (index, block) in blocks.into_iter().enumerate() {
        body.push_str(&block_events(index, &block));
    }
    body
}

pub(crate) fn ended(stop_reason: &str) -> String {
    let end = json!({"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": {"output_tokens": 7}});
    format!("{}{}", sse(&end), sse(&json!({"type": "message_stop"})))
}

pub(crate) fn sse(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

fn block_events(index: usize, block: &Value) -> String {
    let mut start = block.clone();
    let mut deltas = Vec::new();
    match block["type"].as_str().unwrap() {
        "text" => {
            start["text"] = "".into();
            deltas.push(json!({"type": "text_delta", "text": block["text"]}));
        }
        "thinking" => {
            start["thinking"] = "".into();
            start["signature"] = "".into();
            deltas.push(json!({"type": "thinking_delta", "thinking": block["thinking"]}));
            deltas.push(json!({"type": "signature_delta", "signature": block["signature"]}));
        }
        "tool_use" | "server_tool_use" => {
            start["input"] = json!({});
            let input = block["input"].to_string();
            let (one, two) = input.split_at(input.len() / 2);
            deltas.extend([one, two].map(|it| json!({"type": "input_json_delta", "partial_json": it})));
        }
        _ => {}
    }
    let mut events = sse(&json!({"type": "content_block_start", "index": index, "content_block": start}));
    for delta in deltas {
        events.push_str(&sse(&json!({"type": "content_block_delta", "index": index, "delta": delta})));
    }
    // A block that is to stay open says so.
    if block["open"] != true {
        events.push_str(&sse(&json!({"type": "content_block_stop", "index": index})));
    }
    events
}
