//! The SQLite backend: one writer with group commit, a pool of readers.

mod accounts;
mod api_keys;
mod audit;
mod events;
mod fault;
mod header;
mod lock;
mod open;
mod refresh;
mod row;
mod runs;
mod sessions;
mod tokens;
mod writer;

use std::future::Future;
use std::pin::Pin;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnection;

pub(crate) use self::open::{Location, Options};
pub(crate) use self::writer::Counts;
use self::writer::{Extent, Writer};
use crate::error::Result;

/// What a job does with its connection.
type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'c>>;

/// An open database.
pub(crate) struct Sqlite {
    writer: Writer,
    /// `None` in memory, where the writer's connection is the only one.
    readers: Option<SqlitePool>,
}

impl Sqlite {
    pub(crate) async fn open(location: Location, options: Options) -> Result<Self> {
        open::open(location, options).await
    }

    /// Does `work` in a transaction that other writes may share; answered once it is committed. Dropping the
    /// future does not undo it.
    async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        self.writer.write(Extent::Any, work).await
    }

    /// The same for `work` of which one statement changes something, and is run to its end.
    async fn write_one<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        self.writer.write(Extent::OneStatement, work).await
    }

    /// Does `work`, one statement that only reads (so it sees one state), beside the writer.
    async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let Some(readers) = &self.readers else {
            return self.writer.write(Extent::OneStatement, work).await;
        };
        let mut connection = readers.acquire().await.map_err(fault::of)?;
        work(&mut connection).await
    }

    pub(crate) fn counts(&self) -> Counts {
        self.writer.counts()
    }

    pub(crate) async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        self.writer.close().await;
    }
}
