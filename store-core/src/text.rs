//! What text may be stored: bounded, and without NUL, which not every database can hold.

use crate::error::{Error, Result};

/// Most bytes of a name: a user's, a key's, a session's.
pub const MAX_NAME: usize = 200;
/// Most bytes of other text: a path, a title, a message.
pub const MAX_TEXT: usize = 16 * 1024;

/// `text` if it is not empty and fits a name.
pub(crate) fn name(field: &'static str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::Invalid { field, reason: "is empty" });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::Invalid { field, reason: "holds a control character" });
    }
    bounded(field, text, MAX_NAME)
}

/// `text` if it fits.
pub(crate) fn text(field: &'static str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::Invalid { field, reason: "holds a NUL" });
    }
    bounded(field, text, MAX_TEXT)
}

fn bounded(field: &'static str, text: &str, most: usize) -> Result<()> {
    if text.len() > most { Err(Error::Invalid { field, reason: "is too long" }) } else { Ok(()) }
}

/// How names are compared: without regard to case.
pub(crate) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}
