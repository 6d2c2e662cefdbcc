//! Plays one turn.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::script::{Call, Script, Step};
use crate::approval::{ApprovalId, Approver, Opened, Permit, Question, ToolOutcome, Verdict};
use crate::error::Error;
use crate::text::{Json, Text};
use crate::turn::{
    Decision, Effect, Emitter, Failed, Stops, TurnEnd, TurnEvent, TurnLimits, TurnRequest, Usage,
};

/// Prompt tokens of each message.
const INPUT_TOKENS: u64 = 100;

/// The most bytes of one block that its message holds; pieces beyond it are told and not kept.
const BLOCK_BYTES: usize = 1 << 20;

/// One turn on its way.
pub(super) struct Play {
    model: Text,
    limits: TurnLimits,
    approver: Arc<dyn Approver>,
    emitter: Emitter,
    /// The blocks of the message that is being written.
    blocks: Vec<Value>,
    /// Its words.
    words: u64,
    messages: u32,
    usage: Usage,
    /// The question that waits for an answer.
    asked: Option<ApprovalId>,
}

impl Play {
    pub(super) fn new(request: TurnRequest, approver: Arc<dyn Approver>, emitter: Emitter) -> Self {
        let model = request.model.unwrap_or_else(|| "scripted".into());
        let (blocks, words, messages, usage) = (Vec::new(), 0, 0, Usage::default());
        let limits = request.limits;
        Self { model, limits, approver, emitter, blocks, words, messages, usage, asked: None }
    }

    pub(super) async fn run(mut self, script: Script, mut stops: Stops) -> TurnEnd {
        let time = self.limits.time;
        let end = tokio::select! {
            biased;
            stop = stops.stopped() => TurnEnd::stopped(stop),
            () = passed(time) => TurnEnd::Failed(limit("time")),
            end = self.play(&script) => end.unwrap_or_else(TurnEnd::Failed),
        };
        self.withdraw().await;
        // What was said stays said.
        self.finish_message(&script).await;
        end
    }

    async fn play(&mut self, script: &Script) -> Result<TurnEnd, Failed> {
        let turn_id = Uuid::now_v7().to_string().into();
        let (backend, model) = ("scripted".into(), self.model.clone());
        self.emitter.emit(TurnEvent::Started { turn_id, backend, model, session_id: None }).await;
        for step in &script.steps {
            match step {
                Step::Say(text) => self.say(text, script.word_pause).await,
                Step::Think(text) => self.think(text, script.word_pause).await,
                Step::Call(call) => self.call(call, script).await?,
                Step::Pause(time) => tokio::time::sleep(*time).await,
                Step::SayForever(word) => loop {
                    self.say(word, script.word_pause).await;
                },
                Step::Hang => std::future::pending().await,
                Step::Fail(failure) => return Err(failure.clone()),
            }
        }
        self.finish_message(script).await;
        self.check_limits()?;
        Ok(TurnEnd::Completed { stop_reason: Some("end_turn".into()) })
    }

    async fn say(&mut self, text: &Text, pause: Duration) {
        for word in words(text) {
            wait(pause).await;
            self.append("text", &word);
            self.emitter.emit(TurnEvent::TextDelta { text: word, parent_tool_call_id: None }).await;
        }
    }

    async fn think(&mut self, text: &Text, pause: Duration) {
        for word in words(text) {
            wait(pause).await;
            self.append("thinking", &word);
            self.emitter.emit(TurnEvent::ThinkingDelta { text: word, parent_tool_call_id: None }).await;
        }
    }

    /// Adds to the last block of this kind, or begins one.
    fn append(&mut self, kind: &str, word: &str) {
        self.words += 1;
        if self.blocks.last().is_none_or(|block| block["type"] != kind) {
            self.blocks.push(match kind {
                "thinking" => json!({"type": kind, "thinking": "", "signature": "scripted"}),
                _ => json!({"type": kind, kind: ""}),
            });
        }
        if let Some(Value::String(text)) = self.blocks.last_mut().map(|block| &mut block[kind])
            && text.len() < BLOCK_BYTES
        {
            text.push_str(word);
        }
    }

    async fn call(&mut self, call: &Call, script: &Script) -> Result<(), Failed> {
        let tool_call_id: Text = format!("toolu_{}", Uuid::new_v4().simple()).into();
        let input: Value = call.input.read().unwrap_or_default();
        self.blocks.push(json!({"type": "tool_use", "id": tool_call_id, "name": call.tool, "input": input}));
        self.words += 1;
        let (id, name) = (tool_call_id.clone(), call.tool.clone());
        let (effect, parent_tool_call_id) = (call.effect, None);
        let tool_call =
            TurnEvent::ToolCall { tool_call_id: id.clone(), name, input: None, effect, parent_tool_call_id };
        let partial_json = call.input.as_str().into();
        for event in [
            tool_call,
            TurnEvent::ToolInputDelta { tool_call_id: id.clone(), partial_json },
            TurnEvent::ToolInput { tool_call_id: id, input: call.input.clone() },
        ] {
            self.emitter.emit(event).await;
        }
        self.finish_message(script).await;
        self.check_limits()?;
        let started = Instant::now();
        let (content, is_error) = self.run_tool(call, &tool_call_id).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).ok();
        let result: Value = content.read().unwrap_or_default();
        let block = json!([{
            "type": "tool_result", "tool_use_id": tool_call_id, "content": result, "is_error": is_error,
        }]);
        self.emitter.emit(TurnEvent::ToolResult { tool_call_id, content, is_error, duration_ms }).await;
        let (role, content) = ("user".into(), Json::from(block));
        self.emitter.emit(TurnEvent::Message { role, content, model: None, usage: None }).await;
        if self.messages >= self.limits.model_requests {
            return Err(limit("model_requests"));
        }
        Ok(())
    }

    /// What the call returns, and whether it failed.
    async fn run_tool(&mut self, call: &Call, id: &Text) -> (Json, bool) {
        if call.effect == Effect::ReadOnly {
            return (call.result_of(&call.input), false);
        }
        match self.permit(call, id).await {
            Ok(permit) => {
                let content = call.result_of(permit.input());
                // A script has nothing to tell where that can't be stored.
                let _ = self.approver.finish(&permit, &ToolOutcome::new(content.clone(), false)).await;
                (content, false)
            }
            Err(reason) => (Json::from(Value::from(&*reason)), true),
        }
    }

    /// The approver's yes, or why it is none.
    async fn permit(&mut self, call: &Call, id: &Text) -> Result<Permit, Text> {
        let question = Question::new(id.clone(), call.tool.clone(), call.input.clone(), call.effect);
        let failed = |error: &dyn std::fmt::Display| Text::from(error.to_string());
        let verdict = match self.approver.open(&question).await.map_err(|error| failed(&error))? {
            Opened::Decided(verdict) => verdict,
            Opened::Pending { id: approval_id, expires_at } => {
                let (name, input) = (call.tool.clone(), call.input.clone());
                let (tool_call_id, preview) = (id.clone(), question.preview().clone());
                let event = TurnEvent::ApprovalRequired {
                    approval_id,
                    tool_call_id,
                    name,
                    input,
                    preview,
                    expires_at,
                };
                self.asked = Some(approval_id);
                self.emitter.emit(event).await;
                let verdict = self.approver.wait(approval_id).await.map_err(|error| failed(&error))?;
                self.asked = None;
                let (decision, by) = (verdict.decision(), verdict.by().clone());
                self.emitter.emit(TurnEvent::ApprovalResolved { approval_id, decision, by }).await;
                verdict
            }
        };
        match verdict {
            Verdict::Allow(permit) => {
                self.approver.begin(&permit).await.map_err(|error| failed(&error))?;
                Ok(permit)
            }
            Verdict::Deny(denial) => Err(denial.reason),
        }
    }

    /// Nobody needs an answer any more.
    async fn withdraw(&mut self) {
        if let Some(approval_id) = self.asked.take() {
            self.approver.withdraw(approval_id).await;
            let (decision, by) = (Decision::Withdrawn, "policy".into());
            self.emitter.emit(TurnEvent::ApprovalResolved { approval_id, decision, by }).await;
        }
    }

    /// Tells the message, if there is one, and what it used.
    async fn finish_message(&mut self, script: &Script) {
        if self.blocks.is_empty() {
            return;
        }
        self.messages += 1;
        let words = std::mem::take(&mut self.words);
        let usage = json!({"input_tokens": INPUT_TOKENS, "output_tokens": words});
        let (role, model) = ("assistant".into(), Some(self.model.clone()));
        let content = Json::from(Value::from(std::mem::take(&mut self.blocks)));
        self.emitter.emit(TurnEvent::Message { role, content, model, usage: Some(usage.into()) }).await;
        self.usage.input_tokens += INPUT_TOKENS;
        self.usage.output_tokens += words;
        self.usage.cost_usd = script.message_usd.map(|usd| usd * f64::from(self.messages));
        self.emitter.emit(TurnEvent::Usage(self.usage)).await;
    }

    fn check_limits(&self) -> Result<(), Failed> {
        match self.limits.output_tokens {
            Some(most) if self.usage.output_tokens > most => Err(limit("output_tokens")),
            _ => Ok(()),
        }
    }
}

fn limit(limit: &'static str) -> Failed {
    Failed::from(&Error::LimitReached { limit, message: "the script goes on".into() })
}

/// Completes when the turn's time is over.
async fn passed(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// A text word by word.
fn words(text: &Text) -> impl Iterator<Item = Text> + '_ {
    text.split_inclusive(' ').map(Text::from)
}

/// The pause; without one, others get their turn all the same.
async fn wait(pause: Duration) {
    if pause.is_zero() {
        tokio::task::coop::consume_budget().await;
    } else {
        tokio::time::sleep(pause).await;
    }
}
