//! The routes under `/auth`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes as one;

use super::login::Session;
use super::{Access, Account, Auth, Identity, Json, Password, Role, Scope, UserId};
use crate::peer::Peer;
use crate::problem::{ErrorBody, Problem};

/// Most bytes of a user's name.
const MAX_NAME: usize = 200;

/// The routes, each with who may call it. `login`, `refresh` and `logout` read what they need themselves.
#[must_use]
pub fn routes() -> Vec<(Access, UtoipaMethodRouter<Auth>)> {
    vec![
        (Access::Public, one!(login)),
        (Access::Public, one!(refresh)),
        (Access::Public, one!(logout)),
        (Access::viewer(Scope::Read), one!(me)),
        (Access::viewer(Scope::Admin), one!(password)),
    ]
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LoginBody {
    /// Its name, in whatever case.
    username: String,
    /// 1 to 1024 bytes.
    #[serde(deserialize_with = "super::secret_field::secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// A change of the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordBody {
    /// The password as it is.
    #[serde(deserialize_with = "super::secret_field::secret")]
    #[schema(value_type = String, format = Password)]
    current: SecretString,
    /// The password as it shall be: 1 to 1024 bytes.
    #[serde(deserialize_with = "super::secret_field::secret")]
    #[schema(value_type = String, format = Password)]
    new: SecretString,
}

/// An access token. The refresh token is in the cookie. `Debug` is missing on purpose.
#[derive(Serialize, ToSchema)]
pub struct LoginAnswer {
    /// For `Authorization: Bearer`.
    pub token: String,
    /// When the token ends; RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// Who signed in.
    pub user: UserBody,
}

/// A user, as everybody sees itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserBody {
    /// Its id, for good.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// Sign in.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = LoginBody, responses(
    (status = 200, body = LoginAnswer, description = "Signed in; the refresh token is in a cookie"),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody, description = "Wrong name or password"),
    (status = 429, body = ErrorBody, description = "Too many failures: wait for Retry-After"),
))]
async fn login(
    State(auth): State<Auth>,
    from: Peer,
    Json(body): Json<LoginBody>,
) -> Result<Response, Problem> {
    let name = body.username;
    if name.trim().is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Problem::invalid("username", "a name has 1 to 200 bytes and no control characters"));
    }
    let password = Password::parse(body.password, "password")?;
    let session = auth.log_in(&name, &password, from).await?;
    Ok(answer(&auth, session))
}

/// Get a new access token by the cookie of a login. Each refresh token counts once.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", responses(
    (status = 200, body = LoginAnswer, description = "A new token; the cookie is replaced"),
    (status = 401, body = ErrorBody, description = "Sign in again"),
))]
async fn refresh(State(auth): State<Auth>, from: Peer, headers: HeaderMap) -> Response {
    match auth.refresh(&headers, from).await {
        Ok(session) => answer(&auth, session),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => without_cookie(&auth, problem),
        Err(problem) => problem.into_response(),
    }
}

/// Sign out: the login ends, with its access tokens.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", responses(
    (status = 204, description = "Signed out"), (status = 401, body = ErrorBody, description = "Nobody was signed in"),
))]
async fn logout(State(auth): State<Auth>, from: Peer, headers: HeaderMap) -> Response {
    match auth.log_out(&headers, from).await {
        Ok(()) => without_cookie(&auth, StatusCode::NO_CONTENT),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => without_cookie(&auth, problem),
        Err(problem) => problem.into_response(),
    }
}

/// Who asks.
#[utoipa::path(get, path = "/auth/me", tag = "auth", responses(
    (status = 200, body = UserBody), (status = 401, body = ErrorBody),
))]
async fn me(who: Identity) -> axum::Json<UserBody> {
    axum::Json(UserBody { id: who.user, name: who.name, role: who.role })
}

/// Change the own password. All logins end; this one goes on with the token and the cookie of the answer.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = PasswordBody, responses(
    (status = 200, body = LoginAnswer, description = "Changed"),
    (status = 400, body = ErrorBody, description = "`current` is wrong, or `new` can't be used"),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 429, body = ErrorBody),
))]
async fn password(
    State(auth): State<Auth>,
    who: Identity,
    from: Peer,
    Json(body): Json<PasswordBody>,
) -> Result<Response, Problem> {
    let current = Password::parse(body.current, "current")?;
    let new = Password::parse(body.new, "new")?;
    let session = auth.change_password(&who, (&current, &new), from).await?;
    Ok(answer(&auth, session))
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

fn answer(auth: &Auth, session: Session) -> Response {
    let body = LoginAnswer {
        token: session.access.text.expose_secret().to_owned(),
        expires_at: session.access.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        user: session.account.into(),
    };
    with_cookie(auth.shared.cookies.set(&session.refresh), axum::Json(body))
}

fn without_cookie(auth: &Auth, answer: impl IntoResponse) -> Response {
    with_cookie(auth.shared.cookies.clear(), answer)
}

fn with_cookie(cookie: Option<HeaderValue>, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

impl From<Account> for UserBody {
    fn from(account: Account) -> Self {
        Self { id: account.id, name: account.name, role: account.role }
    }
}
