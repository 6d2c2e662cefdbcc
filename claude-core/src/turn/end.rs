//! How a turn ends.

use super::event::{Failed, TurnEvent};
use super::handle::Stop;
use crate::error::Error;
use crate::text::Text;

/// How a turn ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum TurnEnd {
    /// The answer is complete.
    Completed {
        /// Why the model stopped, as the API names it.
        stop_reason: Option<Text>,
    },
    /// The turn failed.
    Failed(Failed),
    /// Somebody stopped it.
    Cancelled {
        /// Who or what: `user`, `no_reader`, `shutdown`.
        by: Text,
    },
}

impl TurnEnd {
    /// The end that an event is, if it is one.
    #[must_use]
    pub fn of(event: TurnEvent) -> Option<Self> {
        match event {
            TurnEvent::Completed { stop_reason } => Some(Self::Completed { stop_reason }),
            TurnEvent::Failed(failed) => Some(Self::Failed(failed)),
            TurnEvent::Cancelled { by } => Some(Self::Cancelled { by }),
            _ => None,
        }
    }

    /// The end of a turn that did as it was asked.
    pub fn stopped(stop: Stop) -> Self {
        match stop {
            Stop::Interrupt { by } | Stop::Cancel { by } => Self::Cancelled { by },
        }
    }
}

impl From<&Error> for TurnEnd {
    fn from(error: &Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<TurnEnd> for TurnEvent {
    fn from(end: TurnEnd) -> Self {
        match end {
            TurnEnd::Completed { stop_reason } => Self::Completed { stop_reason },
            TurnEnd::Failed(failed) => Self::Failed(failed),
            TurnEnd::Cancelled { by } => Self::Cancelled { by },
        }
    }
}
