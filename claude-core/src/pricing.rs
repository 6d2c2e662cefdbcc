//! What tokens cost.
//!
//! A price is known or it is not: a model without a row, a kind of tokens without a figure, a service tier nobody
//! wrote down give no cost, and never that of a neighbour. Sums are integers and are rounded once.
//!
//! ```
//! use std::time::SystemTime;
//! use claude_core::messages::Usage;
//! use claude_core::pricing::{NanoUsd, Prices};
//!
//! let usage: Usage = serde_json::from_str(r#"{"input_tokens": 1000, "output_tokens": 200}"#).unwrap();
//! let prices = Prices::default();
//! let now = SystemTime::now();
//! assert_eq!(prices.cost("claude-opus-5-5", &usage, now), Some(NanoUsd(8_000_000)));
//! assert_eq!(prices.cost("claude-opus-99", &usage, now), None);
//! ```
//!
//! Claude Code reports what a session cost by itself, and its own figure wins; it is the whole session's, so that a
//! run that resumed one cost the difference: [`NanoUsd::since`].

mod bill;
mod money;
mod row;
mod table;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

pub use money::NanoUsd;

use self::bill::Bill;
use self::table::Table;
use crate::messages::Usage;

/// The table that this crate carries; a test sees to it that it can be read.
static BUILT_IN: LazyLock<Prices> = LazyLock::new(|| {
    let table = Table::read(include_str!("pricing/prices.json"));
    Prices(Arc::new(table.unwrap_or_default()))
});

/// A table of prices. Cheap to clone; the default is the one that this crate carries, as of November 2026.
#[derive(Debug, Clone)]
pub struct Prices(Arc<Table>);

/// What a request cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Priced {
    /// The cost.
    pub cost: NanoUsd,
    /// By which lifetime writes to the cache were priced.
    pub cache_writes: CacheWrites,
}

/// By which lifetime writes to the cache were priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheWrites {
    /// By the one that the API told for each.
    Told,
    /// The API did not tell it for all: the others count as five minutes, which is the cheapest.
    AssumedFiveMinutes,
}

/// Why the cost of a request is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unpriced {
    /// No row has this model at that time.
    #[error("there is no price for `{model}`")]
    Model {
        /// The model.
        model: Box<str>,
    },
    /// The model's row has no figure for tokens that were used.
    #[error("the price of `{model}` lacks {rate}")]
    Rate {
        /// The model.
        model: Box<str>,
        /// The figure.
        rate: &'static str,
    },
    /// The usage does not tell what is needed, or tells something that has no price here.
    #[error("the usage's `{member}` is missing or has no price")]
    Usage {
        /// The member.
        member: &'static str,
    },
    /// The sum is beyond what [`NanoUsd`] holds: some 18 billion dollars.
    #[error("the cost is too large")]
    TooLarge,
}

/// Why a file of prices can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PricesError {
    /// It can't be read.
    #[error("the prices in `{}` can't be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no JSON object with the list `rows`.
    #[error("these are no prices: {source}")]
    Shape {
        /// Why, and where.
        #[source]
        source: serde_json::Error,
    },
    /// One row is wrong.
    #[error("row {row}{}: {reason}", if model.is_empty() { String::new() } else { format!(" (`{model}`)") })]
    Row {
        /// Counted from 1.
        row: usize,
        /// Its model, where it can be read.
        model: Box<str>,
        /// What is wrong.
        reason: Box<str>,
    },
}

impl Default for Prices {
    fn default() -> Self {
        BUILT_IN.clone()
    }
}

impl Prices {
    /// The prices that this crate carries, and over them those of a file as [`Prices::from_json`] has it.
    ///
    /// # Errors
    /// The file can't be read, or a row is wrong.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, PricesError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| PricesError::File { path: path.to_path_buf(), source })?;
        Self::from_json(&text)
    }

    /// The prices that this crate carries, and over them these. A model that has a row here has only the rows here.
    ///
    /// ```
    /// # use claude_core::pricing::Prices;
    /// let prices = Prices::from_json(r#"{
    ///     "web_search_per_1000": 10,
    ///     "rows": [
    ///         {"model": "my-model", "input": 3, "output": 15, "cache_read": 0.3},
    ///         {"model": "my-model", "from": "2027-01-01", "input": 2.5, "output": 12.5, "cache_read": 0.25,
    ///          "beyond": {"prompt_tokens": 200000, "input": 5, "output": 25}}
    ///     ]
    /// }"#)?;
    /// # Ok::<(), claude_core::pricing::PricesError>(())
    /// ```
    ///
    /// Figures are US dollars for a million tokens (`input`, `output`, `cache_write_5m`, `cache_write_1h`,
    /// `cache_read`) with at most six decimals, as numbers or strings. A row counts from the day `from` (UTC) on, one
    /// without it from ever, until the next one of its model. The figures of `beyond` are for all tokens of a
    /// request whose prompt is longer than that. `aliases` are other names of the model.
    ///
    /// # Errors
    /// Which row is wrong, and why.
    pub fn from_json(text: &str) -> Result<Self, PricesError> {
        let mut table = Table::clone(&BUILT_IN.0);
        table.lay_over(Table::read(text)?);
        Ok(Self(Arc::new(table)))
    }

    /// What one request cost at that time; `None`: unknown, never free.
    #[must_use]
    pub fn cost(&self, model: &str, usage: &Usage, at: SystemTime) -> Option<NanoUsd> {
        self.price(model, usage, at).ok().map(|priced| priced.cost)
    }

    /// What one request cost at that time, and how sure that is.
    ///
    /// The model may carry a date (`-20251001`) or a suffix in brackets (`[1m]`). Batches cost half, inference
    /// that is bound to the US a tenth more; searches of the web are added. Where the API lists several passes
    /// (`iterations`), each is priced by itself and the whole counts.
    ///
    /// # Errors
    /// Why the cost is not known.
    pub fn price(&self, model: &str, usage: &Usage, at: SystemTime) -> Result<Priced, Unpriced> {
        Bill::read(usage)?.total(model, &self.0, at)
    }
}

#[cfg(test)]
mod tests;
