//! API keys: by their hash only.

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::error::Result;
use crate::id::{ApiKeyId, UserId};
use crate::page::{Page, Paging};
use crate::store::{Store, on};
use crate::text;

/// What a key allows; never above its owner's role, which the caller checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Reading.
    Read,
    /// Chat turns.
    Chat,
    /// Claude Code runs.
    Claude,
    /// Administration.
    Admin,
}

impl Scope {
    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Chat => "chat",
            Self::Claude => "claude",
            Self::Admin => "admin",
        }
    }

    /// Reads what [`Scope::as_str`] gives.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Read, Self::Chat, Self::Claude, Self::Admin].into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A key's row. Revoked and expired ones are given too: whether it counts says [`ApiKey::is_valid_at`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiKey {
    /// Its id, for good.
    pub id: ApiKeyId,
    /// Whom it stands for.
    pub owner: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What it allows, in order and each once.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it counts at `now`: not revoked, not expired.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What its owner calls it; as a user's name.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: Digest,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// One owner's keys.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeys<'a> {
    pub(crate) store: &'a Store,
    pub(crate) owner: UserId,
}

impl ApiKeys<'_> {
    /// Makes a key.
    ///
    /// # Errors
    /// [`Taken`](crate::Error::Taken) if the hash is stored already, [`Invalid`](crate::Error::Invalid),
    /// [`NotFound`](crate::Error::NotFound) if the owner is gone.
    pub async fn create(self, new: NewApiKey) -> Result<ApiKey> {
        text::name("name", &new.name)?;
        let mut scopes = new.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let key = ApiKey {
            id: ApiKeyId::new(),
            owner: self.owner,
            name: new.name,
            scopes,
            created_at: self.store.now(),
            last_used_at: None,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        on!(self.store, db => db.create_api_key(key, new.hash).await)
    }

    /// The owner's keys, newest first.
    ///
    /// # Errors
    /// [`Invalid`](crate::Error::Invalid) for a cursor of another list.
    pub async fn list(self, paging: Paging) -> Result<Page<ApiKey>> {
        on!(self.store, db => db.api_keys(self.owner, paging).await)
    }

    /// Ends a key now; the time of a first revocation stays.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound).
    pub async fn revoke(self, id: ApiKeyId) -> Result<()> {
        let now = self.store.now();
        on!(self.store, db => db.revoke_api_key(self.owner, id, now).await)
    }
}

/// All keys, by their hash.
#[derive(Debug, Clone, Copy)]
pub struct Keyring<'a> {
    pub(crate) store: &'a Store,
}

impl Keyring<'_> {
    /// The key of this hash, be it valid or not.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound).
    pub async fn by_hash(self, hash: Digest) -> Result<ApiKey> {
        on!(self.store, db => db.api_key_by_hash(hash).await)
    }

    /// The key of this id, whosever it is.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound).
    pub async fn get(self, id: ApiKeyId) -> Result<ApiKey> {
        on!(self.store, db => db.api_key(id).await)
    }

    /// All keys, newest first.
    ///
    /// # Errors
    /// [`Invalid`](crate::Error::Invalid) for a cursor of another list.
    pub async fn list(self, paging: Paging) -> Result<Page<ApiKey>> {
        on!(self.store, db => db.all_api_keys(paging).await)
    }

    /// Notes that a key was used now.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound).
    pub async fn touch(self, id: ApiKeyId) -> Result<()> {
        let now = self.store.now();
        on!(self.store, db => db.touch_api_key(id, now).await)
    }
}
