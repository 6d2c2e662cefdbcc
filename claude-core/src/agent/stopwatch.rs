//! How long a turn may still take, while nobody is waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Runs until its time is up; stands still while it is paused. Clones are the same one.
#[derive(Clone)]
pub(super) struct Stopwatch(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    resumed: Notify,
}

#[derive(Clone, Copy)]
enum State {
    Endless,
    Running { until: Instant },
    Paused { left: Duration },
}

/// While it lives, the stopwatch stands still.
pub(super) struct Paused(Stopwatch);

impl Stopwatch {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let state = until.map_or(State::Endless, |until| State::Running { until });
        Self(Arc::new(Inner { state: Mutex::new(state), resumed: Notify::new() }))
    }

    /// Completes when the time is up.
    pub(super) async fn expired(&self) {
        loop {
            let resumed = self.0.resumed.notified();
            let state = *self.state();
            match state {
                State::Running { until } if until <= Instant::now() => return,
                // It may have been paused in the meantime, so it is looked at again.
                State::Running { until } => sleep_until(until).await,
                State::Endless | State::Paused { .. } => resumed.await,
            }
        }
    }

    pub(super) fn pause(&self) -> Paused {
        let mut state = self.state();
        if let State::Running { until } = *state {
            *state = State::Paused { left: until.saturating_duration_since(Instant::now()) };
        }
        drop(state);
        Paused(self.clone())
    }

    fn resume(&self) {
        let mut state = self.state();
        if let State::Paused { left } = *state {
            let until = Instant::now().checked_add(left);
            *state = until.map_or(State::Endless, |until| State::Running { until });
        }
        drop(state);
        self.0.resumed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.0.resume();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn waiting_is_not_counted() {
        let stopwatch = Stopwatch::new(Some(10 * SECOND));
        let begun = Instant::now();
        let waiting = async {
            sleep(4 * SECOND).await;
            let paused = stopwatch.pause();
            sleep(100 * SECOND).await;
            drop(paused);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = stopwatch.expired() => {}
            () = waiting => {}
        }
        assert_eq!(begun.elapsed(), 110 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_it_never_ends() {
        let stopwatch = Stopwatch::new(None);
        drop(stopwatch.pause());
        assert!(timeout(1_000_000 * SECOND, stopwatch.expired()).await.is_err());
        assert!(timeout(SECOND, Stopwatch::new(Some(Duration::MAX)).expired()).await.is_err());
    }
}
