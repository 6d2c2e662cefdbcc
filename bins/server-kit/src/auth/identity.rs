//! Who somebody is, and what that allows.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Digest;
use crate::problem::Problem;

/// A user's id.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct UserId(Uuid);

impl UserId {
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
}

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a user may do; later ones may all that earlier ones may.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads what is shared with it.
    Viewer,
    /// Its own conversations, runs and sessions.
    User,
    /// Everything.
    Admin,
}

impl Role {
    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Whether a key of such a user may have this scope.
    #[must_use]
    pub fn allows(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => true,
            Scope::Chat | Scope::Claude => self >= Self::User,
            Scope::Admin => self == Self::Admin,
        }
    }
}

/// What an API key allows, never above its owner's role.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Reading; every key may that.
    Read,
    /// Chat turns.
    Chat,
    /// Claude Code runs.
    Claude,
    /// Everything.
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
}

/// Who asks. Every handler behind an [`Access`] that needs a role may take it as an argument.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub name: String,
    /// What the user may do now, as the accounts say.
    pub role: Role,
    /// What it was proved by.
    pub proof: Proof,
}

/// What somebody proved with who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// An access token.
    Token {
        /// The token's id, by which it is revoked.
        jti: String,
        /// When it ends, in seconds since 1970.
        exp: u64,
    },
    /// An API key.
    Key {
        /// What it is looked up by.
        digest: Digest,
        /// What it allows.
        scopes: Vec<Scope>,
    },
}

impl Identity {
    /// Whether it may what such an access asks for. What a ticket allows, the one who redeems it decides.
    #[must_use]
    pub fn may(&self, access: Access) -> bool {
        let Access::Needs { role, scope } = access else { return true };
        let scoped = match &self.proof {
            Proof::Token { .. } => true,
            Proof::Key { scopes, .. } => {
                scope == Scope::Read || scopes.contains(&scope) || scopes.contains(&Scope::Admin)
            }
        };
        self.role >= role && scoped
    }
}

/// Who may call a route. Each route states it; there is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Who has a ticket in the query (`ticket`), or a token. With a ticket the gate lets everybody in: the handler
    /// redeems it (see [`Tickets`](super::Tickets)) before anything else, and answers 401. Without one there is an
    /// [`Identity`], as behind any other gate.
    Ticket,
    /// Who has at least this role, and, with a key, at least this scope.
    Needs {
        /// The least role.
        role: Role,
        /// What a key must allow.
        scope: Scope,
    },
}

impl Access {
    /// Viewers and above.
    #[must_use]
    pub const fn viewer(scope: Scope) -> Self {
        Self::Needs { role: Role::Viewer, scope }
    }

    /// Users and above.
    #[must_use]
    pub const fn user(scope: Scope) -> Self {
        Self::Needs { role: Role::User, scope }
    }

    /// Admins.
    #[must_use]
    pub const fn admin() -> Self {
        Self::Needs { role: Role::Admin, scope: Scope::Admin }
    }
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::unauthorized("sign in"))
    }
}
