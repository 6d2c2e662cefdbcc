//! What sign-in asks of whoever keeps the accounts.

use async_trait::async_trait;
use http::StatusCode;
use uuid::Uuid;

use super::{Digest, Role, Scope, StoredPassword, Timestamp, UserId};
use crate::problem::{Problem, Source};

type Result<T, E = AccountsError> = std::result::Result<T, E>;

/// Users and their API keys.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// A user, be it disabled or not.
    async fn account(&self, which: Find<'_>) -> Result<Option<Account>>;

    /// The key of this hash, be it valid or not.
    async fn key(&self, hash: Digest) -> Result<Option<Key>>;

    /// Notes that a key was used now.
    async fn touch_key(&self, id: Uuid) -> Result<()>;

    /// Changes a password and ends all logins of the user.
    async fn set_password(&self, user: UserId, new: StoredPassword) -> Result<()>;

    /// Puts a stronger hash of the same password in place of `old`, if that is still there. Logins go on.
    async fn rehash(&self, user: UserId, old: StoredPassword, new: StoredPassword) -> Result<()>;

    /// Whether there is any user.
    async fn any(&self) -> Result<bool>;

    /// Makes an admin.
    async fn create_admin(&self, name: &str, password: StoredPassword) -> Result<UserId>;
}

/// Logins: families of refresh tokens, of which only the newest counts, and the access tokens they vouch for.
#[async_trait]
pub trait Logins: Send + Sync {
    /// Begins a login with its first refresh token. It ends at `until`, however often that is rotated.
    async fn begin(&self, user: UserId, refresh: Digest, until: Timestamp) -> Result<LoginId>;

    /// Puts a new refresh token in the old one's place. Of two calls at once one rotates, the other is a reuse.
    async fn rotate(&self, old: Digest, new: Digest) -> Result<Rotation>;

    /// Ends a login: neither its refresh token nor its access tokens count from now on.
    async fn end(&self, login: LoginId) -> Result<()>;

    /// Revokes an access token, which ends by itself at `until`.
    async fn revoke(&self, jti: &str, until: Timestamp) -> Result<()>;

    /// Whether an access token counts: its login is `user`'s and has not ended, and it was not revoked.
    async fn vouches(&self, login: LoginId, user: UserId, jti: &str) -> Result<bool>;
}

/// Which user is looked for.
#[derive(Debug, Clone, Copy)]
pub enum Find<'a> {
    /// By name, without regard to case.
    Name(&'a str),
    /// By id.
    Id(UserId),
}

/// A user, as the accounts know it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id, for good.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may not sign in.
    pub disabled: bool,
    /// To verify its password against.
    pub password: StoredPassword,
}

/// An API key, as the accounts know it.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its id; not the key.
    pub id: Uuid,
    /// Whom it stands for.
    pub owner: UserId,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A login: what begins with a password and lives by refreshing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoginId(Uuid);

impl LoginId {
    /// From the id that the accounts gave.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// As the accounts know it.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// The id of a new access token of this login, which it names, so that the token ends with it.
    pub(crate) fn jti(self) -> String {
        format!("{}.{}", self.0, Uuid::new_v4())
    }

    /// The login that the id of an access token names.
    pub(crate) fn of(jti: &str) -> Option<Self> {
        let (login, _) = jti.split_once('.')?;
        Uuid::try_parse(login).ok().map(Self)
    }
}

/// What became of a refresh token that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was the newest; the new one counts from now on.
    Rotated {
        /// The login.
        login: LoginId,
        /// Whose it is.
        user: UserId,
    },
    /// It was used before, so it was stolen, from or by who shows it: the login has ended.
    Reused {
        /// Whose it was.
        user: UserId,
    },
    /// Never known, expired, or of a login that has ended.
    Unknown,
}

/// The accounts failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// A value can't be used.
    #[error("{field} {reason}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No space is left.
    #[error("no space is left for the accounts")]
    Full,
    /// They can't be asked.
    #[error("the accounts can't be asked")]
    Unavailable(#[source] Source),
}

impl AccountsError {
    /// From what lies below.
    pub fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(std::sync::Arc::new(source))
    }
}

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Invalid { field, reason } => Self::invalid(field, format!("{field} {reason}")),
            AccountsError::Full => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "the server's disk is full")
            }
            AccountsError::Unavailable(_) => {
                Self::unavailable("the accounts can't be asked now").because(error)
            }
        }
    }
}
