//! The versions that are played, and what differs by them.

use std::fmt;

/// A version of Dokploy that the server behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// Applications belong to projects, deployments have no descriptions, jobs are kept over a restart.
    V0_24_12,
    /// Projects have environments, of which none says that it is the default one; names on the server are not checked; jobs
    /// are kept over a restart.
    ///
    /// **Not recorded**, and not in [`ALL`](Self::ALL): it is played as 0.26.7 was recorded, but for what differs by the
    /// source of the two.
    V0_25_11,
    /// The default environment says that it is it; jobs are kept over a restart.
    V0_26_7,
    /// Logs and the queue can be read, input is checked strictly, jobs are lost in a restart.
    V0_30_2,
}

impl Version {
    /// All whose behaviour was recorded, oldest first.
    pub const ALL: [Self; 3] = [Self::V0_24_12, Self::V0_26_7, Self::V0_30_2];

    /// Whether applications belong to environments.
    pub(super) fn has_environments(self) -> bool {
        self >= Self::V0_25_11
    }

    /// Whether an environment says if it is the default one. Before, it is the one of the name `production`.
    pub(super) fn marks_default_environments(self) -> bool {
        self >= Self::V0_26_7
    }

    /// Whether a deployment keeps the title and description it is asked for with.
    pub(super) fn keeps_descriptions(self) -> bool {
        self >= Self::V0_25_11
    }

    /// Whether a deployment that a restart has interrupted is told to be cancelled.
    pub(super) fn cancels_deployments(self) -> bool {
        self >= Self::V0_25_11
    }

    /// Whether an application's name on the server is checked.
    pub(super) fn checks_app_names(self) -> bool {
        self >= Self::V0_26_7
    }

    /// Whether it is of the line of 0.30: strict input, errors with `data`, summaries instead of rows, a queue in memory.
    pub(super) fn is_strict(self) -> bool {
        self >= Self::V0_30_2
    }
}

/// As `settings.getDokployVersion` tells it.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_24_12 => "v0.24.12",
            Self::V0_25_11 => "v0.25.11",
            Self::V0_26_7 => "v0.26.7",
            Self::V0_30_2 => "v0.30.2",
        })
    }
}
