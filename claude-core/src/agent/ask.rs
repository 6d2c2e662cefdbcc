//! One request to the model, up to the message in the conversation.

use tokio::sync::mpsc;

use super::call::Finished;
use super::history::{self, Call};
use super::output::array;
use super::run::{Loop, Phase};
use super::shown::Shown;
use crate::error::Result;
use crate::messages::{
    ContentBlock, Message, MessageParam, Partial, Retry, StopReason, Stream, ToolInput, Usage,
};
use crate::text::{Json, Text};
use crate::turn::TurnEvent;
use crate::turn::event::constant;

/// Repetitions of a request that wait to be told; what is beyond is not.
const RETRIES_UNTOLD: usize = 8;

/// What the model is told of calls whose input did not end.
const UNFINISHED: &str = "its input is no complete JSON object";

/// An answer that is coming.
pub(super) struct Answer {
    stream: Stream,
    shown: Shown,
}

/// What an answer leads to.
pub(super) enum Next {
    /// What the conversation says.
    ByHistory,
    /// The end.
    Over { stop_reason: Option<Text> },
}

impl Loop {
    /// Asks the model and takes its answer into the conversation.
    pub(super) async fn ask(&mut self) -> Result<Next> {
        self.request.max_tokens = self.ledger.request(&self.cx.limits)?;
        let stream = self.connect().await?;
        self.phase = Phase::Asking(Box::new(Answer { stream, shown: Shown::default() }));
        let Phase::Asking(answer) = &mut self.phase else { return Ok(Next::ByHistory) };
        while let Some(event) = answer.stream.next().await {
            if let Some(event) = answer.shown.event(event, answer.stream.message(), &self.cx.offer) {
                self.teller.tell(event).await;
            }
        }
        let Phase::Asking(answer) = std::mem::replace(&mut self.phase, Phase::Between) else {
            return Ok(Next::ByHistory);
        };
        let Answer { stream, shown } = *answer;
        // All was read, so this does not wait and nothing can be lost here.
        let outcome = stream.outcome().await;
        if let Some(partial) = outcome.partial() {
            self.keep_partial(partial.clone(), &shown, "the answer broke off");
        }
        let next = outcome.into_result().map(|message| self.keep_whole(message, &shown));
        self.teller.flush().await;
        next
    }

    /// What has come of an answer that nobody waits for any more. The connection is closed.
    pub(super) fn take_partial(&mut self, answer: Answer, why: &str) {
        let Answer { stream, shown } = answer;
        self.keep_partial(stream.into_partial(), &shown, why);
    }

    async fn connect(&mut self) -> Result<Stream> {
        let (told, mut retries) = mpsc::channel(RETRIES_UNTOLD);
        let connecting = self.agent.client.stream_observed(&self.request, move |retry| {
            // Full: the reader is behind, and learns of the later ones.
            let _ = told.try_send(retry);
        });
        tokio::pin!(connecting);
        let stream = loop {
            tokio::select! {
                biased;
                Some(retry) = retries.recv() => self.teller.tell(retrying(retry)).await,
                stream = &mut connecting => break stream,
            }
        };
        while let Ok(retry) = retries.try_recv() {
            self.teller.tell(retrying(retry)).await;
        }
        stream
    }

    /// A whole answer. Only one that stopped for its tools has them run.
    fn keep_whole(&mut self, message: Message, shown: &Shown) -> Next {
        let Message { mut content, model, usage, stop_reason, .. } = message;
        self.count(&usage, Some(&model));
        let unfinished = unfinished(&content);
        history::keep(&mut content);
        let calls = history::calls(&content);
        self.drop_calls(shown, &content);
        self.answered(content, &model, &usage);
        match stop_reason {
            Some(StopReason::ToolUse) => {
                match note(&unfinished) {
                    Some(note) if calls.is_empty() => self.say(vec![note]),
                    note => self.note = note,
                }
                Next::ByHistory
            }
            Some(StopReason::PauseTurn) => {
                self.refuse(calls, "the answer paused");
                Next::ByHistory
            }
            other => {
                let reason = other.as_ref().map(StopReason::as_str);
                self.refuse(calls, reason.unwrap_or("the answer ended"));
                Next::Over { stop_reason: reason.map(Text::from) }
            }
        }
    }

    /// A part of an answer: what is complete of it stays, so that the conversation can go on.
    fn keep_partial(&mut self, partial: Partial, shown: &Shown, why: &str) {
        let Some(Message { mut content, model, usage, .. }) = partial.message else { return };
        // The first report is a placeholder: what the answer cost is not known.
        self.count(&usage, partial.is_usage_final.then_some(&model));
        history::keep(&mut content);
        history::drop_unanswered_server_calls(&mut content);
        self.drop_calls(shown, &content);
        if !content.is_empty() {
            let calls = history::calls(&content);
            self.answered(content, &model, &usage);
            self.refuse(calls, why);
        }
    }

    /// The model said this.
    fn answered(&mut self, blocks: Vec<ContentBlock>, model: &Text, usage: &Usage) {
        let (content, model) = (array(&blocks), Some(model.clone()).filter(|name| !name.is_empty()));
        let usage = Json::of(usage).ok();
        self.teller.later(TurnEvent::Message { role: constant("assistant"), content, model, usage });
        if !blocks.is_empty() {
            self.request.messages.push(MessageParam::assistant(blocks));
        }
    }

    /// Adds to what the turn used. Without a model the price is not known.
    fn count(&mut self, usage: &Usage, model: Option<&Text>) {
        let asked = &self.request.model;
        let cost = model.and_then(|it| self.agent.cost(it, usage).or_else(|| self.agent.cost(asked, usage)));
        self.ledger.add(usage, cost);
        self.teller.later(self.ledger.event());
    }

    /// Ends the calls that were shown and are not in the conversation.
    fn drop_calls(&mut self, shown: &Shown, kept: &[ContentBlock]) {
        for id in shown.dropped(kept) {
            self.teller.later(Finished::not_run(UNFINISHED).event(id));
        }
    }

    /// Answers calls that may not run.
    fn refuse(&mut self, calls: Vec<Call>, why: &str) {
        if calls.is_empty() {
            return;
        }
        let finished = Finished::not_run(why);
        let results = calls.into_iter().map(|call| {
            let output = finished.output.clone();
            self.teller.later(finished.event(call.id.clone()));
            history::result(&call.id, output.content, output.is_error)
        });
        let results = results.collect();
        self.say(results);
    }
}

/// The tools that were called with an input that did not end.
fn unfinished(content: &[ContentBlock]) -> Vec<Text> {
    let names = content.iter().filter_map(|block| match block {
        ContentBlock::ToolUse(it) if matches!(it.input, ToolInput::Unfinished { .. }) => {
            Some(it.name.clone())
        }
        _ => None,
    });
    names.collect()
}

/// What the model is told of them: their calls are not in the conversation, so they have no results.
fn note(unfinished: &[Text]) -> Option<ContentBlock> {
    let names: Vec<String> = unfinished.iter().map(|name| format!("`{name}`")).collect();
    let text = format!("Your call of {} was not run: {UNFINISHED}. Call again.", names.join(", "));
    (!names.is_empty()).then(|| ContentBlock::text(text))
}

fn retrying(retry: Retry) -> TurnEvent {
    let delay_ms = u64::try_from(retry.delay.as_millis()).unwrap_or(u64::MAX);
    TurnEvent::Retrying { attempt: retry.attempt, delay_ms, reason: retry.reason }
}
