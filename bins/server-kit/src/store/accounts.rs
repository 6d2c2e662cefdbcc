//! Sign-in on the store.

use async_trait::async_trait;
use store_core::user::{self, NewUser, PasswordHash, User};
use store_core::{ApiKeyId, Error, FamilyId, Store, api_key, audit, refresh};
use uuid::Uuid;

use crate::auth::{
    Account, Accounts, AccountsError, Audit, Digest, Entry, Find, Key, LoginId, Logins, Role, Rotation,
    Scope, StoredPassword, Timestamp, UserId,
};

type Result<T, E = AccountsError> = std::result::Result<T, E>;

#[async_trait]
impl Accounts for Store {
    async fn account(&self, which: Find<'_>) -> Result<Option<Account>> {
        let users = self.system().users();
        let found = match which {
            Find::Name(name) => users.by_name(name).await,
            Find::Id(id) => users.get(id.into()).await,
        };
        Ok(some(found)?.map(Account::from))
    }

    async fn key(&self, hash: Digest) -> Result<Option<Key>> {
        Ok(some(self.system().keyring().by_hash(hash.into()).await)?.map(Key::from))
    }

    async fn touch_key(&self, id: Uuid) -> Result<()> {
        Ok(self.system().keyring().touch(ApiKeyId::from_uuid(id)).await?)
    }

    async fn set_password(&self, user: UserId, new: StoredPassword) -> Result<()> {
        Ok(self.system().users().set_password(user.into(), new.into()).await?)
    }

    async fn rehash(&self, user: UserId, old: StoredPassword, new: StoredPassword) -> Result<()> {
        Ok(self.system().users().rehash(user.into(), old.into(), new.into()).await?)
    }

    async fn any(&self) -> Result<bool> {
        Ok(self.system().users().any().await?)
    }

    async fn create_admin(&self, name: &str, password: StoredPassword) -> Result<UserId> {
        let new = NewUser { name: name.to_owned(), password_hash: password.into(), role: user::Role::Admin };
        Ok(self.system().users().create(new).await?.id.into())
    }
}

#[async_trait]
impl Logins for Store {
    async fn begin(&self, user: UserId, refresh: Digest, until: Timestamp) -> Result<LoginId> {
        let family = self.system().refresh_families().create(user.into(), refresh.into(), until).await?;
        Ok(family.into())
    }

    async fn rotate(&self, old: Digest, new: Digest) -> Result<Rotation> {
        Ok(match self.system().refresh_families().rotate(old.into(), new.into()).await? {
            refresh::Rotation::Rotated { family, owner } => {
                Rotation::Rotated { login: family.into(), user: owner.into() }
            }
            refresh::Rotation::Reused { owner, .. } => Rotation::Reused { user: owner.into() },
            refresh::Rotation::Unknown => Rotation::Unknown,
        })
    }

    async fn end(&self, login: LoginId) -> Result<()> {
        some(self.system().refresh_families().revoke(login.into()).await).map(drop)
    }

    async fn revoke(&self, jti: &str, until: Timestamp) -> Result<()> {
        Ok(self.system().revoked_tokens().revoke(jti, until).await?)
    }

    async fn vouches(&self, login: LoginId, user: UserId, jti: &str) -> Result<bool> {
        Ok(self.system().refresh_families().vouches(login.into(), user.into(), jti).await?)
    }
}

#[async_trait]
impl Audit for Store {
    async fn record(&self, entry: Entry) -> Result<()> {
        let Entry { actor, action, subject, detail } = entry;
        let new = audit::NewAuditEntry { actor, action: action.to_owned(), subject, detail };
        self.system().audit().append(new).await?;
        Ok(())
    }
}

/// What isn't there is none, and no failure.
fn some<T>(found: store_core::Result<T>) -> Result<Option<T>> {
    match found {
        Ok(row) => Ok(Some(row)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id.into(),
            name: user.name,
            role: user.role.into(),
            disabled: user.disabled,
            password: StoredPassword::new(user.password_hash.expose()),
        }
    }
}

impl From<api_key::ApiKey> for Key {
    fn from(key: api_key::ApiKey) -> Self {
        Self {
            id: key.id.as_uuid(),
            owner: key.owner.into(),
            scopes: key.scopes.into_iter().map(Scope::from).collect(),
            last_used_at: key.last_used_at,
            expires_at: key.expires_at,
            revoked: key.revoked_at.is_some(),
        }
    }
}

impl From<StoredPassword> for PasswordHash {
    fn from(hash: StoredPassword) -> Self {
        Self::new(hash.expose())
    }
}

impl From<Digest> for store_core::Digest {
    fn from(digest: Digest) -> Self {
        Self::new(digest.bytes())
    }
}

/// Ids of the two crates that stand for the same.
macro_rules! same_ids {
    ($($ours:ty = $theirs:ty;)*) => {$(
        impl From<$ours> for $theirs {
            fn from(id: $ours) -> Self {
                Self::from_uuid(id.as_uuid())
            }
        }

        impl From<$theirs> for $ours {
            fn from(id: $theirs) -> Self {
                Self::new(id.as_uuid())
            }
        }
    )*};
}

same_ids! {
    UserId = store_core::UserId;
    LoginId = FamilyId;
}

/// Sets of the two crates with the same members.
macro_rules! same_sets {
    ($($ours:ty = $theirs:ty { $($name:ident)* })*) => {$(
        impl From<$ours> for $theirs {
            fn from(one: $ours) -> Self {
                match one { $(<$ours>::$name => Self::$name,)* }
            }
        }

        impl From<$theirs> for $ours {
            fn from(one: $theirs) -> Self {
                match one { $(<$theirs>::$name => Self::$name,)* }
            }
        }
    )*};
}

same_sets! {
    Role = user::Role { Viewer User Admin }
    Scope = api_key::Scope { Read Chat Claude Admin }
}
