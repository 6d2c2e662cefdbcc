//! Who asks: users, tokens, keys.
//!
//! - [`Auth`] signs people in and tells who asks. It keeps nothing itself: users, keys and logins are behind
//!   [`Accounts`] and [`Logins`], what happened goes to [`Audit`]; the feature `store` has all three.
//! - An access token ([`Tokens`]) is short-lived and says who; what somebody may do is read from the accounts
//!   at each request. It belongs to a login and dies with it.
//! - A login is a family of refresh tokens: each counts once, and one that is shown again ends the login.
//! - An [`ApiKey`] stands for its owner until it is revoked, within its scopes.
//! - [`Tickets`] stand for somebody once, for seconds: for sockets of browsers, which can't send headers.
//! - [`Password`]s are hashed with Argon2id, two at a time; who guesses is slowed down by [`throttle`].

mod accounts;
mod api_key;
mod audit;
mod authenticate;
mod cookie;
mod credentials;
mod digest;
mod failure;
mod first_admin;
mod identity;
mod login;
mod password;
pub(crate) mod random;
mod routes;
mod secret;
mod secret_field;
mod signed_out;
pub mod throttle;
mod tickets;
mod tokens;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use tokio::sync::watch;

pub(crate) use crate::json::Json;
pub use accounts::{Account, Accounts, AccountsError, Find, Key, LoginId, Logins, Rotation};
pub use api_key::ApiKey;
pub use audit::{Audit, Entry};
pub use digest::Digest;
pub use first_admin::FirstAdmin;
pub use identity::{Access, Identity, Proof, Role, Scope, UserId};
pub use login::REFRESH_DAYS;
pub use password::{Cost, MAX_PASSWORD, Password, Passwords, StoredPassword};
pub use random::NoRandomness;
pub use routes::{LoginAnswer, UserBody, routes};
pub use secret::{JwtSecrets, Origin, SecretError, SecretSource, Weakness};
#[cfg(feature = "store")]
pub(crate) use secret_field::{secret, secret_or_none};
pub use signed_out::signed_out;
pub use tickets::{Issued, Tickets, ticket_of};
pub use tokens::{BadTtl, MAX_TOKEN, TokenTtl, Tokens};

use crate::problem::Problem;
use cookie::Cookies;
use throttle::Throttle;

/// Where wall time comes from; tests hand in their own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A point in time, in UTC.
pub type Timestamp = DateTime<Utc>;

/// Tells who asks. [`Auth`] is the one of our servers; tests bring their own.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// Who asks, by `Authorization: Bearer` (token or key) or `x-api-key` (key), checked against the accounts.
    ///
    /// # Errors
    /// 401 if nobody who counts; 503 if the accounts can't be asked.
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Identity, Problem>;

    /// Whether somebody who was let in before still is who it was, with the same role: for streams that stay open.
    async fn still_counts(&self, who: &Identity) -> bool;

    /// Changes whenever something was revoked or demoted here: time to ask [`Authenticate::still_counts`].
    fn changes(&self) -> watch::Receiver<u64>;
}

/// Signs people in and tells who asks, by the accounts. Clones share all.
#[derive(Clone)]
pub struct Auth {
    shared: Arc<Shared>,
}

struct Shared {
    accounts: Arc<dyn Accounts>,
    logins: Arc<dyn Logins>,
    audit: Arc<dyn Audit>,
    tokens: Tokens,
    passwords: Passwords,
    throttle: Throttle,
    cookies: Cookies,
    changes: watch::Sender<u64>,
}

/// Makes an [`Auth`].
#[must_use]
pub struct Builder {
    shared: Shared,
}

impl Auth {
    /// On these accounts (feature `store`: an `Arc<Store>`), with these tokens and their clock.
    pub fn builder<P>(ports: Arc<P>, tokens: Tokens) -> Builder
    where
        P: Accounts + Logins + Audit + 'static,
    {
        let shared = Shared {
            accounts: ports.clone(),
            logins: ports.clone(),
            audit: ports,
            tokens,
            passwords: Passwords::new(Cost::default()),
            throttle: Throttle::default(),
            cookies: Cookies::PLAIN,
            changes: watch::Sender::new(0),
        };
        Builder { shared }
    }

    /// Tells all who hold streams open that somebody may count no more, or for less.
    pub fn changed(&self) {
        self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Hashes and verifies passwords.
    #[must_use]
    pub fn passwords(&self) -> &Passwords {
        &self.shared.passwords
    }

    /// The time, by the clock of the tokens.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.tokens.now()
    }

    /// Adds to the audit. What can't be written there goes to the log: the deed is done.
    pub(crate) async fn record(&self, entry: Entry) {
        let action = entry.action;
        if let Err(error) = self.shared.audit.record(entry).await {
            tracing::error!(action, error = &error as &dyn std::error::Error, "the audit can't be written");
        }
    }
}

impl Builder {
    /// The server is reached by https: the refresh cookie is `Secure` and `__Host-`.
    pub fn behind_https(mut self) -> Self {
        self.shared.cookies = Cookies::SECURE;
        self
    }

    /// What a hash of a password costs; [`Cost::default`] unless set.
    pub fn password_cost(mut self, cost: Cost) -> Self {
        self.shared.passwords = Passwords::new(cost);
        self
    }

    /// How much guessing is let through; the defaults of [`throttle::Limits`] unless set.
    pub fn throttle(mut self, change: impl FnOnce(&mut throttle::Limits)) -> Self {
        let mut limits = throttle::Limits::default();
        change(&mut limits);
        self.shared.throttle = Throttle::new(limits);
        self
    }

    /// Makes it.
    #[must_use]
    pub fn build(self) -> Auth {
        Auth { shared: Arc::new(self.shared) }
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}
