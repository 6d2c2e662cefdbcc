//! Who did what: entries are added, never changed or deleted.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::page::{Page, Paging};
use crate::store::{Store, on};
use crate::text;

/// Most bytes of an entry's detail, as JSON.
pub const MAX_DETAIL: usize = 64 * 1024;

/// An entry.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Its number; later ones are larger.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who: a user's id, or `system`.
    pub actor: String,
    /// Did what: `user.create`, `approval.decide`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// Anything more.
    pub detail: Value,
}

/// An entry to be added.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// Who: a user's id, or `system`.
    pub actor: String,
    /// Did what.
    pub action: String,
    /// To what.
    pub subject: String,
    /// Anything more; no secret. At most [`MAX_DETAIL`] bytes as JSON.
    pub detail: Value,
}

/// All entries.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    pub(crate) store: &'a Store,
}

impl Audit<'_> {
    /// Adds an entry and gives its number.
    ///
    /// # Errors
    /// [`Invalid`](Error::Invalid).
    pub async fn append(self, new: NewAuditEntry) -> Result<u64> {
        text::name("actor", &new.actor)?;
        text::name("action", &new.action)?;
        text::text("subject", &new.subject)?;
        let detail = new.detail.to_string();
        if detail.len() > MAX_DETAIL {
            return Err(Error::Invalid { field: "detail", reason: "is too long" });
        }
        let now = self.store.now();
        on!(self.store, db => db.append_audit(new, detail, now).await)
    }

    /// All entries, newest first.
    ///
    /// # Errors
    /// [`Invalid`](Error::Invalid) for a cursor of another list.
    pub async fn list(self, paging: Paging) -> Result<Page<AuditEntry>> {
        on!(self.store, db => db.audit(paging).await)
    }
}
