//! Why a deployment failed, in our words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why it failed. Nothing in it comes from the server: that may be SQL, or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A project of this name is there, and it isn't ours.
    NameTaken,
    /// The DNS record of the host is there, and it isn't ours.
    RecordTaken,
    /// The key was refused.
    Unauthorized,
    /// What answers is not what Dokploy's URL says: its certificate or its protocol is another.
    WrongEndpoint,
    /// The server refused a request with this status.
    Rejected(u16),
    /// The request could not be made, because of what was given.
    Invalid,
    /// What was to be worked on is not there any more.
    NotFound,
    /// A step kept failing for its time.
    Unavailable,
    /// The job did not end in time.
    TimedOut,
    /// The stack did not answer in time.
    Unhealthy,
    /// The image could not be pulled.
    ImagePull,
    /// There was no image to pull.
    ImageMissing,
    /// A variable refers to one that isn't there.
    EnvReference,
    /// The engine refused the service.
    ServiceRefused,
    /// The server was restarted, and dropped the job.
    Cancelled,
    /// Whoever asked for it withdrew it.
    Withdrawn,
    /// It couldn't be found out.
    Unknown,
}

/// Words of a job's log and what they mean; the first that is found counts.
const WORDS: [(&str, Reason); 8] = [
    ("Invalid project environment variable", Reason::EnvReference),
    ("Invalid environment variable", Reason::EnvReference),
    ("Invalid service environment variable", Reason::EnvReference),
    ("Docker image not found", Reason::ImageMissing),
    ("Pulling image failed", Reason::ImagePull),
    ("pull access denied", Reason::ImagePull),
    ("manifest unknown", Reason::ImagePull),
    ("(HTTP code ", Reason::ServiceRefused),
];

impl Reason {
    /// A stable name in snake case: `rejected` for each status.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NameTaken => "name_taken",
            Self::RecordTaken => "record_taken",
            Self::Unauthorized => "unauthorized",
            Self::Rejected(_) => "rejected",
            Self::WrongEndpoint => "wrong_endpoint",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::Unhealthy => "unhealthy",
            Self::ImagePull => "image_pull",
            Self::ImageMissing => "image_missing",
            Self::EnvReference => "env_reference",
            Self::ServiceRefused => "service_refused",
            Self::Cancelled => "cancelled",
            Self::Withdrawn => "withdrawn",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the reason from the log of a job that failed.
    #[must_use]
    pub fn read(log: &str) -> Self {
        let found = WORDS.iter().find(|(words, _)| log.contains(words));
        found.map_or(Self::Unknown, |(_, reason)| *reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Rejected(status) = self {
            return write!(f, "Dokploy refused a request with status {status}");
        }
        f.write_str(match self {
            Self::NameTaken => "the name is taken; take another",
            Self::RecordTaken => "the host has a DNS record already; take another name",
            Self::Unauthorized => "Dokploy refused the key",
            Self::WrongEndpoint => {
                "what answers is not what Dokploy's URL says; check the URL and the certificate"
            }
            Self::Invalid => "the request could not be made",
            Self::NotFound => "the stack is not there any more",
            Self::Unavailable => "Dokploy could not be reached; try again later",
            Self::TimedOut => "the deployment took too long",
            Self::Unhealthy => "the stack was deployed but does not answer",
            Self::ImagePull => "the image could not be pulled",
            Self::ImageMissing => "no image was set",
            Self::EnvReference => "a variable refers to one that is not there",
            Self::ServiceRefused => "the engine refused the service",
            Self::Cancelled => "Dokploy was restarted in the midst of the deployment; try again",
            Self::Withdrawn => "the deployment was withdrawn",
            Self::Rejected(_) | Self::Unknown => "the deployment failed for an unknown reason",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_why_a_job_failed() {
        for (log, reason) in [
            ("pull access denied for x\n❌ Pulling image failed\n", Reason::ImagePull),
            ("Docker image not found", Reason::ImageMissing),
            ("Error: Invalid project environment variable: project.NOPE", Reason::EnvReference),
            ("(HTTP code 500) server error - rpc error", Reason::ServiceRefused),
            ("Error occurred ❌, check the logs for details.", Reason::Unknown),
            ("", Reason::Unknown),
        ] {
            assert_eq!(Reason::read(log), reason, "{log}");
        }
    }
}
