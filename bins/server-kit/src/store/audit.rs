//! `/api/audit`: who did what, for admins.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use store_core::audit::AuditEntry;
use utoipa::ToSchema;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes as one;

use super::Directory;
use super::list::{At, List, Which};
use crate::auth::Access;
use crate::problem::{ErrorBody, Problem};

pub(super) fn routes() -> Vec<(Access, UtoipaMethodRouter<Directory>)> {
    vec![(Access::admin(), one!(list))]
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
struct EntryBody {
    /// Its number; later ones are larger.
    seq: u64,
    /// When.
    at: DateTime<Utc>,
    /// Who: a user's id, `nobody`, `system` or `cli`.
    actor: String,
    /// Did what.
    action: String,
    /// To what.
    subject: String,
    /// Anything more.
    #[schema(value_type = Object)]
    detail: Value,
}

/// Who did what, newest first.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(Which), responses(
    (status = 200, body = List<EntryBody>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
async fn list(
    State(directory): State<Directory>,
    At(paging): At,
) -> Result<axum::Json<List<EntryBody>>, Problem> {
    Ok(List::of(directory.store.system().audit().list(paging).await?))
}

impl From<AuditEntry> for EntryBody {
    fn from(entry: AuditEntry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            subject: entry.subject,
            detail: entry.detail,
        }
    }
}
