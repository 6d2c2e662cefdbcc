//! The one writer. It takes every job that is ready, does each behind a savepoint of its own, commits once and
//! answers all: while one commit waits for the disk, the next batch gathers by itself.
//!
//! Each statement costs a way to the connection's thread and back, more than the statement itself. So a job of one
//! statement, which undoes itself, needs no savepoint, and no transaction where it is alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot, watch};

use super::open::Held;
use super::{Work, fault};
use crate::error::{Error, Result};

/// Most jobs of one transaction; the rest waits for the next.
const MAX_BATCH: usize = 512;

/// Hands jobs to the task that owns the connection.
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    counters: Arc<Counters>,
    ended: watch::Receiver<()>,
}

#[derive(Default)]
struct Counters {
    jobs: AtomicU64,
    commits: AtomicU64,
}

/// What the writer did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) jobs: u64,
    pub(crate) commits: u64,
}

enum Message {
    Job(Box<dyn Job>),
    Close,
}

impl Writer {
    /// `reconnect` is how a broken connection is replaced; in memory there is no second one.
    pub(super) fn start(
        connection: SqliteConnection,
        reconnect: Option<SqliteConnectOptions>,
        lock: Held,
        queued: usize,
    ) -> Self {
        let (queue, jobs) = mpsc::channel(queued);
        let (alive, ended) = watch::channel(());
        let counters = Arc::new(Counters::default());
        let counted = Arc::clone(&counters);
        let task = Task { connection, reconnect, counters: counted, is_doubtful: false };
        tokio::spawn(async move {
            task.run(jobs).await;
            drop((lock, alive)); // another owner may come, and `close` returns
        });
        Self { queue, counters, ended }
    }

    pub(super) async fn write<T, F>(&self, extent: Extent, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending { extent, work: Some(work), done: None, reply });
        self.queue.send(Message::Job(job)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { jobs: read(&self.counters.jobs), commits: read(&self.counters.commits) }
    }

    /// Returns when all that was queued is answered and the file is closed.
    pub(super) async fn close(&self) {
        let _ = self.queue.send(Message::Close).await; // fails if it is closing already
        let _ = self.ended.clone().changed().await; // the sender's end is the signal
    }
}

/// How many statements of a job change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// One, which is run to its end. It may be followed by some that only read.
    OneStatement,
    /// Any number.
    Any,
}

/// A job without its result's type.
trait Job: Send {
    fn extent(&self) -> Extent;
    /// Does it; `Err` if it failed and must be undone.
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> Work<'c, ()>;
    /// Tells the caller its result, or why the whole batch came to nothing.
    fn answer(self: Box<Self>, batch: &Result<()>);
}

struct Pending<T, F> {
    extent: Extent,
    work: Option<F>,
    done: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Pending<T, F>
where
    T: Send,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send,
{
    fn extent(&self) -> Extent {
        self.extent
    }

    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> Work<'c, ()> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return Ok(()) };
            let done = work(connection).await;
            let outcome = done.as_ref().map(|_| ()).map_err(Clone::clone);
            self.done = Some(done);
            outcome
        })
    }

    fn answer(self: Box<Self>, batch: &Result<()>) {
        let result = match (self.done, batch) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(error)) => Err(error.clone()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Error::Closed),
        };
        let _ = self.reply.send(result); // nobody waits any more: it is done all the same
    }
}

/// How a transaction goes out.
enum Last {
    Commit,
    Rollback,
}

struct Task {
    connection: SqliteConnection,
    reconnect: Option<SqliteConnectOptions>,
    counters: Arc<Counters>,
    /// The last statement failed in a way that a new connection may mend; beginning a transaction finds out.
    is_doubtful: bool,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut ready = Vec::new();
        while queue.recv_many(&mut ready, MAX_BATCH).await > 0 {
            let mut jobs = Vec::with_capacity(ready.len());
            for message in ready.drain(..) {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Close => queue.close(), // what is queued is still done
                }
            }
            self.settle(jobs).await;
        }
        let _ = self.execute("PRAGMA optimize").await; // a help for later, not needed
        let _ = self.connection.close().await; // the last connection writes the log back
    }

    async fn settle(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        if jobs.is_empty() {
            return;
        }
        let outcome = self.transaction(&mut jobs).await;
        if outcome.is_ok() {
            self.counters.commits.fetch_add(1, Ordering::Relaxed);
        }
        self.counters.jobs.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        for job in jobs {
            job.answer(&outcome);
        }
    }

    async fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<()> {
        if let [alone] = jobs
            && alone.extent() == Extent::OneStatement
            && !self.is_doubtful
        {
            // A statement outside of a transaction is one itself; its failure is the job's own.
            let done = alone.run(&mut self.connection).await;
            self.is_doubtful = matches!(done, Err(Error::Unavailable(_)));
            return Ok(());
        }
        self.begin().await?;
        self.is_doubtful = false;
        let done = match self.work(jobs).await {
            Ok(Last::Commit) => self.execute("COMMIT").await,
            Ok(Last::Rollback) => {
                let _ = self.execute("ROLLBACK").await; // some faults have rolled it back already
                return Ok(());
            }
            Err(error) => Err(error),
        };
        if done.is_err() {
            let _ = self.execute("ROLLBACK").await; // as above
        }
        done
    }

    /// A connection that can't begin is replaced once, unless someone else only holds the file.
    async fn begin(&mut self) -> Result<()> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        let error = match self.execute(BEGIN).await {
            Err(error) if !matches!(error, Error::Busy { .. }) => error,
            other => return other,
        };
        let Some(options) = &self.reconnect else { return Err(error) };
        self.connection = options.connect().await.map_err(fault::of)?;
        self.execute(BEGIN).await
    }

    /// `Err` if the transaction as a whole is lost.
    async fn work(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<Last> {
        if let [alone] = jobs {
            let done = alone.run(&mut self.connection).await;
            return Ok(if done.is_ok() { Last::Commit } else { Last::Rollback });
        }
        let mut savepoint = "SAVEPOINT job";
        for job in jobs {
            match job.extent() {
                Extent::OneStatement => self.one_of_many(job.as_mut()).await?,
                Extent::Any => {
                    self.execute(savepoint).await?;
                    self.behind_savepoint(job.as_mut()).await?;
                    savepoint = "RELEASE job; SAVEPOINT job";
                }
            }
        }
        Ok(Last::Commit) // ends the last savepoint too
    }

    /// A statement that fails undoes itself, unless its fault undid the whole transaction: then another one could
    /// begin, and that is everybody's answer.
    async fn one_of_many(&mut self, job: &mut dyn Job) -> Result<()> {
        match job.run(&mut self.connection).await {
            Err(error) if self.execute("BEGIN").await.is_ok() => Err(error),
            _ => Ok(()),
        }
    }

    async fn behind_savepoint(&mut self, job: &mut dyn Job) -> Result<()> {
        match job.run(&mut self.connection).await {
            // This fails where the fault undid the whole transaction, as above.
            Err(error) => self.execute("ROLLBACK TO job").await.map_err(|_| error),
            Ok(()) => Ok(()),
        }
    }

    async fn execute(&mut self, statement: &'static str) -> Result<()> {
        sqlx::query(statement).execute(&mut self.connection).await.map(drop).map_err(fault::of)
    }
}

#[cfg(test)]
mod tests;
