//! A server's routes behind a guard, over a store in memory, with a clock that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use ring::hmac;
use serde_json::{Value, json};
use server_kit::auth::{
    self, Access, Auth, Authenticate, Clock, Cost, Identity, JwtSecrets, Role, TokenTtl, Tokens,
};
use server_kit::peer::Peer;
use server_kit::store::{self, Directory};
use store_core::Store;
use store_core::user::{NewUser, User};
use tower::ServiceExt;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};

pub(crate) const SECRET: &str = "p7Hq2mVx9TzLw4Rk8Nc1Yb6Js3Fd5Ga0";
pub(crate) const PASSWORD: &str = "correct horse";
const START: u64 = 1_800_000_000;

pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) auth: Auth,
    router: Router,
    ahead: Arc<AtomicI64>,
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// Somebody who signed in.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) token: String,
    pub(crate) cookie: String,
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::with_secrets(SECRET).await
    }

    pub(crate) async fn with_secrets(secrets: &str) -> Self {
        Self::made(secrets, Cost::new(64, 1).unwrap()).await
    }

    /// With hashes that cost as much as this; as little as may be, unless set.
    pub(crate) async fn with_cost(cost: Cost) -> Self {
        Self::made(SECRET, cost).await
    }

    async fn made(secrets: &str, cost: Cost) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        let store = Store::builder("sqlite::memory:").clock(clock(&ahead)).open().await.unwrap();
        Self::over(store, secrets, cost, ahead)
    }

    /// The same store behind a server that was started anew, with these secrets.
    pub(crate) fn restarted(&self, secrets: &str) -> Self {
        self.restarted_with(secrets, Cost::new(64, 1).unwrap())
    }

    /// As [`App::restarted`], with hashes of another cost.
    pub(crate) fn restarted_with(&self, secrets: &str, cost: Cost) -> Self {
        Self::over(self.store.clone(), secrets, cost, self.ahead.clone())
    }

    fn over(store: Store, secrets: &str, cost: Cost, ahead: Arc<AtomicI64>) -> Self {
        let secrets = JwtSecrets::parse(&secrets.into(), "JWT_SECRET").unwrap();
        let tokens = Tokens::new(&secrets, TokenTtl::default(), clock(&ahead));
        let auth = Auth::builder(Arc::new(store.clone()), tokens).password_cost(cost).build();
        let router = router(&store, &auth);
        Self { store, auth, router, ahead }
    }

    /// Moves the wall clock.
    pub(crate) fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> u64 {
        let since = (clock(&self.ahead))().duration_since(UNIX_EPOCH).unwrap();
        since.as_secs()
    }

    pub(crate) async fn user(&self, name: &str, role: Role) -> User {
        let password = auth::Password::parse(PASSWORD.into(), "password").unwrap();
        let password_hash = self.auth.passwords().hash(&password).await.unwrap().into();
        let new = NewUser { name: name.to_owned(), password_hash, role: role.into() };
        self.store.system().users().create(new).await.unwrap()
    }

    pub(crate) async fn sign_in(&self, name: &str) -> SignedIn {
        let reply = self.log_in(name, PASSWORD).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        reply.signed_in()
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str) -> Reply {
        self.log_in_from("192.0.2.1", name, password).await
    }

    pub(crate) async fn log_in_from(&self, address: &str, name: &str, password: &str) -> Reply {
        let body = json!({"username": name, "password": password});
        self.ask("POST /auth/login").from(address).json(&body).await
    }

    pub(crate) async fn me(&self, token: &str) -> Reply {
        self.ask("GET /auth/me").bearer(token).send().await
    }

    /// `METHOD /path`
    pub(crate) fn ask(&self, line: &str) -> Ask<'_> {
        let (method, path) = line.split_once(' ').unwrap();
        let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        Ask { app: self, request }.from("192.0.2.1")
    }
}

/// A request to be sent.
pub(crate) struct Ask<'a> {
    app: &'a App,
    request: http::request::Builder,
}

impl Ask<'_> {
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.request = self.request.extension(Peer(address.parse().unwrap()));
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &[u8]) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {token}").as_bytes())
    }

    pub(crate) fn cookie(self, cookie: &str) -> Self {
        self.header(COOKIE.as_str(), cookie.as_bytes())
    }

    pub(crate) async fn send(self) -> Reply {
        self.finish(Body::empty()).await
    }

    pub(crate) async fn json(self, body: &Value) -> Reply {
        self.text(body.to_string()).await
    }

    pub(crate) async fn text(self, body: impl Into<Body>) -> Reply {
        self.header(CONTENT_TYPE.as_str(), b"application/json").finish(body.into()).await
    }

    async fn finish(self, body: Body) -> Reply {
        let response = self.app.router.clone().oneshot(self.request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

impl Reply {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn signed_in(&self) -> SignedIn {
        SignedIn { token: self.body["token"].as_str().unwrap().to_owned(), cookie: self.cookie() }
    }

    /// `name=value` of the cookie that is set.
    pub(crate) fn cookie(&self) -> String {
        let set = self.headers[SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

/// The parts of a token as JSON.
pub(crate) fn read(token: &str) -> (Value, Value) {
    let part = |part: &str| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let mut parts = token.split('.');
    (part(parts.next().unwrap()), part(parts.next().unwrap()))
}

/// A token of these texts, signed with this secret by HMAC-SHA-256.
pub(crate) fn sign(header: &str, claims: &str, secret: &str) -> String {
    let (header, claims) = (BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let message = format!("{header}.{claims}");
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn clock(ahead: &Arc<AtomicI64>) -> Clock {
    let ahead = ahead.clone();
    Arc::new(move || -> SystemTime {
        let seconds = START.saturating_add_signed(ahead.load(Ordering::Relaxed));
        UNIX_EPOCH + Duration::from_secs(seconds)
    })
}

fn router(store: &Store, auth: &Auth) -> Router {
    let directory = Directory::new(store.clone(), auth.clone());
    let ours = auth::routes().into_iter().map(|(access, route)| (access, route.with_state(auth.clone())));
    let directory =
        store::routes().into_iter().map(|(access, route)| (access, route.with_state(directory.clone())));
    let all: OpenApiRouter =
        ours.chain(directory).fold(OpenApiRouter::default(), |router, (access, route)| {
            let guard = middleware::from_fn_with_state((auth.clone(), access), guard);
            let route: UtoipaMethodRouter = route.layer(guard);
            router.routes(route)
        });
    all.into()
}

/// Stands before a route, as the server's guard does.
async fn guard(State((auth, access)): State<(Auth, Access)>, mut request: Request, next: Next) -> Response {
    if access == Access::Public {
        return next.run(request).await;
    }
    match auth.authenticate(request.headers()).await {
        Ok(who) if who.may(access) => {
            request.extensions_mut().insert::<Identity>(who);
            next.run(request).await
        }
        Ok(_) => server_kit::problem::Problem::forbidden("not allowed").into_response(),
        Err(problem) => problem.into_response(),
    }
}
