//! Users: who may log in, and as what.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::UserId;
use crate::page::{Page, Paging};
use crate::store::{Store, on};
use crate::text;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// What is its own.
    User,
    /// Reads what is shared with it.
    Viewer,
}

impl Role {
    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
            Self::Viewer => "viewer",
        }
    }

    /// Reads what [`Role::as_str`] gives.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Admin, Self::User, Self::Viewer].into_iter().find(|role| role.as_str() == name)
    }
}

/// A hashed password, in whatever form the caller verifies (argon2id). `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub(crate) String);

impl PasswordHash {
    /// From the hash's text. Never a password.
    #[must_use]
    pub fn new(hash: impl Into<String>) -> Self {
        Self(hash.into())
    }

    /// The text, to verify a password against.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// Its id, for good.
    pub id: UserId,
    /// As it was written at its creation.
    pub name: String,
    /// To verify a password against.
    pub password_hash: PasswordHash,
    /// What it may do.
    pub role: Role,
    /// Whether it may not log in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Unique without regard to case; 1 to [`MAX_NAME`](crate::MAX_NAME) bytes, no control characters.
    pub name: String,
    /// To verify a password against.
    pub password_hash: PasswordHash,
    /// What it may do.
    pub role: Role,
}

/// All users.
#[derive(Debug, Clone, Copy)]
pub struct Users<'a> {
    pub(crate) store: &'a Store,
}

impl Users<'_> {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Taken`](crate::Error::Taken) if the name is, in whatever case; [`Invalid`](crate::Error::Invalid).
    pub async fn create(self, new: NewUser) -> Result<User> {
        text::name("name", &new.name)?;
        text::text("password_hash", &new.password_hash.0)?;
        let user = User {
            id: UserId::new(),
            name: new.name.trim().to_owned(),
            password_hash: new.password_hash,
            role: new.role,
            disabled: false,
            created_at: self.store.now(),
        };
        on!(self.store, db => db.create_user(user).await)
    }

    /// The user of this name, without regard to case.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound).
    pub async fn by_name(self, name: &str) -> Result<User> {
        on!(self.store, db => db.user_by_name(text::folded(name)).await)
    }

    /// The user of this id.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound).
    pub async fn get(self, id: UserId) -> Result<User> {
        on!(self.store, db => db.user(id).await)
    }

    /// Whether there is any user.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn any(self) -> Result<bool> {
        Ok(!self.list(Paging::first().limit(1)).await?.items.is_empty())
    }

    /// All users, newest first.
    ///
    /// # Errors
    /// [`Invalid`](crate::Error::Invalid) for a cursor of another list.
    pub async fn list(self, paging: Paging) -> Result<Page<User>> {
        on!(self.store, db => db.users(paging).await)
    }

    /// Changes what it may do.
    ///
    /// # Errors
    /// [`LastAdmin`](crate::Error::LastAdmin), [`NotFound`](crate::Error::NotFound).
    pub async fn set_role(self, id: UserId, role: Role) -> Result<()> {
        on!(self.store, db => db.set_role(id, role).await)
    }

    /// Changes its password. Its refresh tokens count no more.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound).
    pub async fn set_password(self, id: UserId, hash: PasswordHash) -> Result<()> {
        text::text("password_hash", &hash.0)?;
        let now = self.store.now();
        on!(self.store, db => db.set_password(id, hash, now).await)
    }

    /// Puts another hash of the same password in place of `old`: its refresh tokens go on counting. Does nothing
    /// if the password was changed meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn rehash(self, id: UserId, old: PasswordHash, new: PasswordHash) -> Result<()> {
        text::text("password_hash", &new.0)?;
        on!(self.store, db => db.rehash_password(id, old, new).await)
    }

    /// Forbids or allows it to log in. When forbidden, its refresh tokens count no more.
    ///
    /// # Errors
    /// [`LastAdmin`](crate::Error::LastAdmin), [`NotFound`](crate::Error::NotFound).
    pub async fn set_access(self, id: UserId, access: Access) -> Result<()> {
        let now = self.store.now();
        on!(self.store, db => db.set_access(id, access, now).await)
    }

    /// Deletes it and all it owns: keys, tokens, sessions, runs. Its audit entries stay.
    ///
    /// # Errors
    /// [`LastAdmin`](crate::Error::LastAdmin), [`NotFound`](crate::Error::NotFound).
    pub async fn delete(self, id: UserId) -> Result<()> {
        on!(self.store, db => db.delete_user(id).await)
    }
}

/// Whether a user may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Enabled,
    /// It may not.
    Disabled,
}
