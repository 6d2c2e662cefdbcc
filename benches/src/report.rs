//! The report: printed as it comes, and written beside the plots.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::machine;
use crate::measure::Measure;
use crate::section::Section;

/// The document's name in its directory.
const FILE: &str = "results.md";

/// A report in a directory. The document is written anew with each section, so that one that fails costs no other.
#[derive(Debug)]
pub(crate) struct Report {
    directory: PathBuf,
    text: String,
}

impl Report {
    /// Begins with the machine.
    pub(crate) fn begin(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let facts = machine::facts();
        for (name, value) in &facts {
            println!("{name:<12} {value}");
        }
        let facts: String = facts.iter().map(|(name, value)| format!("- {name}: {value}\n")).collect();
        let report = Self { directory: directory.to_owned(), text: format!("# Comparisons\n\n{facts}\n") };
        report.write()?;
        Ok(report)
    }

    pub(crate) fn add(&mut self, measure: Measure, section: &Section) -> anyhow::Result<()> {
        println!("\n{}", section.plain());
        let plot = format!("{}.svg", measure.name());
        section.plot.write(&self.directory.join(&plot))?;
        self.text.push_str(&section.markdown(&plot));
        self.write()
    }

    /// A measurement that couldn't be made.
    pub(crate) fn fail(&mut self, measure: Measure, error: &anyhow::Error) -> anyhow::Result<()> {
        println!("\n{}: FAILED: {error:#}", measure.name());
        self.text.push_str(&format!("## {}\n\nFailed: {error:#}\n\n", measure.name()));
        self.write()
    }

    /// Where the document lies.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn write(&self) -> anyhow::Result<()> {
        fs::write(self.file(), &self.text).with_context(|| format!("cannot write {}", self.file().display()))
    }
}
