//! Claude Code sessions: which history belongs to whom, and what it cost.

use crate::clock::Timestamp;
use crate::cost::Usd;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::page::{Page, Paging};
use crate::store::{Store, on};
use crate::text;

/// Most bytes of a session's id.
const MAX_ID: usize = 128;

/// The id that Claude Code gave a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    /// Reads 1 to 128 letters, digits, `-`, `_`, `.`, not beginning with `-` or `.`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let fits = !text.is_empty() && text.len() <= MAX_ID && !text.starts_with(['-', '.']);
        if fits && text.bytes().all(good) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Invalid { field: "session_id", reason: "is no session id" })
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Claude Code's id.
    pub claude_session_id: SessionId,
    /// The directory it works in.
    pub workspace_path: String,
    /// When it was first used.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Timestamp,
    /// Whose it is.
    pub owner: UserId,
    /// What its owner calls it.
    pub name: Option<String>,
    /// What it is about.
    pub title: Option<String>,
    /// The model it last used.
    pub model: Option<String>,
    /// What it cost so far.
    pub cost: Usd,
    /// Turns so far.
    pub turns: u64,
}

/// One use of a session: what is added to it.
#[derive(Debug, Clone)]
pub struct SessionUse {
    /// Claude Code's id.
    pub claude_session_id: SessionId,
    /// The directory it works in.
    pub workspace_path: String,
    /// What it is about; `None` leaves it as it is, and so does a title that stands already.
    pub title: Option<String>,
    /// The model; `None` leaves it as it is.
    pub model: Option<String>,
    /// What this use cost.
    pub cost: Usd,
    /// Its turns.
    pub turns: u32,
}

impl SessionUse {
    /// A use that adds nothing yet.
    #[must_use]
    pub fn new(claude_session_id: SessionId, workspace_path: impl Into<String>) -> Self {
        let workspace_path = workspace_path.into();
        Self { claude_session_id, workspace_path, title: None, model: None, cost: Usd::ZERO, turns: 0 }
    }
}

/// One owner's sessions.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a> {
    pub(crate) store: &'a Store,
    pub(crate) owner: UserId,
}

impl Sessions<'_> {
    /// Adds a use: makes the session if it is new, else adds cost and turns.
    ///
    /// # Errors
    /// [`NotFound`](Error::NotFound) if it is another owner's, or the owner is gone; [`Invalid`](Error::Invalid).
    pub async fn record(self, used: SessionUse) -> Result<Session> {
        text::text("workspace_path", &used.workspace_path)?;
        text::text("title", used.title.as_deref().unwrap_or_default())?;
        text::text("model", used.model.as_deref().unwrap_or_default())?;
        let now = self.store.now();
        on!(self.store, db => db.record_session(self.owner, used, now).await)
    }

    /// One session.
    ///
    /// # Errors
    /// [`NotFound`](Error::NotFound).
    pub async fn get(self, id: &SessionId) -> Result<Session> {
        on!(self.store, db => db.session(self.owner, id.clone()).await)
    }

    /// The owner's sessions, the last used first.
    ///
    /// # Errors
    /// [`Invalid`](Error::Invalid) for a cursor of another list.
    pub async fn list(self, paging: Paging) -> Result<Page<Session>> {
        on!(self.store, db => db.sessions(self.owner, paging).await)
    }

    /// Names it, or takes its name away. That is no use of it.
    ///
    /// # Errors
    /// [`NotFound`](Error::NotFound), [`Invalid`](Error::Invalid).
    pub async fn rename(self, id: &SessionId, name: Option<&str>) -> Result<()> {
        if let Some(name) = name {
            text::name("name", name)?;
        }
        on!(self.store, db => db.rename_session(self.owner, id.clone(), name.map(str::to_owned)).await)
    }

    /// Forgets it. Claude Code's own history stays.
    ///
    /// # Errors
    /// [`NotFound`](Error::NotFound).
    pub async fn delete(self, id: &SessionId) -> Result<()> {
        on!(self.store, db => db.delete_session(self.owner, id.clone()).await)
    }

    /// Whether any session works in this directory.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn any_in(self, workspace_path: &str) -> Result<bool> {
        on!(self.store, db => db.any_session_in(self.owner, workspace_path.to_owned()).await)
    }
}
