//! Rows and tables, and the columns that nobody here looks at: they come from recorded rows, and those of 0.25.11 from its
//! source.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::versions::Version;

/// A row as the API shows it.
pub(super) type Row = Map<String, Value>;

/// What a fresh row looks like.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Template {
    pub(super) application: Row,
    /// What `application.one` shows beside the row, but for what this server has.
    pub(super) relations: Row,
    pub(super) domain: Row,
    pub(super) deployment: Row,
    /// The other kinds of services, of which this server never has one.
    pub(super) kinds: Vec<String>,
}

impl Template {
    pub(super) fn of(version: Version) -> Self {
        let text = match version {
            Version::V0_24_12 => include_str!("rows/v0.24.12.json"),
            Version::V0_25_11 => return Self::of(Version::V0_26_7).before_0_26(),
            Version::V0_26_7 => include_str!("rows/v0.26.7.json"),
            Version::V0_30_2 => include_str!("rows/v0.30.2.json"),
        };
        // A test reads all three.
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Without what came between 0.25.11 and 0.26.7, by the tables in the source of the two.
    fn before_0_26(mut self) -> Self {
        for column in NEW_APPLICATION_COLUMNS {
            self.application.remove(column);
        }
        self.application.insert("railpackVersion".to_owned(), "0.2.2".into());
        for relation in ["buildRegistry", "rollbackRegistry"] {
            self.relations.remove(relation);
        }
        self.deployment.remove("buildServerId");
        self
    }

    /// A row with an empty list for each kind of service.
    pub(super) fn with_kinds(&self, mut row: Row) -> Row {
        row.extend(self.kinds.iter().map(|kind| (kind.clone(), Value::Array(Vec::new()))));
        row
    }
}

/// Of 0.26.
const NEW_APPLICATION_COLUMNS: [&str; 6] = [
    "args",
    "bitbucketRepositorySlug",
    "buildRegistryId",
    "buildServerId",
    "createEnvFile",
    "rollbackRegistryId",
];

/// Rows in the order in which the database gives them where it is asked for no order: one that was changed comes last.
#[derive(Debug)]
pub(super) struct Table {
    key: &'static str,
    rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(key: &'static str) -> Self {
        Self { key, rows: Vec::new() }
    }

    pub(super) fn insert(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows.iter()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| text(row, self.key) == id)
    }

    /// The rows with this text in a column.
    pub(super) fn of<'a>(
        &'a self,
        column: &'a str,
        value: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| text(row, column) == value)
    }

    /// Sets columns of a row, and gives the row as it is then.
    pub(super) fn update(&mut self, id: &str, changes: Row) -> Option<Row> {
        let mut row = self.remove(id)?;
        row.extend(changes);
        self.rows.push(row.clone());
        Some(row)
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Row> {
        let at = self.rows.iter().position(|row| text(row, self.key) == id)?;
        Some(self.rows.remove(at))
    }

    /// Removes the rows with this text in a column.
    pub(super) fn remove_of(&mut self, column: &str, value: &str) -> Vec<Row> {
        self.rows.extract_if(.., |row| text(row, column) == value).collect()
    }
}

/// A text column; empty where there is none.
pub(super) fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}

/// Some columns of a row.
pub(super) fn pick(row: &Row, columns: &[&str]) -> Row {
    let picked = columns.iter().filter_map(|column| Some(((*column).to_owned(), row.get(*column)?.clone())));
    picked.collect()
}

/// A row of these columns.
pub(super) fn row<const N: usize>(columns: [(&str, Value); N]) -> Row {
    columns.into_iter().map(|(column, value)| (column.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_rows() {
        for version in Version::ALL.into_iter().chain([Version::V0_25_11]) {
            let template = Template::of(version);
            assert!(template.application.len() > 80 && template.kinds.len() > 5, "{version}");
            assert!(template.domain.contains_key("host") && template.deployment.contains_key("logPath"));
        }
    }

    #[test]
    fn a_row_that_was_changed_comes_last() {
        let mut table = Table::new("id");
        for id in ["a", "b"] {
            table.insert(row([("id", id.into()), ("of", "x".into())]));
        }
        assert!(table.update("a", row([("n", 1.into())])).is_some());
        let ids: Vec<_> = table.of("of", "x").map(|row| text(row, "id")).collect();
        assert_eq!(ids, ["b", "a"]);
        assert!(table.update("c", Row::new()).is_none());
        assert_eq!(table.remove_of("of", "x").len(), 2);
    }
}
