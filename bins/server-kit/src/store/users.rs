//! `/api/users`: for admins.

use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store_core::user::{self, NewUser, User};
use utoipa::ToSchema;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes as one;

use super::Directory;
use super::list::{At, List, Which};
use crate::auth::{Access, Entry, Identity, Json, Password, Role, UserId, secret, secret_or_none};
use crate::problem::{ErrorBody, Problem};

pub(super) fn routes() -> Vec<(Access, UtoipaMethodRouter<Directory>)> {
    vec![(Access::admin(), one!(list, create)), (Access::admin(), one!(change, delete))]
}

/// A user, as admins see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountBody {
    /// Its id, for good.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may not sign in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUserBody {
    /// Unique without regard to case; 1 to 200 bytes.
    name: String,
    /// What it may do.
    role: Role,
    /// 1 to 1024 bytes.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// What is to be changed of a user; all else stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    /// What it may do.
    role: Option<Role>,
    /// Whether it may not sign in. Its logins end.
    disabled: Option<bool>,
    /// A new password. Its logins end.
    #[serde(default, deserialize_with = "secret_or_none")]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
}

/// All users, newest first.
#[utoipa::path(get, path = "/api/users", tag = "users", params(Which), responses(
    (status = 200, body = List<AccountBody>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
async fn list(
    State(directory): State<Directory>,
    At(paging): At,
) -> Result<axum::Json<List<AccountBody>>, Problem> {
    Ok(List::of(directory.store.system().users().list(paging).await?))
}

/// Make a user.
#[utoipa::path(post, path = "/api/users", tag = "users", request_body = NewUserBody, responses(
    (status = 201, body = AccountBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody, description = "The name is taken"),
))]
async fn create(
    State(directory): State<Directory>,
    who: Identity,
    Json(body): Json<NewUserBody>,
) -> Result<(StatusCode, axum::Json<AccountBody>), Problem> {
    let password = Password::parse(body.password, "password")?;
    let hash = directory.auth.passwords().hash(&password).await?;
    let new = NewUser { name: body.name, password_hash: hash.into(), role: body.role.into() };
    let made = AccountBody::from(directory.store.system().users().create(new).await?);
    let entry = directory.about(&who, "user.create", made.id);
    directory.auth.record(entry.with("name", made.name.as_str()).with("role", made.role.as_str())).await;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Change a user's role or password, or disable or enable it.
#[utoipa::path(patch, path = "/api/users/{id}", tag = "users", params(("id" = String, Path)),
    request_body = ChangeBody, responses(
    (status = 200, body = AccountBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "It is the last admin"),
))]
async fn change(
    State(directory): State<Directory>,
    who: Identity,
    Path(id): Path<String>,
    Json(body): Json<ChangeBody>,
) -> Result<axum::Json<AccountBody>, Problem> {
    let id = parse(&id)?;
    let users = directory.store.system().users();
    let password = body.password.map(|text| Password::parse(text, "password")).transpose()?;
    users.get(id.into()).await?; // unknown before a hash is paid for
    if let Some(role) = body.role {
        users.set_role(id.into(), role.into()).await?;
        let entry = directory.about(&who, "user.role", id).with("role", role.as_str());
        directory.changed(entry).await;
    }
    if let Some(disabled) = body.disabled {
        let access = if disabled { user::Access::Disabled } else { user::Access::Enabled };
        users.set_access(id.into(), access).await?;
        directory
            .changed(directory.about(&who, if disabled { "user.disable" } else { "user.enable" }, id))
            .await;
    }
    if let Some(password) = password {
        let hash = directory.auth.passwords().hash(&password).await?;
        users.set_password(id.into(), hash.into()).await?;
        directory.changed(directory.about(&who, "user.password", id)).await;
    }
    Ok(axum::Json(users.get(id.into()).await?.into()))
}

/// Delete a user and all it owns.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "users", params(("id" = String, Path)), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody, description = "It is the last admin"),
))]
async fn delete(
    State(directory): State<Directory>,
    who: Identity,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = parse(&id)?;
    let users = directory.store.system().users();
    let name = users.get(id.into()).await?.name;
    users.delete(id.into()).await?;
    directory.changed(directory.about(&who, "user.delete", id).with("name", name)).await;
    Ok(StatusCode::NO_CONTENT)
}

impl Directory {
    /// Somebody who was let in may count no more: says so, and writes down who did it.
    pub(super) async fn changed(&self, entry: Entry) {
        self.auth.changed();
        self.auth.record(entry).await;
    }

    fn about(&self, who: &Identity, action: &'static str, user: UserId) -> Entry {
        Entry::by(who.user, action, format!("user {user}"))
    }
}

/// What is no id is nobody's.
fn parse(id: &str) -> Result<UserId, Problem> {
    store_core::UserId::parse(id).map(UserId::from).map_err(|_| Problem::not_found())
}

impl From<User> for AccountBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.into(),
            name: user.name,
            role: user.role.into(),
            disabled: user.disabled,
            created_at: user.created_at,
        }
    }
}
