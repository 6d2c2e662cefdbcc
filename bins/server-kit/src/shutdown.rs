//! Signals: the first asks the server to end, the second insists.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What the signals ask for.
///
/// SIGTERM, SIGINT and SIGHUP ask for an orderly end; a second one of them, for an end at once. A SIGHUP that is
/// ignored when the server starts (`nohup`) stays ignored. SIGPIPE is ignored from the start of every Rust program:
/// a closed standard output is no reason to end.
#[derive(Debug, Clone)]
pub struct Shutdown {
    asked: CancellationToken,
    insisted: CancellationToken,
}

impl Shutdown {
    /// Listens for signals from now on. It needs a runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        let mut signals = Signals::new()?;
        let shutdown = Self::by_hand();
        let told = shutdown.clone();
        tokio::spawn(async move {
            let signal = signals.next().await;
            tracing::info!(signal, "shutting down");
            told.asked.cancel();
            let signal = signals.next().await;
            tracing::warn!(signal, "ending at once");
            told.insisted.cancel();
        });
        Ok(shutdown)
    }

    /// One that no signal asks.
    #[must_use]
    pub fn by_hand() -> Self {
        Self { asked: CancellationToken::new(), insisted: CancellationToken::new() }
    }

    /// Cancelled when an end is asked for: what [`Server::serve`](crate::server::Server::serve) takes.
    #[must_use]
    pub fn asked(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// Cancelled when an end is insisted on.
    #[must_use]
    pub fn insisted(&self) -> CancellationToken {
        self.insisted.clone()
    }

    /// Does the work of `main`; `None` if an end was insisted on before it was done: the work is dropped.
    pub async fn over<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::select! {
            done = work => Some(done),
            () = self.insisted.cancelled() => None,
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Option<Signal>,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let hang_up = if hang_up_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        let [terminate, interrupt] = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        Ok(Self { terminate, interrupt, hang_up })
    }

    async fn next(&mut self) -> &'static str {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = hang_up => "SIGHUP",
        }
    }
}

fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_ends_by_itself_or_when_an_end_is_insisted_on() {
        let shutdown = Shutdown::by_hand();
        assert_eq!(shutdown.over(async { 7 }).await, Some(7));
        shutdown.insisted().cancel();
        assert_eq!(shutdown.over(std::future::pending::<()>()).await, None);
    }
}
