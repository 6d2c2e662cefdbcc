//! Ctrl-C and its like.

use std::time::Duration;

use claude_core::TurnHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::tell;

/// How long the run may take after the first Ctrl-C to end with a result, before it is ended. A build server
/// sends the signal once.
const RESULT: Duration = Duration::from_secs(10);

/// How long ending it may take, before we leave without it. Ending a tree takes at most 5 s.
const PATIENCE: Duration = Duration::from_secs(6);

/// The signals that ask us to stop.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The first Ctrl-C interrupts the run, which then ends with a result; the second, or 10 s, end it. Completes only
    /// when the run did not end in time.
    pub(crate) async fn steer(mut self, handle: &TurnHandle) {
        tokio::select! {
            _ = self.interrupt.recv() => {
                handle.interrupt();
                tell("\ninterrupting; press Ctrl-C again to end it");
                // Either way it is ended now.
                let _ = tokio::time::timeout(RESULT, self.any()).await;
            }
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
        handle.cancel("user");
        tokio::time::sleep(PATIENCE).await;
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
