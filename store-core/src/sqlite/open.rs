//! Opening a database: looked at, locked, made or migrated, and only then served.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlitePool};

use super::header::{self, APPLICATION_ID, Found, beside};
use super::lock::{self, Lock};
use super::writer::Writer;
use super::{Sqlite, fault};
use crate::error::{Error, Result};
use crate::store::{Check, Durability, Limits};

/// The schema, step by step.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a statement waits for another process (a command, a backup).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes the log keeps after it was written back.
const LOG_SIZE: &str = "67108864";

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    Memory,
    File(PathBuf),
}

impl Location {
    /// Reads `sqlite://path` or `sqlite::memory:`.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let invalid = Error::Invalid { field: "url", reason: "is neither sqlite://path nor sqlite::memory:" };
        match url.strip_prefix("sqlite:").ok_or_else(|| invalid.clone())? {
            ":memory:" => Ok(Self::Memory),
            rest => match rest.strip_prefix("//") {
                Some(path) if !path.is_empty() && !path.contains(['?', '\0']) => Ok(Self::File(path.into())),
                _ => Err(invalid),
            },
        }
    }
}

/// How it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) durability: Durability,
    pub(crate) check: Check,
    pub(crate) beside: bool,
    pub(crate) limits: Limits,
}

pub(super) async fn open(location: Location, options: Options) -> Result<Sqlite> {
    match location {
        Location::Memory => in_memory(&options).await,
        Location::File(path) => on_disk(&path, &options).await,
    }
}

async fn in_memory(options: &Options) -> Result<Sqlite> {
    let how = SqliteConnectOptions::new().in_memory(true).foreign_keys(true).disable_statement_logging();
    let mut connection = how.connect().await.map_err(fault::of)?;
    MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(of_migration)?;
    Ok(Sqlite { writer: Writer::start(connection, None, None, options.limits.queued_writes), readers: None })
}

async fn on_disk(path: &Path, options: &Options) -> Result<Sqlite> {
    make_directory(path)?;
    let lock = if options.beside {
        lock::take(path)?.ok() // nobody serves: own it until it is ready
    } else {
        Some(lock::own(path).await?)
    };
    let how = connection(path, options.durability);
    match &lock {
        Some(_) => prepare(path, &how, options.check).await?,
        None => check_version(path, &how).await?,
    }
    let lock = lock.filter(|_| !options.beside);
    let readers = readers(&how, options.limits.readers);
    let writer = how.connect().await.map_err(fault::of)?;
    Ok(Sqlite {
        writer: Writer::start(writer, Some(how), lock, options.limits.queued_writes),
        readers: Some(readers),
    })
}

fn connection(path: &Path, durability: Durability) -> SqliteConnectOptions {
    let synchronous = match durability {
        Durability::Fsync => SqliteSynchronous::Full,
        Durability::Relaxed => SqliteSynchronous::Normal,
    };
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .pragma("journal_size_limit", LOG_SIZE)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

fn readers(how: &SqliteConnectOptions, most: u32) -> SqlitePool {
    let only_read = how.clone().pragma("query_only", "ON");
    SqlitePoolOptions::new()
        .max_connections(most)
        .acquire_timeout(BUSY_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(only_read)
}

/// Makes or migrates the database. The lock is held.
async fn prepare(path: &Path, how: &SqliteConnectOptions, check: Check) -> Result<()> {
    let found = header::look(path)?;
    if found == Found::Nothing {
        return create(path, how).await;
    }
    let private = std::fs::set_permissions(path, Permissions::from_mode(0o600));
    private.map_err(|error| fault::of_file(path, error))?;
    let mut connection = how.connect().await.map_err(fault::of)?;
    if check == Check::Always || check == Check::AfterCrash && found == Found::Unfinished {
        quick_check(&mut connection).await?;
    }
    migrate(&mut connection).await?;
    connection.close().await.map_err(fault::of)
}

/// Makes the database under another name first: what bears the right name is always whole.
async fn create(path: &Path, how: &SqliteConnectOptions) -> Result<()> {
    let unready = beside(path, ".new");
    for left in ["", "-wal", "-shm", "-journal"] {
        match std::fs::remove_file(beside(&unready, left)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(fault::of_file(path, error));
            }
            _ => {}
        }
    }
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unready);
    new.map_err(|error| fault::of_file(&unready, error))?;
    let how = how.clone().filename(&unready).pragma("application_id", APPLICATION_ID.to_string());
    let mut connection = how.connect().await.map_err(fault::of)?;
    migrate(&mut connection).await?;
    connection.close().await.map_err(fault::of)?;
    publish(&unready, path).map_err(|error| fault::of_file(path, error))
}

/// Gives the finished file its name, durably.
fn publish(unready: &Path, path: &Path) -> std::io::Result<()> {
    File::open(unready)?.sync_all()?;
    std::fs::rename(unready, path)?;
    File::open(directory(path))?.sync_all()
}

async fn migrate(connection: &mut SqliteConnection) -> Result<()> {
    refuse_newer(version(connection).await?)?;
    MIGRATIONS.run_direct(None, connection, false).await.map_err(of_migration)
}

/// Beside a server nothing is migrated: its schema must be ours.
async fn check_version(path: &Path, how: &SqliteConnectOptions) -> Result<()> {
    if header::look(path)? == Found::Nothing {
        return Err(Error::busy()); // the server is making it
    }
    let mut connection = how.connect().await.map_err(fault::of)?;
    let (found, known) = (version(&mut connection).await?, newest());
    refuse_newer(found)?;
    if found < known {
        return Err(Error::OlderSchema { found, known });
    }
    connection.close().await.map_err(fault::of)
}

fn newest() -> i64 {
    MIGRATIONS.iter().map(|step| step.version).max().unwrap_or(0)
}

fn refuse_newer(found: i64) -> Result<()> {
    let known = newest();
    if found > known { Err(Error::NewerSchema { found, known }) } else { Ok(()) }
}

/// The newest step this database has; 0 before the first.
async fn version(connection: &mut SqliteConnection) -> Result<i64> {
    connection.ensure_migrations_table(&MIGRATIONS.table_name).await.map_err(of_migration)?;
    let steps = connection.list_applied_migrations(&MIGRATIONS.table_name).await.map_err(of_migration)?;
    Ok(steps.iter().map(|step| step.version).max().unwrap_or(0))
}

fn of_migration(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => fault::of(error),
        MigrateError::VersionMismatch(step) => {
            Error::corrupt(format!("step {step} of its schema is not ours"))
        }
        MigrateError::VersionMissing(step) => Error::corrupt(format!("it has an unknown step {step}")),
        other => Error::unavailable(other),
    }
}

async fn quick_check(connection: &mut SqliteConnection) -> Result<()> {
    let lines = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_all(connection).await;
    match lines.map_err(fault::of)?.first() {
        Some(line) if line != "ok" => Err(Error::corrupt(line.as_str())),
        _ => Ok(()),
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_directory(path: &Path) -> Result<()> {
    let directory = directory(path);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| fault::of_file(directory, error))
}

/// The lock lives as long as the writer's connection.
pub(super) type Held = Option<Lock>;

#[cfg(test)]
mod tests;
