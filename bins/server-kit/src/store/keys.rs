//! `/api/keys`: one's own API keys.

use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderName};
use serde::{Deserialize, Serialize};
use store_core::ApiKeyId;
use store_core::api_key::{ApiKey as Row, NewApiKey};
use utoipa::ToSchema;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes as one;
use uuid::Uuid;

use super::Directory;
use super::list::{At, List, Which};
use crate::auth::{Access, ApiKey, Entry, Identity, Json, Scope, Timestamp};
use crate::problem::{ErrorBody, Problem};

/// With a key only one of scope `admin` manages keys: a key can't make itself a stronger one.
pub(super) fn routes() -> Vec<(Access, UtoipaMethodRouter<Directory>)> {
    let access = Access::viewer(Scope::Admin);
    vec![(access, one!(list, create)), (access, one!(revoke))]
}

/// A key, without its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyBody {
    /// Its id; not the key.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key that was made. `Debug` is missing on purpose.
#[derive(Serialize, ToSchema)]
pub struct NewKeyAnswer {
    /// The key itself. It is shown this once.
    pub key: String,
    /// What is known of it from now on.
    #[serde(flatten)]
    pub about: KeyBody,
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKeyBody {
    /// What its owner calls it; 1 to 200 bytes.
    name: String,
    /// What it allows, at least one; not above the owner's role.
    scopes: Vec<Scope>,
    /// When it ends; never, unless set. RFC 3339.
    expires_at: Option<DateTime<Utc>>,
}

/// One's own keys, newest first, revoked ones too.
#[utoipa::path(get, path = "/api/keys", tag = "keys", params(Which), responses(
    (status = 200, body = List<KeyBody>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
async fn list(
    State(directory): State<Directory>,
    who: Identity,
    At(paging): At,
) -> Result<axum::Json<List<KeyBody>>, Problem> {
    Ok(List::of(directory.store.of(&who.user.into()).api_keys().list(paging).await?))
}

/// Make a key. Its text is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/keys", tag = "keys", request_body = NewKeyBody, responses(
    (status = 201, body = NewKeyAnswer), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "A scope is above the owner's role"),
))]
async fn create(
    State(directory): State<Directory>,
    who: Identity,
    Json(body): Json<NewKeyBody>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], axum::Json<NewKeyAnswer>), Problem> {
    let expires_at = check(&body, &who, directory.auth.now())?;
    let key = ApiKey::generate().map_err(Problem::internal)?;
    let scopes = body.scopes.into_iter().map(Into::into).collect();
    let new = NewApiKey { name: body.name, hash: key.digest().into(), scopes, expires_at };
    let about = KeyBody::from(directory.store.of(&who.user.into()).api_keys().create(new).await?);
    let names: Vec<&str> = about.scopes.iter().map(|scope| scope.as_str()).collect();
    let entry = Entry::by(who.user, "key.create", format!("key {}", about.id));
    directory.auth.record(entry.with("name", about.name.as_str()).with("scopes", names)).await;
    let answer = NewKeyAnswer { key: key.expose().to_owned(), about };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], axum::Json(answer)))
}

/// Revoke one of one's own keys.
#[utoipa::path(delete, path = "/api/keys/{id}", tag = "keys", params(("id" = String, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
async fn revoke(
    State(directory): State<Directory>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = ApiKeyId::parse(&id).map_err(|_| Problem::not_found())?;
    directory.store.of(&who.user.into()).api_keys().revoke(id).await?;
    directory.changed(Entry::by(who.user, "key.revoke", format!("key {id}"))).await;
    Ok(StatusCode::NO_CONTENT)
}

fn check(body: &NewKeyBody, who: &Identity, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    if body.scopes.is_empty() {
        return Err(Problem::invalid("scopes", "a key allows something"));
    }
    if body.scopes.iter().any(|scope| !who.role.allows(*scope)) {
        return Err(Problem::forbidden("a key allows no more than your role"));
    }
    match body.expires_at {
        Some(end) if end <= now => Err(Problem::invalid("expires_at", "a key ends in the future")),
        end => Ok(end),
    }
}

impl From<Row> for KeyBody {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.as_uuid(),
            name: row.name,
            scopes: row.scopes.into_iter().map(Scope::from).collect(),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}
