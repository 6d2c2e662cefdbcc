//! From usage to a sum.

use std::time::SystemTime;

use super::row::{Rate, Rates};
use super::table::Table;
use super::{CacheWrites, NanoUsd, Priced, Unpriced};
use crate::messages::Usage;
use crate::object::Object;
use crate::text::{Json, Text};

/// Picodollars in a nanodollar.
const PICOS: u128 = 1000;

/// Searches that their price is for.
const SEARCHES: u128 = 1000;

/// Picodollars in a millionth of a dollar, the unit of prices.
const PICOS_PER_MICRO: u128 = 1_000_000;

/// Everything that is paid for in one request.
#[derive(Debug)]
pub(super) struct Bill {
    passes: Vec<Pass>,
    factor: Factor,
    searches: u64,
}

/// The tokens of one pass of the model.
#[derive(Debug)]
struct Pass {
    /// Where it is not the request's.
    model: Option<Text>,
    input: u64,
    output: u64,
    cache_read: u64,
    write_5m: u64,
    write_1h: u64,
    cache_writes: CacheWrites,
}

/// What all tokens are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Factor {
    times: u128,
    by: u128,
}

impl Bill {
    pub(super) fn read(usage: &Usage) -> Result<Self, Unpriced> {
        let members = usage.members();
        standard_speed(members)?;
        let passes = match read::<Vec<Object>>(members, "iterations")?.unwrap_or_default() {
            iterations if iterations.is_empty() => vec![Pass::read(members)?],
            iterations => iterations.iter().map(Pass::read).collect::<Result<_, _>>()?,
        };
        let tools: Object = read(members, "server_tool_use")?.unwrap_or_default();
        let searches = read(&tools, "web_search_requests")?.unwrap_or(0);
        Ok(Self { passes, factor: Factor::read(members)?, searches })
    }

    /// The sum, rounded once: half a nanodollar and more is one.
    pub(super) fn total(&self, model: &str, table: &Table, at: SystemTime) -> Result<Priced, Unpriced> {
        let mut tokens = 0_u128;
        for pass in &self.passes {
            let model = pass.model.as_deref().unwrap_or(model);
            let unknown = || Unpriced::Model { model: model.into() };
            let rates = table.find(model, at).ok_or_else(unknown)?.rates(pass.prompt());
            tokens = tokens.checked_add(pass.picos(model, &rates)?).ok_or(Unpriced::TooLarge)?;
        }
        let searches = self.searches(table.web_search)?;
        let Factor { times, by } = self.factor;
        let sum = tokens.checked_mul(times).and_then(|it| it.checked_add(searches.checked_mul(by)?));
        let unit = by * PICOS;
        let nanos = sum.and_then(|sum| sum.checked_add(unit / 2)).ok_or(Unpriced::TooLarge)? / unit;
        let cost = u64::try_from(nanos).map(NanoUsd).map_err(|_| Unpriced::TooLarge)?;
        Ok(Priced { cost, cache_writes: self.cache_writes() })
    }

    /// In picodollars.
    fn searches(&self, price: Option<Rate>) -> Result<u128, Unpriced> {
        match (self.searches, price) {
            (0, _) => Ok(0),
            (_, None) => Err(Unpriced::Usage { member: "web_search_requests" }),
            (count, Some(Rate(price))) => u128::from(count)
                .checked_mul(u128::from(price) * PICOS_PER_MICRO / SEARCHES)
                .ok_or(Unpriced::TooLarge),
        }
    }

    fn cache_writes(&self) -> CacheWrites {
        let told = self.passes.iter().all(|pass| pass.cache_writes == CacheWrites::Told);
        if told { CacheWrites::Told } else { CacheWrites::AssumedFiveMinutes }
    }
}

impl Pass {
    fn read(members: &Object) -> Result<Self, Unpriced> {
        let needed = |member| read(members, member)?.ok_or(Unpriced::Usage { member });
        let written: u64 = read(members, "cache_creation_input_tokens")?.unwrap_or(0);
        let classes: Object = read(members, "cache_creation")?.unwrap_or_default();
        let told_5m: u64 = read(&classes, "ephemeral_5m_input_tokens")?.unwrap_or(0);
        let write_1h: u64 = read(&classes, "ephemeral_1h_input_tokens")?.unwrap_or(0);
        let untold = written.saturating_sub(told_5m.saturating_add(write_1h));
        Ok(Self {
            model: read(members, "model")?,
            input: needed("input_tokens")?,
            output: needed("output_tokens")?,
            cache_read: read(members, "cache_read_input_tokens")?.unwrap_or(0),
            write_5m: told_5m.saturating_add(untold),
            write_1h,
            cache_writes: if untold == 0 { CacheWrites::Told } else { CacheWrites::AssumedFiveMinutes },
        })
    }

    /// The length of the prompt in tokens, which chooses the price of all of them.
    fn prompt(&self) -> u64 {
        let parts = [self.input, self.cache_read, self.write_5m, self.write_1h];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// The sum in picodollars.
    fn picos(&self, model: &str, rates: &Rates) -> Result<u128, Unpriced> {
        let kinds = [
            ("input", self.input, rates.input),
            ("output", self.output, rates.output),
            ("cache_write_5m", self.write_5m, rates.cache_write_5m),
            ("cache_write_1h", self.write_1h, rates.cache_write_1h),
            ("cache_read", self.cache_read, rates.cache_read),
        ];
        let mut sum = 0_u128;
        for (rate, tokens, price) in kinds.into_iter().filter(|(_, tokens, _)| *tokens > 0) {
            let Rate(price) = price.ok_or_else(|| Unpriced::Rate { model: model.into(), rate })?;
            // Two 64-bit numbers: their product fits, and so do five of them but for the very last bit.
            let cost = u128::from(tokens) * u128::from(price);
            sum = sum.checked_add(cost).ok_or(Unpriced::TooLarge)?;
        }
        Ok(sum)
    }
}

impl Factor {
    /// What is neither of the usual nor known here has no price.
    fn read(members: &Object) -> Result<Self, Unpriced> {
        let tier: Option<Text> = read(members, "service_tier")?;
        let batch = match tier.as_deref() {
            None | Some("standard") => 1,
            Some("batch") => 2,
            Some(_) => return Err(Unpriced::Usage { member: "service_tier" }),
        };
        let geo: Option<Text> = read(members, "inference_geo")?;
        match geo.as_deref() {
            None | Some("global" | "not_available" | "") => Ok(Self { times: 1, by: batch }),
            Some("us") => Ok(Self { times: 11, by: 10 * batch }),
            Some(_) => Err(Unpriced::Usage { member: "inference_geo" }),
        }
    }
}

/// Fast answers have prices of their own, which are not known here.
fn standard_speed(members: &Object) -> Result<(), Unpriced> {
    let speed: Option<Text> = read(members, "speed")?;
    match speed.as_deref() {
        None | Some("standard") => Ok(()),
        Some(_) => Err(Unpriced::Usage { member: "speed" }),
    }
}

/// A member; `None` where it is missing or null. One of another shape is not passed over: it may cost.
fn read<T: serde::de::DeserializeOwned>(
    members: &Object,
    member: &'static str,
) -> Result<Option<T>, Unpriced> {
    let value = members.get(member).map(Json::read::<Option<T>>).transpose();
    value.map(Option::flatten).map_err(|_| Unpriced::Usage { member })
}
