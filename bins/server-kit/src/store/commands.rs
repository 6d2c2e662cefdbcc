//! `user` and `key` on the command line, beside a running server.
//!
//! What a server holds open for somebody (streams, terminals) it checks now and then; its next request is judged by
//! what was changed here at once.

mod key;
mod user;

use std::io::Read;

use secrecy::SecretString;
use store_core::Store;
use store_core::user::User;

pub use key::KeyCommand;
pub use user::UserCommand;

use crate::auth::{Audit, Entry, MAX_PASSWORD, NoRandomness};
use crate::problem::Problem;

/// A command failed. What is said is for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such user.
    #[error("there is no user {0:?}")]
    NoUser(String),
    /// There is no such key.
    #[error("there is no key {0:?}; `key list` names them")]
    NoKey(String),
    /// The owner's role doesn't allow a scope.
    #[error("a key of a {role} can't have the scope {scope}")]
    Scope {
        /// The owner's role.
        role: &'static str,
        /// The scope that is above it.
        scope: &'static str,
    },
    /// The store says no.
    #[error(transparent)]
    Store(#[from] store_core::Error),
    /// The password can't be used.
    #[error("{}", .0.message())]
    Password(Problem),
    /// Standard input or output failed.
    #[error("standard input or output: {0}")]
    Io(#[from] std::io::Error),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

type Result<T, E = CommandError> = std::result::Result<T, E>;

async fn user_of(store: &Store, name: &str) -> Result<User> {
    match store.system().users().by_name(name).await {
        Err(store_core::Error::NotFound) => Err(CommandError::NoUser(name.to_owned())),
        found => Ok(found?),
    }
}

/// Writes down that the operator did this.
async fn record(store: &Store, entry: Entry) {
    let action = entry.action;
    if let Err(error) = Audit::record(store, entry).await {
        tracing::error!(action, error = &error as &dyn std::error::Error, "the audit can't be written");
    }
}

/// A password from standard input: all of it, without the line end.
fn read_password(input: impl Read) -> Result<SecretString> {
    let mut text = String::new();
    input.take(MAX_PASSWORD as u64 + 3).read_to_string(&mut text)?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_password_is_read_without_its_line_end() {
        for (input, expected) in
            [("a b\n", "a b"), ("a\r\n", "a"), ("a", "a"), (" a \n\n", " a \n"), ("", "")]
        {
            assert_eq!(read_password(input.as_bytes()).unwrap().expose_secret(), expected);
        }
        let long = "x".repeat(1 << 20);
        assert!(read_password(long.as_bytes()).unwrap().expose_secret().len() > MAX_PASSWORD);
    }
}
