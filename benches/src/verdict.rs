//! A target, and whether it was met.

use crate::number::shown;

/// One line below a table: what is asked for, what came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) target: String,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Met(String),
    Missed(String),
    /// A contestant that it compares took no part.
    NotMeasured,
}

impl Verdict {
    /// At least so many of a unit.
    pub(crate) fn at_least(what: impl Into<String>, least: f64, unit: &str, value: Option<f64>) -> Self {
        let target = format!("≥ {} {unit}", shown(least));
        let outcome = Outcome::of(value.map(|value| (format!("{} {unit}", shown(value)), value >= least)));
        Self { what: what.into(), target, outcome }
    }

    /// At most so many of a unit.
    pub(crate) fn at_most(what: impl Into<String>, most: f64, unit: &str, value: Option<f64>) -> Self {
        let target = format!("≤ {} {unit}", shown(most));
        let outcome = Outcome::of(value.map(|value| (format!("{} {unit}", shown(value)), value <= most)));
        Self { what: what.into(), target, outcome }
    }

    /// Something that isn't a number: how it is told, and whether it is as it should be.
    pub(crate) fn holds(what: impl Into<String>, target: &str, found: Option<(String, bool)>) -> Self {
        Self { what: what.into(), target: target.to_owned(), outcome: Outcome::of(found) }
    }
}

impl Outcome {
    fn of(found: Option<(String, bool)>) -> Self {
        match found {
            Some((found, true)) => Self::Met(found),
            Some((found, false)) => Self::Missed(found),
            None => Self::NotMeasured,
        }
    }
}

/// `value` in units of `of`; none where one is missing or nothing.
pub(crate) fn ratio(value: Option<f64>, of: Option<f64>) -> Option<f64> {
    let (value, of) = (value?, of?);
    (of > 0.0).then(|| value / of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_up_to_its_bound() {
        let least = |value| Verdict::at_least("x", 3.0, "×", value).outcome;
        assert_eq!(least(Some(3.0)), Outcome::Met("3 ×".to_owned()));
        assert_eq!(least(Some(2.99)), Outcome::Missed("2.99 ×".to_owned()));
        assert_eq!(least(None), Outcome::NotMeasured);
        assert!(matches!(Verdict::at_most("x", 0.0, "left", Some(0.0)).outcome, Outcome::Met(_)));
    }

    #[test]
    fn a_ratio_needs_both_sides() {
        assert_eq!(ratio(Some(6.0), Some(2.0)), Some(3.0));
        assert_eq!(ratio(Some(6.0), Some(0.0)), None);
        assert_eq!(ratio(None, Some(2.0)), None);
    }
}
