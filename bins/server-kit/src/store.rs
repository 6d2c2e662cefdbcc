//! Our ports on `store-core`, and the routes and commands that need it whole.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use server_kit::auth::{Auth, FirstAdmin, JwtSecrets, SecretSource, TokenTtl, Tokens};
//! use store_core::Store;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data_dir = tempfile::tempdir()?;
//! let store = Store::open("sqlite::memory:").await?;
//! let (secrets, _origin) = JwtSecrets::load(&SecretSource::default(), data_dir.path())?;
//! let tokens = Tokens::new(&secrets, TokenTtl::default(), Arc::new(SystemTime::now));
//! let auth = Auth::builder(Arc::new(store.clone()), tokens).behind_https().build();
//! let first = auth.ensure_admin("admin", None).await?;
//! assert!(matches!(first, FirstAdmin::Generated(_))); // printed once, on the terminal
//! # Ok(())
//! # }
//! ```

mod accounts;
mod archive;
mod audit;
pub mod commands;
mod keys;
mod list;
mod problem;
mod users;

use utoipa_axum::router::UtoipaMethodRouter;

pub use archive::StoreArchive;
pub use keys::{KeyBody, NewKeyAnswer};
pub use users::AccountBody;

use crate::auth::{Access, Auth};

/// Users, keys and audit: the store, and the [`Auth`] that hears of changes.
#[derive(Debug, Clone)]
pub struct Directory {
    store: store_core::Store,
    auth: Auth,
}

impl Directory {
    /// Over this store, which `auth` asks as well.
    #[must_use]
    pub fn new(store: store_core::Store, auth: Auth) -> Self {
        Self { store, auth }
    }
}

/// The routes under `/api/users`, `/api/keys` and `/api/audit`, each with who may call it.
#[must_use]
pub fn routes() -> Vec<(Access, UtoipaMethodRouter<Directory>)> {
    let mut all = users::routes();
    all.extend(keys::routes());
    all.extend(audit::routes());
    all
}
