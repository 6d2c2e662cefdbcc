//! What runs come to, as metrics.

use std::time::Duration;

use claude_core::turn::event::Usage;
use metrics::{counter, histogram};

/// Whom the requests go to.
const PROVIDER: &str = "anthropic";

/// What requests are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Lines of Claude Code.
    ClaudeCode,
    /// Turns, whoever answers.
    Chat,
}

impl Task {
    const fn label(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude_code",
            Self::Chat => "chat",
        }
    }
}

/// Models that have a label of their own: what a request names is not bounded.
const MODELS: [&str; 6] = [
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-fable-5-2",
    "claude-opus-4-6",
    "claude-sonnet-4-5",
];

/// The label of a model.
fn label(model: &str) -> &'static str {
    // Some names carry the date of their release, or the size of their context.
    MODELS.into_iter().find(|known| model.starts_with(known)).unwrap_or("other")
}

/// A turn is over, which used and cost so much.
pub(crate) fn turn(task: Task, model: &str, usage: &Usage, cost_usd: f64) {
    let model = label(model);
    counter!("llm_requests_total", "provider" => PROVIDER, "model" => model, "task_type" => task.label())
        .increment(1);
    let tokens = [
        ("prompt", usage.input_tokens),
        ("completion", usage.output_tokens),
        ("cache_read", usage.cache_read_tokens),
        ("cache_write", usage.cache_write_tokens),
    ];
    for (io, tokens) in tokens {
        counter!("llm_tokens_total", "provider" => PROVIDER, "model" => model, "io" => io).increment(tokens);
    }
    // Counters are whole numbers: this one is a gauge that only grows.
    let cost = metrics::gauge!("llm_cost_usd_total", "provider" => PROVIDER, "model" => model, "io" => "all");
    cost.increment(cost_usd);
}

/// What was used since: the sums of a run only grow.
pub(crate) fn beyond(now: &Usage, before: &Usage) -> Usage {
    Usage {
        input_tokens: now.input_tokens.saturating_sub(before.input_tokens),
        output_tokens: now.output_tokens.saturating_sub(before.output_tokens),
        cache_read_tokens: now.cache_read_tokens.saturating_sub(before.cache_read_tokens),
        cache_write_tokens: now.cache_write_tokens.saturating_sub(before.cache_write_tokens),
        cost_usd: now.cost_usd,
    }
}

/// A run failed; its code is one of ours.
pub(crate) fn failed(model: &str, code: &str) {
    let labels = [
        ("provider", PROVIDER.to_owned()),
        ("model", label(model).to_owned()),
        ("error_type", code.to_owned()),
    ];
    counter!("llm_errors_total", &labels).increment(1);
}

/// A request to the model is repeated.
pub(crate) fn retrying(model: &str) {
    counter!("llm_retries_total", "provider" => PROVIDER, "model" => label(model)).increment(1);
}

/// How far an answer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its first piece came.
    FirstToken,
    /// It is over.
    Total,
}

/// How long an answer took to get so far.
pub(crate) fn took(model: &str, phase: Phase, time: Duration) {
    let phase = match phase {
        Phase::FirstToken => "first_token",
        Phase::Total => "total",
    };
    let seconds =
        histogram!("llm_latency_seconds", "provider" => PROVIDER, "model" => label(model), "phase" => phase);
    seconds.record(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        assert_eq!(label("claude-opus-5-5-20261001"), "claude-opus-5-5");
        assert_eq!(label("claude-opus-5-5[1m]"), "claude-opus-5-5");
        for model in ["", "gpt", "x\ny", "CLAUDE-opus-5-5"] {
            assert_eq!(label(model), "other");
        }
    }
}
