//! What a turn has used, and whether it may use more.

use crate::error::{Error, Result};
use crate::messages;
use crate::pricing::NanoUsd;
use crate::turn::{TurnEvent, TurnLimits, Usage};

/// The sum of all answers of a turn.
#[derive(Debug)]
pub(super) struct Ledger {
    requests: u32,
    tokens: Usage,
    /// `None`: unknown. It stays so.
    cost: Option<NanoUsd>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { requests: 0, tokens: Usage::default(), cost: Some(NanoUsd::default()) }
    }

    /// Counts one more request, and tells the most tokens that its answer may have.
    ///
    /// # Errors
    /// [`Error::LimitReached`]: it may not be made.
    pub(super) fn request(&mut self, limits: &TurnLimits) -> Result<u32> {
        if self.requests >= limits.model_requests {
            return Err(reached("model_requests", format!("{} requests to the model", self.requests)));
        }
        let written = self.tokens.output_tokens;
        let left = limits.output_tokens.map_or(u64::MAX, |most| most.saturating_sub(written));
        if left == 0 {
            return Err(reached("output_tokens", format!("{written} tokens were written")));
        }
        if let Some(most) = limits.cost_usd {
            match self.cost {
                None => return Err(reached("cost_usd", "what was used so far has no known price".into())),
                Some(cost) if cost.dollars() >= most => {
                    return Err(reached("cost_usd", format!("{:.4} US dollars were used", cost.dollars())));
                }
                Some(_) => {}
            }
        }
        self.requests += 1;
        Ok(limits.max_tokens.min(u32::try_from(left).unwrap_or(u32::MAX)))
    }

    /// Adds what an answer used.
    pub(super) fn add(&mut self, used: &messages::Usage, cost: Option<NanoUsd>) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.tokens.input_tokens, used.input_tokens());
        add(&mut self.tokens.output_tokens, used.output_tokens());
        add(&mut self.tokens.cache_read_tokens, used.cache_read_input_tokens());
        add(&mut self.tokens.cache_write_tokens, used.cache_creation_input_tokens());
        self.cost = self.cost.zip(cost).map(|(sum, more)| NanoUsd(sum.0.saturating_add(more.0)));
    }

    pub(super) fn event(&self) -> TurnEvent {
        TurnEvent::Usage(Usage { cost_usd: self.cost.map(NanoUsd::dollars), ..self.tokens })
    }
}

pub(super) fn reached(limit: &'static str, message: String) -> Error {
    Error::LimitReached { limit, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(output: u64) -> messages::Usage {
        serde_json::from_str(&format!(r#"{{"input_tokens":10,"output_tokens":{output}}}"#)).unwrap()
    }

    fn limits(change: impl FnOnce(&mut TurnLimits)) -> TurnLimits {
        let mut limits = TurnLimits::default();
        change(&mut limits);
        limits
    }

    fn which(refused: Result<u32>) -> &'static str {
        match refused.unwrap_err() {
            Error::LimitReached { limit, .. } => limit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_end_at_their_limit() {
        let (mut ledger, limits) = (Ledger::new(), limits(|it| it.model_requests = 2));
        assert!(ledger.request(&limits).is_ok() && ledger.request(&limits).is_ok());
        assert_eq!(which(ledger.request(&limits)), "model_requests");
    }

    #[test]
    fn an_answer_may_not_be_longer_than_what_is_left() {
        let (mut ledger, limits) = (Ledger::new(), limits(|it| it.output_tokens = Some(100)));
        assert_eq!(ledger.request(&limits).unwrap(), 100);
        ledger.add(&used(70), None);
        assert_eq!(ledger.request(&limits).unwrap(), 30);
        ledger.add(&used(30), None);
        assert_eq!(which(ledger.request(&limits)), "output_tokens");
    }

    #[test]
    fn money_ends_at_its_limit_and_an_unknown_price_at_once() {
        let (mut ledger, limits) = (Ledger::new(), limits(|it| it.cost_usd = Some(0.5)));
        ledger.add(&used(1), Some(NanoUsd(400_000_000)));
        assert!(ledger.request(&limits).is_ok());
        ledger.add(&used(1), Some(NanoUsd(100_000_000)));
        assert_eq!(which(ledger.request(&limits)), "cost_usd");

        let mut ledger = Ledger::new();
        ledger.add(&used(1), None);
        ledger.add(&used(1), Some(NanoUsd(1)));
        assert_eq!(which(ledger.request(&limits)), "cost_usd");
        assert!(matches!(ledger.event(), TurnEvent::Usage(Usage { cost_usd: None, input_tokens: 20, .. })));
    }
}
