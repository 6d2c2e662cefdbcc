//! Tokens and cost of a process, added up from what its lines tell.

use serde::Deserialize;

use crate::cli::message::RunResult;
use crate::text::Json;
use crate::turn::event::Usage;

/// Usage as the API reports it. What it does not mention, or says null for, stays what it was.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Reported {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl Reported {
    fn read(json: Option<&Json>) -> Self {
        json.and_then(|json| json.read().ok()).unwrap_or_default()
    }

    fn or(self, earlier: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.or(earlier.input_tokens),
            output_tokens: self.output_tokens.or(earlier.output_tokens),
            cache_read_input_tokens: self.cache_read_input_tokens.or(earlier.cache_read_input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .or(earlier.cache_creation_input_tokens),
        }
    }
}

/// Three sums: turns that ended (their `result` lines are the truth), messages of the turn that goes on,
/// and the message that is being written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    turns: Usage,
    messages: Usage,
    message: Reported,
}

impl Ledger {
    pub(super) fn message_starts(&mut self, usage: Option<&Json>) {
        self.messages = plus(self.messages, self.message);
        self.message = Reported::read(usage);
    }

    /// The figures of `message_delta` are cumulative for its message.
    pub(super) fn message_goes_on(&mut self, usage: Option<&Json>) -> Option<Usage> {
        self.message = Reported::read(Some(usage?)).or(self.message);
        Some(add(self.turns, plus(self.messages, self.message)))
    }

    /// The turn's own sum replaces what its messages told, but a turn that was stopped may tell nothing but
    /// zeros. The cost is that of the whole session.
    pub(super) fn turn_ends(&mut self, result: &RunResult) -> Usage {
        let counted = plus(self.messages, self.message);
        let told = plus(Usage::default(), Reported::read(result.usage.as_ref()));
        self.turns = add(self.turns, if told == Usage::default() { counted } else { told });
        self.turns.cost_usd = result.cost().or(self.turns.cost_usd);
        (self.messages, self.message) = Default::default();
        self.turns
    }
}

fn plus(sum: Usage, it: Reported) -> Usage {
    Usage {
        input_tokens: sum.input_tokens.saturating_add(it.input_tokens.unwrap_or(0)),
        output_tokens: sum.output_tokens.saturating_add(it.output_tokens.unwrap_or(0)),
        cache_read_tokens: sum.cache_read_tokens.saturating_add(it.cache_read_input_tokens.unwrap_or(0)),
        cache_write_tokens: sum
            .cache_write_tokens
            .saturating_add(it.cache_creation_input_tokens.unwrap_or(0)),
        cost_usd: sum.cost_usd,
    }
}

fn add(one: Usage, other: Usage) -> Usage {
    Usage {
        input_tokens: one.input_tokens.saturating_add(other.input_tokens),
        output_tokens: one.output_tokens.saturating_add(other.output_tokens),
        cache_read_tokens: one.cache_read_tokens.saturating_add(other.cache_read_tokens),
        cache_write_tokens: one.cache_write_tokens.saturating_add(other.cache_write_tokens),
        cost_usd: one.cost_usd,
    }
}
