//! Database files in directories of their own.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use store_core::user::{NewUser, PasswordHash, Role};
use store_core::{Store, UserId};

/// A place for a database.
pub(crate) struct Database {
    pub(crate) path: PathBuf,
    pub(crate) url: String,
    _directory: Option<tempfile::TempDir>,
}

impl Database {
    pub(crate) fn at(directory: &Path) -> Self {
        let path = directory.join("app.db");
        Self { url: format!("sqlite://{}", path.display()), path, _directory: None }
    }

    /// Not there yet.
    pub(crate) fn nowhere() -> Self {
        Self::below("")
    }

    pub(crate) fn below(relative: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { _directory: Some(directory), ..Self::at(&PathBuf::new()) }.moved_below(relative)
    }

    fn moved_below(mut self, relative: &str) -> Self {
        let directory = self._directory.as_ref().unwrap().path().join(relative);
        let there = Self::at(&directory);
        (self.path, self.url) = (there.path, there.url);
        self
    }

    /// A file of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let database = Self::nowhere();
        std::fs::write(&database.path, bytes).unwrap();
        database
    }

    /// With twenty users, closed.
    pub(crate) async fn filled() -> Self {
        let database = Self::nowhere();
        let store = Store::open(&database.url).await.unwrap();
        for number in 0..20 {
            database.add_user(&store, &format!("user {number}")).await;
        }
        store.close().await;
        database
    }

    pub(crate) async fn add_user(&self, store: &Store, name: &str) -> UserId {
        let password_hash = PasswordHash::new("x");
        let new = NewUser { name: name.to_owned(), password_hash, role: Role::User };
        store.system().users().create(new).await.unwrap().id
    }
}

/// Does statements behind the store's back.
pub(crate) async fn execute(path: &Path, statements: &[&str]) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(false);
    let mut connection = options.connect().await.unwrap();
    for statement in statements {
        sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// Takes the schema back to its first step.
pub(crate) async fn downgrade(path: &Path) {
    let drops = ["run_events", "runs", "sessions", "audit"].map(|table| format!("DROP TABLE {table}"));
    let mut statements: Vec<&str> = drops.iter().map(String::as_str).collect();
    statements.push("DELETE FROM _sqlx_migrations WHERE version > 1");
    execute(path, &statements).await;
}
