//! `GET /v1/models`: a list in pages.

use serde_json::{Value, json};

/// Id, display name and day of release, the newest first.
const MODELS: [(&str, &str, &str); 6] = [
    ("claude-fable-5-2", "Claude Fable 5.2", "2026-11-09"),
    ("claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-07"),
    ("claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-28"),
    ("claude-opus-5-5", "Claude Opus 5.5", "2026-09-22"),
    ("claude-fable-5-1", "Claude Fable 5.1", "2026-09-01"),
    ("claude-opus-5", "Claude Opus 5", "2026-07-24"),
];

/// Models on a page where the request says nothing.
const PAGE: usize = 20;

/// The most models on a page.
const PAGE_MAX: usize = 1000;

/// One model.
pub(super) fn model(id: &str) -> Option<Value> {
    MODELS.iter().find(|(known, ..)| *known == id).map(describe)
}

/// The page that the query asks for: `limit`, and one of `after_id` and `before_id`.
pub(super) fn page(query: &str) -> Result<Value, String> {
    let value = |wanted: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value).next_back()
    };
    let limit = match value("limit") {
        None => PAGE,
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| format!("limit: Input should be a number from 1 to {PAGE_MAX}"))?,
    };
    let place = |id: &str| {
        let place = MODELS.iter().position(|(known, ..)| *known == id);
        place.ok_or_else(|| format!("{id} is the id of no model"))
    };
    let (rest, backwards) = match (value("after_id"), value("before_id")) {
        (Some(_), Some(_)) => return Err("Only one of after_id and before_id can be given".to_owned()),
        (Some(after), None) => (&MODELS[place(after)? + 1..], false),
        (None, Some(before)) => (&MODELS[..place(before)?], true),
        (None, None) => (&MODELS[..], false),
    };
    let count = limit.min(rest.len());
    let page = if backwards { &rest[rest.len() - count..] } else { &rest[..count] };
    Ok(json!({
        "data": page.iter().map(describe).collect::<Vec<_>>(),
        "has_more": count < rest.len(),
        "first_id": page.first().map(|(id, ..)| id),
        "last_id": page.last().map(|(id, ..)| id),
    }))
}

fn describe((id, name, day): &(&str, &str, &str)) -> Value {
    json!({"type": "model", "id": id, "display_name": name, "created_at": format!("{day}T00:00:00Z")})
}
