//! What a turn does, step by step.

use std::time::Duration;

use serde_json::Value;

use crate::text::{Json, Text};
use crate::turn::{Effect, Failed};

#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) word_pause: Duration,
    pub(super) message_usd: Option<f64>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Say(Text),
    Think(Text),
    Call(Call),
    Pause(Duration),
    SayForever(Text),
    Hang,
    Fail(Failed),
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) tool: Text,
    pub(super) input: Json,
    pub(super) effect: Effect,
    /// `None`: the input that was permitted.
    pub(super) result: Option<Json>,
}

impl Call {
    pub(super) fn new(tool: &str, input: Value, writes: bool) -> Self {
        let effect = if writes { Effect::Write } else { Effect::ReadOnly };
        Self { tool: tool.into(), input: Json::from(input), effect, result: None }
    }

    /// What it returns when it runs with this input.
    pub(super) fn result_of(&self, input: &Json) -> Json {
        self.result.clone().unwrap_or_else(|| Json::from(Value::from(input.as_str())))
    }
}
