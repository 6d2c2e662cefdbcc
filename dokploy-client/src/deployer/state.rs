//! Where a deployment is, as people see it.

use serde::{Deserialize, Serialize};

/// What a deployment does, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// It waits for its turn, and looks whether the name is free.
    Initializing,
    /// It makes the project.
    CreatingProject,
    /// It makes the application.
    CreatingApplication,
    /// It sets image and variables.
    Configuring,
    /// It makes the DNS record, if there is one, and the domain.
    CreatingDomain,
    /// It waits for Dokploy's job.
    Deploying,
    /// It waits for the stack to answer.
    HealthCheck,
    /// The stack is there.
    Completed,
    /// It deletes what it made.
    RollingBack,
    /// It failed.
    Failed,
    /// The stack is deployed anew.
    Redeploying,
    /// The stack is being stopped.
    Stopping,
    /// The stack is stopped.
    Stopped,
    /// The stack is being started.
    Starting,
    /// The stack is being deleted.
    Destroying,
    /// The stack is gone.
    Destroyed,
}

/// What is done with a deployment. Each is a machine of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Make the stack.
    Deploy,
    /// Have it deployed again.
    Redeploy,
    /// Stop its service.
    Stop,
    /// Start its service.
    Start,
    /// Delete all of it.
    Destroy,
    /// Delete what a failed one left.
    Tidy,
}

impl State {
    /// How far the work is with this state, in percent. What is rolled back keeps what it had reached.
    #[must_use]
    pub fn percent(self) -> u8 {
        match self {
            Self::Initializing | Self::RollingBack | Self::Failed => 0,
            Self::CreatingProject => 10,
            Self::CreatingApplication => 25,
            Self::Configuring => 40,
            Self::Stopping | Self::Starting | Self::Destroying => 50,
            Self::CreatingDomain => 55,
            Self::Deploying | Self::Redeploying => 70,
            Self::HealthCheck => 90,
            Self::Completed | Self::Stopped | Self::Destroyed => 100,
        }
    }

    /// What is being done, in a few words for people.
    #[must_use]
    pub fn current_step(self) -> &'static str {
        match self {
            Self::Initializing => "Checking the name",
            Self::CreatingProject => "Creating the project",
            Self::CreatingApplication => "Creating the application",
            Self::Configuring => "Setting image and variables",
            Self::CreatingDomain => "Creating the domain",
            Self::Deploying => "Deploying",
            Self::HealthCheck => "Waiting for the stack to answer",
            Self::Completed => "The stack is running",
            Self::RollingBack => "Removing what was made",
            Self::Failed => "The deployment failed",
            Self::Redeploying => "Deploying again",
            Self::Stopping => "Stopping",
            Self::Stopped => "The stack is stopped",
            Self::Starting => "Starting",
            Self::Destroying => "Removing the stack",
            Self::Destroyed => "The stack is gone",
        }
    }

    /// Whether a deployment that is to become a stack has this state.
    pub(super) fn is_on_the_way(self) -> bool {
        matches!(
            self,
            Self::Initializing
                | Self::CreatingProject
                | Self::CreatingApplication
                | Self::Configuring
                | Self::CreatingDomain
                | Self::Deploying
                | Self::HealthCheck
        )
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped | Self::Destroyed)
    }
}

/// Where a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Progress {
    /// What it does.
    pub status: State,
    /// How far it is, in percent. It never falls.
    pub progress: u8,
    /// The state in words.
    pub current_step: &'static str,
}

impl Progress {
    pub(super) fn new(status: State, progress: u8) -> Self {
        Self { status, progress, current_step: status.current_step() }
    }
}
