//! What a run came to, whoever answered.

use claude_core::cli::RunResult;
use claude_core::turn::{Answer, Usage};
use claude_core::{Json, Text};
use serde::Serialize;

/// What is told at the end.
pub(super) struct Summary {
    pub(super) text: String,
    pub(super) session_id: Option<Text>,
    /// As the API names its members.
    pub(super) usage: Option<Json>,
    pub(super) cost_usd: Option<f64>,
}

/// The members that the API's usage has.
#[derive(Serialize)]
struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: u64,
}

impl From<&RunResult> for Summary {
    fn from(result: &RunResult) -> Self {
        Self {
            text: result.text().to_owned(),
            session_id: result.session_id.clone(),
            usage: result.usage.clone(),
            cost_usd: result.cost(),
        }
    }
}

impl Summary {
    /// Of a turn; `None` where the model wrote nothing.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let usage = answer.usage.as_ref();
        if usage.is_none() && !answer.is_complete() && answer.text.is_empty() {
            return None;
        }
        Some(Self {
            text: answer.text.clone(),
            session_id: None,
            usage: usage.and_then(|it| Json::of(&Tokens::from(it)).ok()),
            cost_usd: usage.and_then(|it| it.cost_usd),
        })
    }
}

impl From<&Usage> for Tokens {
    fn from(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_read_input_tokens: usage.cache_read_tokens,
            cache_creation_input_tokens: usage.cache_write_tokens,
        }
    }
}
