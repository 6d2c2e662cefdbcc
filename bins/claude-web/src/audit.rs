//! The audit: who did what. Entries are only ever added.

use store_core::Store;
use store_core::audit::NewAuditEntry;

/// Who acts where nobody does.
pub(crate) const SYSTEM: &str = "system";

/// Adds an entry that nothing waits for. Where it can't be added, the log says so.
pub(crate) async fn note(store: &Store, entry: NewAuditEntry) {
    let action = entry.action.clone();
    if let Err(error) = store.system().audit().append(entry).await {
        tracing::error!(action, error = &error as &dyn std::error::Error, "the audit can't be added to");
    }
}
