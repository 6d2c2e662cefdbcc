//! Who did what.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{AccountsError, UserId};
use crate::peer::Peer;

/// Keeps entries for good.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Adds an entry.
    async fn record(&self, entry: Entry) -> Result<(), AccountsError>;
}

/// An entry to be added.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who: a user's id, `nobody`, `system` or `cli`.
    pub actor: String,
    /// Did what: `login.ok`, `user.create`.
    pub action: &'static str,
    /// To what.
    pub subject: String,
    /// Anything more; no secret.
    pub detail: Value,
}

impl Entry {
    /// A user did this to its own account.
    pub(crate) fn own(user: UserId, action: &'static str) -> Self {
        Self::by(user, action, format!("user {user}"))
    }

    /// A user did this.
    pub(crate) fn by(user: UserId, action: &'static str, subject: String) -> Self {
        Self { actor: user.to_string(), action, subject, detail: json!({}) }
    }

    /// The server did this.
    pub(crate) fn system(action: &'static str, subject: String) -> Self {
        Self { actor: "system".to_owned(), action, subject, detail: json!({}) }
    }

    /// The operator did this on the command line.
    #[cfg(feature = "store")]
    pub(crate) fn cli(action: &'static str, subject: String) -> Self {
        Self { actor: "cli".to_owned(), action, subject, detail: json!({}) }
    }

    /// Somebody unknown did this.
    pub(crate) fn nobody(action: &'static str, subject: impl Into<String>) -> Self {
        Self { actor: "nobody".to_owned(), action, subject: subject.into(), detail: json!({}) }
    }

    /// Where it came from.
    pub(crate) fn from(self, peer: Peer) -> Self {
        self.with("from", peer.0.to_string())
    }

    /// Anything more.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail[name] = value.into();
        self
    }
}
