//! The table of steps and times at the end of a run.

use std::fmt;
use std::time::Duration;

use crate::step::Step;

/// What became of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Passed(Duration),
    Failed(Duration),
    /// A step before it failed.
    NotRun,
}

/// What became of each step, in order.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(Step, Outcome)>);

impl Table {
    pub(crate) fn add(&mut self, step: Step, outcome: Outcome) {
        self.0.push((step, outcome));
    }

    pub(crate) fn all_passed(&self) -> bool {
        self.0.iter().all(|(_, outcome)| matches!(outcome, Outcome::Passed(_)))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10}{:>10}  result", "step", "time")?;
        for (step, outcome) in &self.0 {
            let (time, result) = match outcome {
                Outcome::Passed(took) => (seconds(*took), "ok"),
                Outcome::Failed(took) => (seconds(*took), "FAILED"),
                Outcome::NotRun => ("-".to_owned(), "not run"),
            };
            writeln!(f, "{step:<10}{time:>10}  {result}")?;
        }
        Ok(())
    }
}

/// Seconds with one digit behind the point; from a minute on also minutes.
pub(crate) fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..60 => format!("{:.1} s", took.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_times_failure_and_what_was_not_reached() {
        let mut table = Table::default();
        table.add(Step::Fmt, Outcome::Passed(Duration::from_millis(420)));
        table.add(Step::Clippy, Outcome::Failed(Duration::from_secs(125)));
        table.add(Step::Test, Outcome::NotRun);
        let shown = table.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "step            time  result",
                "fmt            0.4 s  ok",
                "clippy    2 min 05 s  FAILED",
                "test               -  not run",
            ]
        );
        assert!(!table.all_passed());
    }

    #[test]
    fn all_passed_only_when_each_did() {
        let mut table = Table::default();
        table.add(Step::Fmt, Outcome::Passed(Duration::ZERO));
        assert!(table.all_passed());
        table.add(Step::Test, Outcome::NotRun);
        assert!(!table.all_passed());
    }
}
