//! Who the tests are: `Bearer viewer`, `Bearer user`, `Bearer admin`, `x-api-key: read`, `x-api-key: chat`.

use async_trait::async_trait;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use server_kit::auth::{Authenticate, Digest, Identity, Proof, Role, Scope, UserId};
use server_kit::problem::Problem;
use tokio::sync::watch;
use uuid::Uuid;

pub(super) struct Stub;

#[async_trait]
impl Authenticate for Stub {
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let token = text(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
        let key = text("x-api-key");
        match (token, key) {
            (Some("viewer"), None) => Ok(by_token(1, "vera", Role::Viewer)),
            (Some("user"), None) => Ok(user()),
            (Some("admin"), None) => Ok(by_token(3, "ada", Role::Admin)),
            (None, Some("read")) => Ok(by_key(Scope::Read)),
            (None, Some("chat")) => Ok(by_key(Scope::Chat)),
            _ => Err(Problem::unauthorized("sign in")),
        }
    }

    async fn still_counts(&self, _: &Identity) -> bool {
        true
    }

    fn changes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

/// Who `Bearer user` is.
pub(crate) fn user() -> Identity {
    by_token(2, "uma", Role::User)
}

fn by_token(id: u128, name: &str, role: Role) -> Identity {
    let proof = Proof::Token { jti: id.to_string(), exp: u64::MAX };
    Identity { user: UserId::new(Uuid::from_u128(id)), name: name.to_owned(), role, proof }
}

fn by_key(scope: Scope) -> Identity {
    Identity {
        proof: Proof::Key { scopes: vec![scope], digest: Digest::of(&"x".into()) },
        ..by_token(3, "ada", Role::Admin)
    }
}
