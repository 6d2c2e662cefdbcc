//! Applications as Dokploy tells them.

use std::time::SystemTime;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::client::deployment::Deployment;
use crate::client::domain::Domain;
use crate::id::{ApplicationId, EnvironmentId, ProjectId};
use crate::open_enum::open_enum;
use crate::time;

/// An application. Its variables are not shown.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Application {
    /// Its id.
    #[serde(rename = "applicationId")]
    pub id: ApplicationId,
    /// Its name; others may have the same.
    pub name: String,
    /// The name of its service, as it is stored: old versions check nothing.
    pub app_name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its state.
    #[serde(rename = "applicationStatus")]
    pub status: ApplicationStatus,
    /// Where it comes from.
    pub source_type: SourceType,
    /// The image, where it comes from one.
    pub docker_image: Option<String>,
    /// How many containers there are to be.
    pub replicas: Option<u32>,
    /// Bytes of memory that a container may take; no limit where there is none, or one that is no number.
    #[serde(default, rename = "memoryLimit", deserialize_with = "number_or_none")]
    pub memory_bytes: Option<u64>,
    /// Its variables, as dotenv.
    #[serde(default, deserialize_with = "secret_or_null")]
    pub env: Option<SecretString>,
    /// When it was made.
    #[serde(deserialize_with = "time::rfc3339")]
    pub created_at: SystemTime,
    /// The environment that it belongs to, since 0.25.
    pub environment_id: Option<EnvironmentId>,
    /// The project that it belongs to, before 0.25.
    pub project_id: Option<ProjectId>,
    /// Its domains, where they are told: by `one`.
    #[serde(default)]
    pub domains: Vec<Domain>,
    /// Its deployments, newest first, where they are told: by all calls that tell an application, but for `create`.
    #[serde(default, deserialize_with = "newest_first")]
    pub deployments: Vec<Deployment>,
}

/// It is stored as text, of which old versions check nothing.
fn number_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| text.trim().parse().ok()))
}

fn secret_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

/// Dokploy tells them in no order: oldest first, as long as the database did not move one.
fn newest_first<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Deployment>, D::Error> {
    let mut deployments = Vec::<Deployment>::deserialize(deserializer)?;
    deployments.sort_by_key(|it| it.created_at);
    deployments.reverse();
    Ok(deployments)
}

/// An application, as its project or environment tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ApplicationSummary {
    /// Its id.
    #[serde(rename = "applicationId")]
    pub id: ApplicationId,
    /// Its name; others may have the same.
    pub name: String,
    /// The name of its service, where it is told.
    pub app_name: Option<String>,
    /// Its state.
    #[serde(rename = "applicationStatus")]
    pub status: ApplicationStatus,
}

open_enum! {
    /// The state of an application: of its last deployment, rather than of its containers.
    ApplicationStatus {
        /// Not deployed, stopped, or broken off by a restart of the server.
        Idle = "idle",
        /// A deployment runs, or did when the server was restarted.
        Running = "running",
        /// The last deployment made the service; whether its container runs and answers is another matter.
        Done = "done",
        /// The last deployment failed.
        Error = "error",
    }
}

open_enum! {
    /// Where an application comes from.
    SourceType {
        /// An image.
        Docker = "docker",
        /// GitHub; also where nothing was chosen yet.
        Github = "github",
        /// A git repository.
        Git = "git",
        /// GitLab.
        Gitlab = "gitlab",
        /// Bitbucket.
        Bitbucket = "bitbucket",
        /// Gitea.
        Gitea = "gitea",
        /// An uploaded file.
        Drop = "drop",
    }
}
