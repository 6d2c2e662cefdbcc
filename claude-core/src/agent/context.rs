//! What all parts of a turn share.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::offer::Offer;
use super::stopwatch::Stopwatch;
use crate::approval::Approver;
use crate::turn::{Emitter, TurnLimits};

pub(super) struct TurnContext {
    pub(super) emitter: Emitter,
    pub(super) offer: Offer,
    pub(super) approver: Arc<dyn Approver>,
    pub(super) limits: TurnLimits,
    pub(super) stopwatch: Stopwatch,
    /// Fires when the turn is over, for the tools that still run then.
    pub(super) cancelled: CancellationToken,
    /// The tasks of tools.
    pub(super) tasks: TaskTracker,
}

impl Drop for TurnContext {
    fn drop(&mut self) {
        self.cancelled.cancel();
    }
}
