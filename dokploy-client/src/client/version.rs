//! The server's version, and what differs by it.

use std::fmt;

use crate::error::{Error, Result};

/// A version of Dokploy, such as `0.30.2`. What comes after the numbers, such as `-canary`, does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

/// What is known of a server's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was not told yet, or was too old.
    Nothing,
    /// Something went wrong since it was told; it may come from an upgrade.
    Doubtful(Version),
    /// It was told.
    Current(Version),
}

impl Known {
    /// The version that was told last.
    pub(super) fn version(self) -> Option<Version> {
        match self {
            Self::Nothing => None,
            Self::Doubtful(version) | Self::Current(version) => Some(version),
        }
    }

    /// Something went wrong.
    pub(super) fn doubt(&mut self) {
        *self = self.version().map_or(Self::Nothing, Self::Doubtful);
    }
}

impl Version {
    /// The oldest one that this client speaks to.
    pub const OLDEST: Self = Self::new(0, 24, 0);

    /// A version.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `v0.30.2` and `0.30.2`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix('v').unwrap_or(text);
        let numbers = numbers.split(['-', '+']).next()?;
        let mut numbers = numbers.split('.').map(|number| {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| number.parse().ok())?
        });
        let version = Self::new(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }

    /// Whether a project has environments, to which its applications belong. Before, they belonged to the project.
    #[must_use]
    pub fn has_environments(self) -> bool {
        self >= Self::new(0, 25, 0)
    }

    /// Whether the log of a deployment can be read.
    #[must_use]
    pub fn has_logs(self) -> bool {
        self >= Self::new(0, 29, 5)
    }

    /// Whether the log of an application's containers can be read.
    #[must_use]
    pub fn has_container_logs(self) -> bool {
        self >= Self::new(0, 29, 0)
    }

    /// Whether builds can be ended.
    #[must_use]
    pub fn ends_builds(self) -> bool {
        self >= Self::new(0, 25, 8)
    }

    /// Whether the queue can be looked at.
    #[must_use]
    pub fn has_queue(self) -> bool {
        self >= Self::new(0, 30, 0)
    }

    /// Whether a deployment keeps the title and description it is asked for with. Before, all are alike.
    #[must_use]
    pub fn keeps_descriptions(self) -> bool {
        self >= Self::new(0, 26, 0)
    }

    /// # Errors
    /// [`Error::TooOld`].
    pub(super) fn supported(self) -> Result<Self> {
        if self < Self::OLDEST {
            return Err(Error::TooOld { version: self });
        }
        Ok(self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered_by_number() {
        for (text, version) in [
            ("v0.30.2", Some("0.30.2")),
            ("0.24.12", Some("0.24.12")),
            ("v0.26.7-canary.3", Some("0.26.7")),
            ("v1.0.0", Some("1.0.0")),
            ("", None),
            ("v0.30", None),
            ("v0.30.2.1", None),
            ("v0.+3.2", None),
            ("canary", None),
            ("v0.30.99999999999", None),
        ] {
            let read = Version::parse(text).map(|version| version.to_string());
            assert_eq!(read.as_deref(), version, "{text}");
        }
        assert!(Version::new(0, 100, 0) > Version::new(0, 30, 9));
    }

    #[test]
    fn a_newer_version_has_all_and_one_below_the_oldest_is_refused() {
        for newer in [Version::new(0, 31, 0), Version::new(2, 0, 0)] {
            let has_all = newer.has_environments() && newer.has_logs() && newer.has_queue();
            let has_all = has_all && newer.has_container_logs() && newer.ends_builds();
            assert!(has_all && newer.keeps_descriptions() && newer.supported().is_ok());
        }
        let error = Version::new(0, 23, 9).supported().unwrap_err();
        assert_eq!(error.to_string(), "Dokploy 0.23.9 is too old; update the server to 0.24.0 or newer");
        let oldest = Version::OLDEST.supported().unwrap();
        assert!(!oldest.has_environments() && !oldest.has_logs() && !oldest.has_queue());
        assert!(!oldest.has_container_logs() && !oldest.ends_builds() && !oldest.keeps_descriptions());
    }
}
