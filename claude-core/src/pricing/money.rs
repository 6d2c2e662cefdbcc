//! Amounts of money.

/// Money in billionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub u64);

impl NanoUsd {
    /// In US dollars, for display.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// From US dollars as others report them; `None` where that is no amount: negative, or beyond the largest.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        let nanos = (dollars * 1e9).round();
        (nanos >= 0.0 && nanos < u64::MAX as f64).then_some(Self(nanos as u64))
    }

    /// What a sum that goes on grew by since it stood at `earlier`. A sum that is smaller than before began anew,
    /// and counts as a whole: so it is with a Claude Code session that was forked.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.checked_sub(earlier.0).unwrap_or(self.0))
    }

    /// The sum; `None` beyond the largest amount.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_session_cost_what_it_grew_by() {
        let (before, after) = (NanoUsd::from_dollars(0.25).unwrap(), NanoUsd::from_dollars(0.4).unwrap());
        assert_eq!(after.since(before), NanoUsd(150_000_000));
        assert_eq!(before.since(after), before);
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for dollars in [-0.1, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(NanoUsd::from_dollars(dollars), None, "{dollars}");
        }
        assert_eq!(NanoUsd::from_dollars(0.0), Some(NanoUsd(0)));
    }
}
