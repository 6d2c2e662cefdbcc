//! Release numbers, as programs print them about themselves.

use std::fmt;
use std::str::FromStr;

/// `major.minor.patch`; what a text leaves out is 0.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Release(u32, u32, u32);

impl Release {
    pub(crate) fn major(major: u32) -> Self {
        Self(major, 0, 0)
    }

    /// The first release number in a line such as `rustc 1.95.0 (59807616e 2026-04-14)` or `v20.20.2`.
    pub(crate) fn find(line: &str) -> Option<Self> {
        line.split_whitespace().find_map(|word| word.trim_start_matches('v').parse().ok())
    }
}

/// No number at its beginning.
#[derive(Debug)]
pub(crate) struct NotARelease;

impl FromStr for Release {
    type Err = NotARelease;

    /// Takes `20`, `1.95`, `1.95.0`, and `1.96.0-nightly` for what stands before the hyphen.
    fn from_str(text: &str) -> Result<Self, NotARelease> {
        let numbers = text.split_once('-').map_or(text, |(numbers, _)| numbers);
        let mut parts = [0; 3];
        let mut given = numbers.split('.');
        for (part, text) in parts.iter_mut().zip(&mut given) {
            *part = text.parse().map_err(|_| NotARelease)?;
        }
        let [major, minor, patch] = parts;
        if given.next().is_some() { Err(NotARelease) } else { Ok(Self(major, minor, patch)) }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_in_what_programs_print() {
        let found = |line| Release::find(line).map(|release| release.to_string());
        assert_eq!(found("rustc 1.95.0 (59807616e 2026-04-14)").as_deref(), Some("1.95.0"));
        assert_eq!(found("rustc 1.97.0-nightly (abc)").as_deref(), Some("1.97.0"));
        assert_eq!(found("v20.20.2").as_deref(), Some("20.20.2"));
        assert_eq!(found("11.19.1").as_deref(), Some("11.19.1"));
        assert_eq!(found("no number here"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn compares_by_number_not_by_text() {
        let release = |text: &str| text.parse::<Release>().unwrap();
        assert!(release("9.11.2") < Release::major(20));
        assert!(release("20.0.0") >= Release::major(20));
        assert!(release("1.100") > release("1.95.0"));
        assert_eq!(release("1.95"), release("1.95.0"));
        assert!("1.2.3.4".parse::<Release>().is_err());
        assert!("1..2".parse::<Release>().is_err());
    }
}
