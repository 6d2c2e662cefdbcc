//! Names and descriptions that people read.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};

/// Dokploy has no limit of its own; a page that shows names does.
const MAX_NAME_CHARS: usize = 128;
const MAX_DESCRIPTION_CHARS: usize = 1000;

const NO_CONTROL: &str = "it must have no control character, nor one that turns the direction of writing";

/// The name of a project, an environment or an application: 1 to 128 characters, one at least that can be seen, none
/// that is a control character or turns the direction of writing, and no blank at the ends. Dokploy does not keep
/// names unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(Box<str>);

/// A description: up to 1000 characters, none that is a control character or turns the direction of writing. It may be
/// empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Description(Box<str>);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |reason| Err(Error::invalid("name", reason));
        if text.is_empty() || text.chars().nth(MAX_NAME_CHARS).is_some() {
            return invalid("it must have 1 to 128 characters");
        }
        if text.trim() != text {
            return invalid("it must not begin or end with a blank");
        }
        if !is_one_line(text) || text.contains(turns_direction) {
            return invalid(NO_CONTROL);
        }
        if text.chars().all(is_invisible) {
            return invalid("it must have a character that can be seen");
        }
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Description {
    /// Reads a description.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self> {
        if text.chars().nth(MAX_DESCRIPTION_CHARS).is_some() {
            return Err(Error::invalid("description", "it must have no more than 1000 characters"));
        }
        if !is_one_line(text) || text.contains(turns_direction) {
            return Err(Error::invalid("description", NO_CONTROL));
        }
        Ok(Self(text.into()))
    }

    /// The description.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text has neither a control character nor one of Unicode's own line ends.
pub(crate) fn is_one_line(text: &str) -> bool {
    !text.chars().any(|it| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}'))
}

/// Unicode's `Bidi_Control`: a text with one may read otherwise than it is.
fn turns_direction(it: char) -> bool {
    matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A blank, or one of Unicode's `Default_Ignorable_Code_Point`. Within a text some have a meaning, as in emoji that
/// are put together.
fn is_invisible(it: char) -> bool {
    it.is_whitespace()
        || matches!(it,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_write_as_they_like_on_one_line() {
        for name in [
            "ai-stack-alpha",
            "ai'stack-é😀",
            "a b",
            "x",
            "متجر",
            "👩\u{200d}💻",
            "❤\u{fe0f}",
            &"n".repeat(128),
        ] {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
        for bad in [
            "",
            " ",
            " a",
            "a ",
            "a\n",
            "a\nb",
            "a\0x",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{7f}",
            "\u{200b}",
            "\u{feff}",
            "\u{3164}",
            "\u{2800} \u{200d}\u{fe0f}",
            "abc\u{202e}txt",
            "a\u{200f}b",
            "a\u{2066}b\u{2069}",
            &"n".repeat(129),
        ] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Description::parse("").is_ok() && Description::parse(&"é".repeat(1000)).is_ok());
        for bad in ["a\nb", "\0", "a\u{202e}b", &"é".repeat(1001)] {
            assert!(Description::parse(bad).is_err(), "{bad:?}");
        }
    }
}
