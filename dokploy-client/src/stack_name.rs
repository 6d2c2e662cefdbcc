//! The name that a person gives a stack.

use std::fmt;

use serde::Serialize;

use crate::error::Error;

const MIN_CHARS: usize = 3;
const MAX_CHARS: usize = 20;

/// The name of a stack: 3 to 20 of `a-z`, `0-9` and `-`, with no hyphen at the ends, none at the third and fourth
/// character together, and not a reserved one. So it is a label of a host that is read as it is written, and a part
/// of a service's name.
///
/// ```
/// use dokploy_client::{StackName, StackNameError};
///
/// let reserved = ["admin", "www"];
/// assert_eq!(StackName::parse("my-stack", &reserved)?.as_str(), "my-stack");
/// assert_eq!(StackName::parse("www", &reserved), Err(StackNameError::Reserved));
/// # Ok::<(), StackNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StackName(Box<str>);

/// Why a text is no [`StackName`]. It says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StackNameError {
    /// It has fewer than 3 characters.
    #[error("the name is too short; take 3 to 20 characters")]
    TooShort,
    /// It has more than 20 characters.
    #[error("the name is too long; take 3 to 20 characters")]
    TooLong,
    /// It has another character.
    #[error("the name may have only lower-case letters a-z, digits and hyphens")]
    BadCharacter,
    /// It begins or ends with a hyphen.
    #[error("the name must begin and end with a letter or a digit")]
    HyphenAtEnd,
    /// Its third and fourth character are hyphens, as in `xn--`: such a label of a host stands for letters of all the
    /// world, which may look like other names.
    #[error("the name must not have hyphens as both its third and fourth character")]
    HyphensInThirdPlace,
    /// It is kept for others.
    #[error("the name is reserved; take another")]
    Reserved,
}

impl StackName {
    /// Reads a name. Nothing is trimmed or changed to lower case: what was typed is what is deployed. Of the reserved
    /// names neither blanks around them nor capitals count.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, reserved: &[impl AsRef<str>]) -> Result<Self, StackNameError> {
        let is_of_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !text.bytes().all(is_of_name) {
            return Err(StackNameError::BadCharacter);
        }
        match text.len() {
            ..MIN_CHARS => Err(StackNameError::TooShort),
            MIN_CHARS..=MAX_CHARS if text.starts_with('-') || text.ends_with('-') => {
                Err(StackNameError::HyphenAtEnd)
            }
            MIN_CHARS..=MAX_CHARS if text[2..].starts_with("--") => Err(StackNameError::HyphensInThirdPlace),
            MIN_CHARS..=MAX_CHARS if reserved.iter().any(|name| is_same(name.as_ref(), text)) => {
                Err(StackNameError::Reserved)
            }
            MIN_CHARS..=MAX_CHARS => Ok(Self(text.into())),
            _ => Err(StackNameError::TooLong),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lists of reserved names are written by people.
fn is_same(reserved: &str, text: &str) -> bool {
    reserved.trim().eq_ignore_ascii_case(text)
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StackNameError> for Error {
    fn from(error: StackNameError) -> Self {
        Self::invalid("stack name", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RESERVED: [&str; 4] = ["admin", "Portal", " www2\n", ""];

    #[test]
    fn each_rule_has_its_error() {
        for (text, expected) in [
            ("abc", Ok(())),
            ("a-1", Ok(())),
            ("a--b", Ok(())),
            ("12345678901234567890", Ok(())),
            ("administrator", Ok(())),
            ("", Err(StackNameError::TooShort)),
            ("ab", Err(StackNameError::TooShort)),
            ("123456789012345678901", Err(StackNameError::TooLong)),
            ("-ab", Err(StackNameError::HyphenAtEnd)),
            ("ab-", Err(StackNameError::HyphenAtEnd)),
            ("ab--c", Err(StackNameError::HyphensInThirdPlace)),
            ("xn--dmin-43d", Err(StackNameError::HyphensInThirdPlace)),
            ("abc--d", Ok(())),
            ("Abc", Err(StackNameError::BadCharacter)),
            ("ab c", Err(StackNameError::BadCharacter)),
            ("abc\n", Err(StackNameError::BadCharacter)),
            ("a.b", Err(StackNameError::BadCharacter)),
            ("été", Err(StackNameError::BadCharacter)),
            ("admin", Err(StackNameError::Reserved)),
            ("portal", Err(StackNameError::Reserved)),
            ("www2", Err(StackNameError::Reserved)),
        ] {
            assert_eq!(StackName::parse(text, &RESERVED).map(|_| ()), expected, "{text:?}");
        }
    }

    #[test]
    fn its_error_becomes_the_crates() {
        let error = Error::from(StackName::parse("x", &RESERVED).unwrap_err());
        assert_eq!(error.to_string(), "stack name: the name is too short; take 3 to 20 characters");
    }

    proptest! {
        #[test]
        fn what_passes_is_a_label_of_a_host(text in "\\PC{0,24}|[a-z0-9-]{0,24}") {
            if let Ok(name) = StackName::parse(&text, &RESERVED) {
                let host = crate::Host::parse(&format!("{name}.example.test"));
                prop_assert!(host.is_ok(), "{name}");
                prop_assert!(crate::AppName::parse(name.as_str()).is_ok());
                prop_assert!(!name.as_str()[2..].starts_with("--"), "{name}");
            }
        }
    }
}
