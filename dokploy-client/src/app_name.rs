//! The name of an application's service.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};

/// Of a label in a host name, which a service's name is too.
const MAX_CHARS: usize = 63;

/// What Dokploy appends to the name of a new application: a hyphen and six random characters.
const SUFFIX_CHARS: usize = 7;

/// The name of an application's service: 1 to 63 of `a-z`, `0-9` and `-`, with no hyphen at the ends. It goes into
/// commands and file names on the server, where old versions check nothing. Names that others gave may have more:
/// capitals, `.` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AppName(Box<str>);

impl AppName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self> {
        let is_of_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let has_hyphen_at_end = text.starts_with('-') || text.ends_with('-');
        if text.is_empty() || text.len() > MAX_CHARS || !text.bytes().all(is_of_name) || has_hyphen_at_end {
            let reason = "it must be 1 to 63 of a-z, 0-9 and `-`, with no hyphen at the ends";
            return Err(Error::invalid("app name", reason));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Looks whether Dokploy's suffix still fits.
    pub(crate) fn with_room_for_suffix(&self) -> Result<()> {
        if self.0.len() + SUFFIX_CHARS > MAX_CHARS {
            let reason = "a new application's must have no more than 56 characters: Dokploy appends seven";
            return Err(Error::invalid("app name", reason));
        }
        Ok(())
    }
}

/// Looks whether a name that is stored on a server is the same in a command.
pub(crate) fn check_stored(text: &str) -> Result<()> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_plain = text.len() <= MAX_CHARS && text.bytes().all(is_of_name);
    if !is_plain || !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        let reason = "the stored one is not of up to 63 letters, digits and `-_.`, so it is not sent";
        return Err(Error::invalid("app name", reason));
    }
    Ok(())
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_command_reads_gets_in() {
        for name in ["a", "ai-stack-beta-xicshn", "1a", &"x".repeat(63)] {
            assert_eq!(AppName::parse(name).unwrap().as_str(), name);
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "Bad Name;rm -rf",
            "a;b",
            "a b",
            "a$b",
            "a`b",
            "a/b",
            "a.b",
            "a_b",
            "a\n",
            "é",
            &"x".repeat(64),
        ] {
            assert!(AppName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_stored_name_may_have_more() {
        for name in ["a", "My_App.web-1", "1A", "a-"] {
            assert!(check_stored(name).is_ok(), "{name}");
        }
        for bad in ["", "-a", ".a", "_a", "a b", "a;b", "$(a)", "a/b", "a\n", "é", &"x".repeat(64)] {
            assert!(check_stored(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_new_name_leaves_room_for_the_suffix() {
        let judge = |chars| AppName::parse(&"x".repeat(chars)).unwrap().with_room_for_suffix();
        assert!(judge(56).is_ok() && judge(57).is_err());
    }
}
