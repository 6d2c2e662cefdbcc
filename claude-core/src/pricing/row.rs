//! One row of a table of prices.

use std::time::SystemTime;

use chrono::{NaiveDate, NaiveTime};
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::text::Json;

/// Decimals of a figure; a figure is kept in units of the last one.
const DECIMALS: usize = 6;

/// US dollars for a million tokens, which is picodollars for a token once they are integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate(pub(super) u64);

/// The prices of a model from a day on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) model: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    #[serde(default)]
    from: Option<NaiveDate>,
    input: Rate,
    output: Rate,
    cache_write_5m: Option<Rate>,
    cache_write_1h: Option<Rate>,
    cache_read: Option<Rate>,
    beyond: Option<Beyond>,
}

/// The prices for longer prompts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Beyond {
    prompt_tokens: u64,
    input: Rate,
    output: Rate,
    cache_write_5m: Option<Rate>,
    cache_write_1h: Option<Rate>,
    cache_read: Option<Rate>,
}

/// The figures for one request; `None`: there is none for these tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) input: Option<Rate>,
    pub(super) output: Option<Rate>,
    pub(super) cache_write_5m: Option<Rate>,
    pub(super) cache_write_1h: Option<Rate>,
    pub(super) cache_read: Option<Rate>,
}

impl Row {
    /// When it begins to count; `None`: it always did.
    pub(super) fn from(&self) -> Option<SystemTime> {
        self.from.map(|day| day.and_time(NaiveTime::MIN).and_utc().into())
    }

    /// The day, for messages.
    pub(super) fn day(&self) -> String {
        self.from.map_or_else(|| "no day".to_owned(), |day| day.to_string())
    }

    /// The figures for a prompt of this length.
    pub(super) fn rates(&self, prompt_tokens: u64) -> Rates {
        match &self.beyond {
            Some(it) if prompt_tokens > it.prompt_tokens => Rates {
                input: Some(it.input),
                output: Some(it.output),
                cache_write_5m: it.cache_write_5m,
                cache_write_1h: it.cache_write_1h,
                cache_read: it.cache_read,
            },
            _ => Rates {
                input: Some(self.input),
                output: Some(self.output),
                cache_write_5m: self.cache_write_5m,
                cache_write_1h: self.cache_write_1h,
                cache_read: self.cache_read,
            },
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    /// From the text of the number: a decimal is exact, a float is not.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let text = json.as_str().trim_matches('"');
        decimal(text).map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no price: a number from 0 with at most {DECIMALS} decimals"
            ))
        })
    }
}

/// `12.5` as 12,500,000.
fn decimal(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
        return None;
    }
    format!("{whole}{fraction:0<DECIMALS$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal("12.5"), Some(12_500_000));
        assert_eq!(decimal("0.000001"), Some(1));
        assert_eq!(decimal("0"), Some(0));
        for bad in ["", "-1", "1e3", "1.", ".5", "0.0000001", "1,5", "99999999999999999999"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }
}
