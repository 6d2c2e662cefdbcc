//! A table, aligned for a terminal or as Markdown.

use std::iter::repeat_n;

/// Names in the first column, figures in the others.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// Adds a row: as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Lines of equal width, two spaces between columns.
    pub(crate) fn plain(&self) -> String {
        let widths = self.widths();
        let line = |cells: &Vec<String>| {
            let cells = cells.iter().zip(&widths).enumerate();
            let padded: Vec<String> =
                cells.map(|(index, (cell, width))| pad(cell, *width, index == 0)).collect();
            padded.join("  ").trim_end().to_owned() + "\n"
        };
        let rule: Vec<String> = widths.iter().map(|width| repeat_n('─', *width).collect()).collect();
        let lines = [&self.columns, &rule].into_iter().chain(&self.rows).map(line);
        lines.collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &Vec<String>| format!("| {} |\n", cells.join(" | ").replace('\n', " "));
        let rule = self.columns.iter().enumerate().map(|(index, _)| if index == 0 { "---" } else { "---:" });
        let rule = rule.map(ToOwned::to_owned).collect();
        [&self.columns, &rule].into_iter().chain(&self.rows).map(line).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let rows = || std::iter::once(&self.columns).chain(&self.rows);
        let width = |index: usize| rows().filter_map(|row| Some(row.get(index)?.chars().count())).max();
        (0..self.columns.len()).map(|index| width(index).unwrap_or_default()).collect()
    }
}

/// The side can't be chosen inside of one `format!`.
fn pad(cell: &str, width: usize, left: bool) -> String {
    if left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["server", "MB/s"]);
        table.row(vec!["bare".to_owned(), "1,673".to_owned()]);
        table.row(vec!["simple".to_owned(), "–".to_owned()]);
        table
    }

    #[test]
    fn columns_are_aligned_names_left_figures_right() {
        let expected = "\
server   MB/s
──────  ─────
bare    1,673
simple      –
";
        assert_eq!(table().plain(), expected);
    }

    #[test]
    fn markdown_has_the_same_cells() {
        let expected = "| server | MB/s |\n| --- | ---: |\n| bare | 1,673 |\n| simple | – |\n";
        assert_eq!(table().markdown(), expected);
    }
}
