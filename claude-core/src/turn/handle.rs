//! Stops a turn from anywhere.

use tokio::sync::watch;

use crate::text::Text;

/// How a turn is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// What goes on is brought to its end: Claude Code writes a result, the API's answer is cut off where it is.
    Interrupt {
        /// Who stands in the turn's end.
        by: Text,
    },
    /// All is ended.
    Cancel {
        /// Who stands in the turn's end.
        by: Text,
    },
}

/// Stops a turn: `Clone`, `Send`, `Sync`. Dropping it does nothing. What it asks is done while the turn is polled:
/// before the first poll nothing begins, after the end nothing happens.
#[derive(Debug, Clone)]
pub struct TurnHandle(watch::Sender<Option<Stop>>);

/// Where a turn's work hears of it.
#[derive(Debug, Clone)]
pub struct Stops(watch::Receiver<Option<Stop>>);

impl TurnHandle {
    pub(crate) fn new() -> (Self, Stops) {
        let (asked, stops) = watch::channel(None);
        (Self(asked), Stops(stops))
    }

    /// Asks the turn to stop what it does. May be called twice.
    pub fn interrupt(&self) {
        self.stop(Stop::Interrupt { by: "user".into() });
    }

    /// Ends the turn. `by` stands in its end.
    pub fn cancel(&self, by: &str) {
        self.stop(Stop::Cancel { by: by.into() });
    }

    /// Asks for this stop: what a backend around another one passes on. A cancellation is not weakened.
    pub fn stop(&self, stop: Stop) {
        self.0.send_if_modified(|asked| {
            let counts = matches!(stop, Stop::Cancel { .. }) || !matches!(asked, Some(Stop::Cancel { .. }));
            if counts {
                *asked = Some(stop);
            }
            counts
        });
    }
}

impl Stops {
    /// The newest stop that was asked for, told or not.
    #[must_use]
    pub fn asked(&self) -> Option<Stop> {
        self.0.borrow().clone()
    }

    /// Waits until somebody asks for a stop that was not told yet; for ever once nobody can. Cancel safe.
    pub async fn stopped(&mut self) -> Stop {
        if self.0.changed().await.is_ok()
            && let Some(asked) = self.0.borrow_and_update().clone()
        {
            return asked;
        }
        std::future::pending().await
    }
}
