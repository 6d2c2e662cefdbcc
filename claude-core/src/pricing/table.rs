//! All rows, found by model and time.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::PricesError;
use super::row::{Rate, Row};
use crate::object::Object;
use crate::text::{Json, Text};

/// Rows by model, each model's in the order of their days.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    rows: BTreeMap<String, Vec<Row>>,
    /// For a thousand searches of the web.
    pub(super) web_search: Option<Rate>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    web_search_per_1000: Option<Rate>,
    rows: Vec<Json>,
}

impl Table {
    pub(super) fn read(text: &str) -> Result<Self, PricesError> {
        let file: File = serde_json::from_str(text).map_err(|source| PricesError::Shape { source })?;
        let mut table = Self { rows: BTreeMap::new(), web_search: file.web_search_per_1000 };
        for (index, json) in file.rows.iter().enumerate() {
            table.add(json).map_err(|reason| PricesError::Row {
                row: index + 1,
                model: model(json).into(),
                reason: reason.into(),
            })?;
        }
        for rows in table.rows.values_mut() {
            rows.sort_by_key(Row::from);
        }
        Ok(table)
    }

    fn add(&mut self, json: &Json) -> Result<(), String> {
        let row: Row = json.read().map_err(|error| error.to_string())?;
        for name in std::iter::once(&row.model).chain(&row.aliases) {
            if name.trim().is_empty() {
                return Err("a model needs a name".to_owned());
            }
            let rows = self.rows.entry(name.clone()).or_default();
            if rows.iter().any(|known| known.from() == row.from()) {
                return Err(format!("`{name}` has another row with {}", row.day()));
            }
            rows.push(row.clone());
        }
        Ok(())
    }

    /// Takes over another table; where both have a model, its rows are the other's.
    pub(super) fn lay_over(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.web_search = other.web_search.or(self.web_search);
    }

    /// The row of a model at a time.
    pub(super) fn find(&self, model: &str, at: SystemTime) -> Option<&Row> {
        let rows = names(model).find_map(|name| self.rows.get(name))?;
        rows.iter().rev().find(|row| row.from().is_none_or(|from| from <= at))
    }
}

fn model(json: &Json) -> String {
    let members = json.read::<Object>().unwrap_or_default();
    members.read::<Text>("model").unwrap_or_default().to_string()
}

/// The names that a model may stand under: its own, without `[…]`, and without the date too.
fn names(model: &str) -> impl Iterator<Item = &str> {
    let bare = model.strip_suffix(']').and_then(|it| it.split_once('[')).map_or(model, |(bare, _)| bare);
    let dateless = bare.rsplit_once('-').filter(|(_, date)| is_date(date)).map(|(name, _)| name);
    [Some(model), Some(bare), dateless].into_iter().flatten()
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.starts_with("20") && text.bytes().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_and_a_suffix_in_brackets_are_no_other_model() {
        let all = |model: &'static str| names(model).collect::<Vec<_>>();
        assert_eq!(
            all("claude-haiku-4-5-20251001[1m]"),
            ["claude-haiku-4-5-20251001[1m]", "claude-haiku-4-5-20251001", "claude-haiku-4-5"]
        );
        assert_eq!(all("claude-opus-5"), ["claude-opus-5", "claude-opus-5"]);
        assert_eq!(all("a-12345678").len(), 2);
    }
}
