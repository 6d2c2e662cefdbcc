//! What a measurement gives: a table, what the targets say to it, and a plot.

use std::fmt::Write as _;

use crate::plot::Plot;
use crate::table::Table;
use crate::verdict::{Outcome, Verdict};

/// The result of one measurement.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What was done, in a sentence or two.
    pub(crate) about: String,
    pub(crate) table: Table,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) plot: Plot,
}

impl Section {
    /// For a terminal.
    pub(crate) fn plain(&self) -> String {
        format!("{}\n{}\n\n{}\n{}", self.title, self.about, self.table.plain(), self.targets().plain())
    }

    /// For a document beside the plot, whose file has this name.
    pub(crate) fn markdown(&self, plot: &str) -> String {
        let mut text = format!("## {}\n\n{}\n\n{}\n", self.title, self.about, self.table.markdown());
        // Writing to a String can't fail.
        let _ = writeln!(text, "{}\n![{}]({plot})\n", self.targets().markdown(), self.title);
        text
    }

    fn targets(&self) -> Table {
        let mut table = Table::new(&["target", "asked", "found", ""]);
        for verdict in &self.verdicts {
            let (found, judged) = match &verdict.outcome {
                Outcome::Met(found) => (found.as_str(), "met"),
                Outcome::Missed(found) => (found.as_str(), "MISSED"),
                Outcome::NotMeasured => ("", "not measured"),
            };
            let cells = [&verdict.what, &verdict.target, found, judged];
            table.row(cells.iter().map(ToString::to_string).collect());
        }
        table
    }
}
