//! Money in whole nano-dollars: a token of the cheapest model still counts, and sums stay exact.

/// A sum in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From billionths of a dollar.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// In billionths of a dollar.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// From dollars, as others count them, to the nearest billionth; what is no sum of money counts as nothing.
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast stops at the ends"
        )]
        Self((dollars * 1e9).round() as u64)
    }

    /// In dollars.
    #[must_use]
    pub fn dollars(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nine million dollars are exact")]
        let nanos = self.0 as f64;
        nanos / 1e9
    }

    /// As databases hold it; more than nine thousand million dollars count as that.
    pub(crate) fn stored(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// From a database, where it is never negative.
    pub(crate) fn from_stored(nanos: i64) -> Self {
        Self(u64::try_from(nanos).unwrap_or(0))
    }
}

impl std::fmt::Display for Usd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}
