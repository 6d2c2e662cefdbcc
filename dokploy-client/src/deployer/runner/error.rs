//! Why nothing was begun.

use crate::deployer::journal::JournalError;
use crate::error::Error;

/// Why nothing was begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// A deployment of this name is there.
    #[error("the name is taken; take another")]
    NameTaken,
    /// The idempotency key was used for another plan.
    #[error("the idempotency key was used for another plan; take a new one")]
    KeyReused,
    /// There is no such deployment.
    #[error("there is no such deployment")]
    NotFound,
    /// Something is being done with it; wait for its end.
    #[error("something is being done with this deployment; wait for its end")]
    Busy,
    /// What it is allows no such operation.
    #[error("this can't be done with the deployment as it is")]
    NotNow,
    /// The deployer was shut down.
    #[error("the deployer is shutting down; try again later")]
    ShuttingDown,
    /// The journal can't be used.
    #[error(transparent)]
    Journal(JournalError),
    /// A plan wants a DNS record, but the deployer was given no zone.
    #[error("the plan has a DNS record, but no zone was set")]
    NoZone,
    /// Dokploy did not answer.
    #[error(transparent)]
    Dokploy(#[from] Error),
}

impl DeployError {
    /// A stable name in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NameTaken => "name_taken",
            Self::KeyReused => "key_reused",
            Self::NotFound => "not_found",
            Self::Busy => "busy",
            Self::NotNow => "not_now",
            Self::ShuttingDown => "shutting_down",
            Self::Journal(_) => "journal",
            Self::NoZone => "no_zone",
            Self::Dokploy(error) => error.code(),
        }
    }

    /// Whether the same may be of use later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy | Self::ShuttingDown => true,
            Self::Journal(error) => matches!(error, JournalError::Unavailable { .. }),
            Self::Dokploy(error) => error.is_retryable(),
            Self::NameTaken | Self::KeyReused | Self::NotFound | Self::NotNow | Self::NoZone => false,
        }
    }
}

impl From<JournalError> for DeployError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::NameTaken => Self::NameTaken,
            JournalError::KeyReused => Self::KeyReused,
            JournalError::NotFound => Self::NotFound,
            JournalError::Lost => Self::Busy,
            other => Self::Journal(other),
        }
    }
}
