//! A journal without a disk, for tests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::book::{Book, Lease, Line};
use super::{Clock, Holder, Journal, JournalError, NewDeployment, Record};
use crate::deployer::Timestamp;
use crate::deployer::end::End;
use crate::deployer::id::DeploymentId;

/// A journal in memory: with its process goes what it holds. It can stop writing, as a full disk does.
pub struct MemoryJournal {
    state: Mutex<State>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    book: Book,
    writes: usize,
    writes_left: Option<usize>,
}

impl MemoryJournal {
    /// An empty one.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { state: Mutex::default(), clock }
    }

    /// Refuses each write after so many more.
    pub fn stop_after(&self, writes: usize) {
        self.with(|state| state.writes_left = Some(writes));
    }

    /// Writes again. Nobody holds anything then, as after a restart.
    pub fn restart(&self) {
        self.with(|state| {
            state.writes_left = None;
            state.book.forget_holders();
        });
    }

    /// How many writes there were.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.with(|state| state.writes)
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lease(&self, by: &Holder, length: Duration) -> Lease {
        Lease { holder: by.clone(), now: Timestamp::from((self.clock)()), length }
    }
}

impl State {
    fn write(&mut self, line: Line) -> Result<(), JournalError> {
        self.book.check(&line)?;
        if let Some(left) = &mut self.writes_left {
            *left = left.checked_sub(1).ok_or_else(stopped)?;
        }
        self.writes += 1;
        self.book.take(line)
    }
}

fn stopped() -> JournalError {
    JournalError::Unavailable { what: "it was stopped", source: "a test stopped it".into() }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn create(&self, new: &NewDeployment, by: &Holder, lease: Duration) -> Result<(), JournalError> {
        let lease = self.lease(by, lease);
        self.with(|state| {
            state.write(Line::Created(Box::new(new.clone())))?;
            state.book.hold(&new.id, &lease)
        })
    }

    async fn append(&self, id: &DeploymentId, at: usize, record: &Record) -> Result<(), JournalError> {
        let line = Line::Appended { id: id.clone(), at, record: record.clone() };
        self.with(|state| state.write(line))
    }

    async fn load(&self, id: &DeploymentId) -> Result<Vec<Record>, JournalError> {
        self.with(|state| state.book.load(id))
    }

    async fn claim(&self, by: &Holder, lease: Duration) -> Result<Vec<DeploymentId>, JournalError> {
        let lease = self.lease(by, lease);
        Ok(self.with(|state| state.book.claim(&lease)))
    }

    async fn renew(&self, id: &DeploymentId, by: &Holder, lease: Duration) -> Result<(), JournalError> {
        let lease = self.lease(by, lease);
        self.with(|state| state.book.hold(id, &lease))
    }

    async fn finish(&self, id: &DeploymentId, end: &End) -> Result<(), JournalError> {
        let line = Line::Finished { id: id.clone(), end: end.clone() };
        self.with(|state| state.write(line))
    }
}
