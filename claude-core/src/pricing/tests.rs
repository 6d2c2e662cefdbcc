//! Prices of real models, and what has none.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn day(text: &str) -> SystemTime {
    chrono::DateTime::parse_from_rfc3339(&format!("{text}T00:00:00Z")).unwrap().into()
}

fn usage(members: &serde_json::Value) -> Usage {
    serde_json::from_str(&members.to_string()).unwrap()
}

fn price(model: &str, members: &serde_json::Value) -> Result<Priced, Unpriced> {
    Prices::default().price(model, &usage(members), day("2026-11-21"))
}

fn nanos(model: &str, members: &serde_json::Value) -> Option<u64> {
    price(model, members).ok().map(|priced| priced.cost.0)
}

/// A million of each kind, as dollars.
fn millions(model: &str) -> [f64; 5] {
    let kinds = [
        json!({"input_tokens": 1_000_000, "output_tokens": 0}),
        json!({"input_tokens": 0, "output_tokens": 1_000_000}),
        json!({"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1_000_000,
            "cache_creation": {"ephemeral_5m_input_tokens": 1_000_000}}),
        json!({"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1_000_000,
            "cache_creation": {"ephemeral_1h_input_tokens": 1_000_000}}),
        json!({"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 1_000_000}),
    ];
    kinds.map(|kind| price(model, &kind).unwrap().cost.dollars())
}

#[test]
fn the_built_in_table_is_read_and_says_what_is_published() {
    assert!(Table::read(include_str!("prices.json")).is_ok());
    for (model, dollars) in [
        ("claude-fable-5-2", [8.0, 40.0, 10.0, 16.0, 0.2]),
        ("claude-opus-5-5", [4.0, 20.0, 5.0, 8.0, 0.2]),
        ("claude-sonnet-5-5", [2.0, 10.0, 2.5, 4.0, 0.1]),
        ("claude-fable-5-1", [10.0, 50.0, 12.5, 20.0, 0.25]),
        ("claude-mythos-5", [10.0, 50.0, 12.5, 20.0, 1.0]),
        ("claude-opus-4-5-20251101", [5.0, 25.0, 6.25, 10.0, 0.5]),
        ("claude-sonnet-4-5-20250929", [3.0, 15.0, 3.75, 6.0, 0.3]),
        ("claude-haiku-4-5[1m]", [1.0, 5.0, 1.25, 2.0, 0.1]),
        ("claude-opus-4-1-20250805", [15.0, 75.0, 18.75, 30.0, 1.5]),
        ("claude-3-5-haiku-20241022", [0.8, 4.0, 1.0, 1.6, 0.08]),
    ] {
        for (told, published) in millions(model).into_iter().zip(dollars) {
            assert!((told - published).abs() < 1e-12, "{model}: {told} instead of {published}");
        }
    }
}

#[test]
fn a_request_is_priced_by_its_own_day() {
    let read = usage(&json!({"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 1_000_000}));
    let at = |at| Prices::default().cost("claude-sonnet-5-5", &read, at).unwrap().0;
    let cut = day("2026-10-07");
    assert_eq!(at(cut - Duration::from_secs(1)), 200_000_000);
    assert_eq!(at(cut), 100_000_000);
}

#[test]
fn a_long_prompt_changes_the_price_of_all_its_tokens() {
    let prompt = |input: u64| {
        json!({"input_tokens": input, "cache_read_input_tokens": 50_000,
        "cache_creation_input_tokens": 10_000, "output_tokens": 1000})
    };
    // Not longer than 100,000: 0.10, 0.01, 0.125 and 0.50 dollars.
    let short = 40_000 * 100 + 50_000 * 10 + 10_000 * 125 + 1000 * 500;
    assert_eq!(nanos("claude-haiku-5-5", &prompt(40_000)), Some(short));
    let long = 40_001 * 500 + 50_000 * 50 + 10_000 * 625 + 1000 * 2500;
    assert_eq!(nanos("claude-haiku-5-5", &prompt(40_001)), Some(long));
}

#[test]
fn writes_without_a_lifetime_count_as_five_minutes_and_say_so() {
    let untold = json!({"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1000});
    let priced = price("claude-opus-5-5", &untold).unwrap();
    assert_eq!((priced.cost, priced.cache_writes), (NanoUsd(5_000_000), CacheWrites::AssumedFiveMinutes));
    let told = json!({"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600}});
    let priced = price("claude-opus-5-5", &told).unwrap();
    assert_eq!((priced.cost, priced.cache_writes), (NanoUsd(400 * 5000 + 600 * 8000), CacheWrites::Told));
}

#[test]
fn batches_places_and_searches_change_the_sum() {
    let with = |also: serde_json::Value| {
        let mut members = json!({"input_tokens": 1000, "output_tokens": 100, "service_tier": "standard",
            "inference_geo": "global"});
        also.as_object().unwrap().iter().for_each(|(name, value)| members[name] = value.clone());
        nanos("claude-opus-5-5", &members)
    };
    assert_eq!(with(json!({})), Some(6_000_000));
    assert_eq!(with(json!({"service_tier": "batch"})), Some(3_000_000));
    assert_eq!(with(json!({"inference_geo": "us"})), Some(6_600_000));
    assert_eq!(with(json!({"inference_geo": "us", "service_tier": "batch"})), Some(3_300_000));
    let searched = json!({"server_tool_use": {"web_search_requests": 3}, "service_tier": "batch"});
    assert_eq!(with(searched), Some(3_000_000 + 3 * 10_000_000));
}

#[test]
fn passes_of_one_request_are_summed() {
    let usage = json!({"input_tokens": 5, "output_tokens": 7, "iterations": [
        {"type": "compaction", "input_tokens": 1000, "output_tokens": 100},
        {"type": "message", "input_tokens": 5, "output_tokens": 7},
        {"type": "advisor_message", "model": "claude-haiku-4-5", "input_tokens": 10, "output_tokens": 0},
    ]});
    assert_eq!(nanos("claude-opus-5-5", &usage), Some(1005 * 4000 + 107 * 20_000 + 10 * 1000));
}

#[test]
fn what_is_not_known_has_no_price() {
    let some = json!({"input_tokens": 1, "output_tokens": 1});
    for model in
        ["claude-mythos-5-2", "claude-opus-5-50", "claude-opus-4-9", "opus", "claude-opus-5-5-fast", ""]
    {
        assert_eq!(price(model, &some), Err(Unpriced::Model { model: model.into() }));
    }
    for unknown in [
        json!({}),
        json!({"input_tokens": 1}),
        json!({"input_tokens": null, "output_tokens": 1}),
        json!({"input_tokens": "1", "output_tokens": 1}),
        json!({"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": -1}),
        json!({"input_tokens": 1, "output_tokens": 1, "service_tier": "priority"}),
        json!({"input_tokens": 1, "output_tokens": 1, "inference_geo": "moon"}),
        json!({"input_tokens": 1, "output_tokens": 1, "speed": "fast"}),
    ] {
        assert!(matches!(price("claude-opus-5-5", &unknown), Err(Unpriced::Usage { .. })), "{unknown}");
    }
    let huge = json!({"input_tokens": u64::MAX, "output_tokens": u64::MAX});
    assert_eq!(price("claude-opus-5-5", &huge), Err(Unpriced::TooLarge));
    assert_eq!(nanos("claude-opus-5-5", &json!({"input_tokens": 0, "output_tokens": 0})), Some(0));
}

#[test]
fn a_file_adds_models_and_replaces_those_it_names() {
    let file = r#"{"rows": [
        {"model": "mine", "aliases": ["mine-too"], "input": "1.5", "output": 2},
        {"model": "claude-sonnet-5-5", "input": 7, "output": 7}
    ]}"#;
    let prices = Prices::from_json(file).unwrap();
    let million = usage(&json!({"input_tokens": 1_000_000, "output_tokens": 0}));
    let cost = |model| prices.cost(model, &million, SystemTime::now()).map(|cost| cost.0);
    assert_eq!((cost("mine"), cost("mine-too-20270101")), (Some(1_500_000_000), Some(1_500_000_000)));
    assert_eq!(
        (cost("claude-sonnet-5-5"), cost("claude-opus-5-5")),
        (Some(7_000_000_000), Some(4_000_000_000))
    );
    let read = usage(&json!({"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 1}));
    let lacking = Unpriced::Rate { model: "mine".into(), rate: "cache_read" };
    assert_eq!(prices.price("mine", &read, SystemTime::now()), Err(lacking));
}

#[test]
fn a_wrong_file_says_which_row() {
    let row = |row: &str| {
        let file = format!(r#"{{"rows": [{{"model": "a", "input": 1, "output": 2}}, {row}]}}"#);
        Prices::from_json(&file).unwrap_err().to_string()
    };
    assert!(row(r#"{"model": "b", "input": -1, "output": 2}"#).starts_with("row 2 (`b`): `-1` is no price"));
    assert!(row(r#"{"model": "b", "input": 1}"#).starts_with("row 2 (`b`): missing field `output`"));
    assert!(row(r#"{"model": "b", "input": 1, "output": 2, "cache": 3}"#).contains("unknown field `cache`"));
    assert!(row(r#"{"model": "a", "input": 1, "output": 2}"#).contains("another row with no day"));
    assert!(row(r#"{"model": "b", "from": "soon", "input": 1, "output": 2}"#).starts_with("row 2 (`b`)"));
    assert!(row("7").starts_with("row 2: "));
    assert!(matches!(Prices::from_json("[]"), Err(PricesError::Shape { .. })));
    assert!(matches!(Prices::from_file("/nowhere/prices.json"), Err(PricesError::File { .. })));
}

proptest! {
    #[test]
    fn more_tokens_never_cost_less(input in 0_u64..1 << 40, output in 0_u64..1 << 40, more in 0_u64..1 << 20) {
        let cost = |input| nanos("claude-haiku-5-5", &json!({"input_tokens": input, "output_tokens": output}));
        prop_assert!(cost(input) <= cost(input + more));
    }
}
