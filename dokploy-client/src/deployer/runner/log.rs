//! What readers see of a deployment.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::deployer::end::End;
use crate::deployer::machine::Machine;
use crate::deployer::plan::Plan;
use crate::deployer::state::Progress;

/// Each state that one operation has come through: a dozen at most.
#[derive(Debug, Clone)]
pub(super) struct Log {
    steps: Vec<Progress>,
    last: Progress,
    /// `Some(None)` where it was left to the journal.
    over: Option<Option<End>>,
    /// Cancelled by who wants the deployment no more; heard by its task.
    withdrawal: CancellationToken,
    plan: Arc<Plan>,
}

impl Log {
    pub(super) fn of(machine: &Machine) -> Self {
        let last = machine.progress();
        // That it failed stays so, whatever becomes of what it left.
        let over = machine.failed_before().cloned().map(Some);
        let plan = Arc::new(machine.plan().clone());
        Self { steps: vec![last], last, over, withdrawal: CancellationToken::new(), plan }
    }

    /// Notes where the machine is. Whether that is new.
    pub(super) fn note(&mut self, progress: Progress) -> bool {
        let is_new = self.over.is_none() && self.last != progress;
        if is_new {
            self.steps.push(progress);
            self.last = progress;
        }
        is_new
    }

    /// Notes the end, in one with its state.
    pub(super) fn end(&mut self, progress: Progress, end: End) {
        self.note(progress);
        self.over.get_or_insert(Some(end));
    }

    /// Nothing comes any more.
    pub(super) fn leave(&mut self) {
        self.over.get_or_insert(None);
    }

    pub(super) fn withdrawal(&self) -> &CancellationToken {
        &self.withdrawal
    }

    pub(super) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub(super) fn last(&self) -> Progress {
        self.last
    }

    pub(super) fn over(&self) -> Option<&Option<End>> {
        self.over.as_ref()
    }
}

/// The states of one operation from its beginning on, each once, up to the final one. It also ends, without that, where
/// the deployer stops. Dropping it stops nothing.
pub struct ProgressStream {
    steps: BoxStream<'static, Progress>,
}

impl ProgressStream {
    pub(super) fn new(log: watch::Receiver<Log>) -> Self {
        Self { steps: futures_util::stream::unfold((log, 0), step).boxed() }
    }

    /// The next state; `None` after the last. Cancel safe.
    pub async fn next(&mut self) -> Option<Progress> {
        self.steps.next().await
    }
}

type Cursor = (watch::Receiver<Log>, usize);

async fn step((mut log, at): Cursor) -> Option<(Progress, Cursor)> {
    loop {
        let (found, is_over) = {
            let seen = log.borrow_and_update();
            (seen.steps.get(at).copied(), seen.over.is_some())
        };
        if let Some(progress) = found {
            return Some((progress, (log, at + 1)));
        }
        if is_over || log.changed().await.is_err() {
            return None;
        }
    }
}

impl Stream for ProgressStream {
    type Item = Progress;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Progress>> {
        self.steps.poll_next_unpin(cx)
    }
}
