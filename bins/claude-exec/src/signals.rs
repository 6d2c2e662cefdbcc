//! Ctrl-C and its like.

use std::time::Duration;

use claude_core::cli::Control;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long the run may take to end after the second signal, before we leave without it. Ending a tree takes
/// at most 5 s.
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

    /// The first Ctrl-C interrupts the run, which then ends with a result; the second ends it. Completes only
    /// when the run did not end in time.
    pub(crate) async fn steer(mut self, control: &Control) {
        tokio::select! {
            _ = self.interrupt.recv() => {
                control.interrupt();
                anstream::eprintln!("\ninterrupting; press Ctrl-C again to end it");
                self.any().await;
            }
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
        control.cancel("user");
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
