//! The store: users, keys, Claude Code sessions, runs and audit in one durable database.
//!
//! What was acknowledged is on disk. The cast:
//! - [`Store`] is the open database; clones share it. It owns one writer, which commits all writes that wait
//!   together at once, and a few readers, which never wait for it.
//! - [`Owned`], by [`Store::of`], gives handles confined to one owner: [`ApiKeys`](api_key::ApiKeys),
//!   [`Sessions`](session::Sessions), [`Runs`](run::Runs). The owner is in the handle, so the check can't be
//!   forgotten; another's row is [`Error::NotFound`].
//! - [`System`], by [`Store::system`], gives what crosses owners: [`Users`](user::Users), the
//!   [`Keyring`](api_key::Keyring), tokens, recovery of runs, [`Audit`](audit::Audit).
//! - Each method of a handle is one transaction. Rows are plain data with typed ids and UTC times; lists come
//!   as [`Page`]s.
//!
//! ```
//! use store_core::session::{SessionId, SessionUse};
//! use store_core::user::{NewUser, PasswordHash, Role};
//! use store_core::{Paging, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> store_core::Result<()> {
//! let store = Store::open("sqlite::memory:").await?; // or sqlite://data/app.db
//! let hash = PasswordHash::new("$argon2id$…");
//! let ada = store.system().users().create(NewUser { name: "Ada".into(), password_hash: hash, role: Role::Admin }).await?;
//!
//! let mine = store.of(&ada.id);
//! let id = SessionId::parse("0192d1f0-5c1e-7000-8000-000000000000")?;
//! mine.sessions().record(SessionUse::new(id, "/srv/app")).await?; // on disk when it returns
//! assert_eq!(mine.sessions().list(Paging::first()).await?.items.len(), 1);
//! store.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! Not in it: hashing of passwords, tokens' formats, what an event's bytes mean, retries.

pub mod api_key;
pub mod audit;
mod clock;
mod cost;
mod digest;
pub mod error;
mod id;
mod page;
pub mod refresh;
pub mod run;
pub mod session;
mod sqlite;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
pub mod token;
pub mod user;

pub use clock::{Clock, Timestamp};
pub use cost::Usd;
pub use digest::Digest;
pub use error::{Error, Result};
pub use id::{ApiKeyId, FamilyId, RunId, UserId};
pub use page::{Cursor, DEFAULT_PAGE, MAX_PAGE, Page, Paging};
pub use store::{Builder, Check, Durability, Limits, Owned, Statistics, Store, System};
pub use text::{MAX_NAME, MAX_TEXT};

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
