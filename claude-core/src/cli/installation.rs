//! The CLI as it is installed: there, sound, logged in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process_tree::{Grace, Tree};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::child_user::ChildUser;
use super::command::Command;
use super::outcome::Exit;
use super::process::not_started;
use crate::error::{Error, Phase, Result};

/// How long the CLI may take to tell its version or its login.
const ANSWER: Duration = Duration::from_secs(30);

/// The most bytes of such an answer that are read.
const ANSWER_BYTES: u64 = 64 << 10;

/// The first version that is known to write all of its output.
const SOUND: Version = Version { major: 2, minor: 1, patch: 329 };

/// A version of the CLI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Of `major.minor.patch`.
    pub major: u32,
    /// Of `major.minor.patch`.
    pub minor: u32,
    /// Of `major.minor.patch`.
    pub patch: u32,
}

impl Version {
    /// Reads what `claude --version` prints: `2.1.329 (Claude Code)`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace().next()?.splitn(3, '.').map(str::parse);
        let mut part = || parts.next()?.ok();
        Some(Self { major: part()?, minor: part()?, patch: part()? })
    }

    /// What is known against this version.
    #[must_use]
    pub fn warning(self) -> Option<&'static str> {
        if self < (Version { major: 2, minor: 0, patch: 0 }) {
            return Some("it is older than the control protocol, so nobody can be asked for approval");
        }
        (self < SOUND).then_some(
            "versions before 2.1.329 may lose what their output pipe does not hold when they exit; \
             install @anthropic-ai/claude-code@2.1.329 or newer",
        )
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// How the CLI is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Login {
    /// Whether it is.
    pub logged_in: bool,
    /// In its own words, such as `none`, `api_key`, `claude.ai`.
    #[serde(default)]
    pub auth_method: String,
}

/// A CLI that answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Installation {
    /// As it was asked for.
    pub program: PathBuf,
    /// What it says it is.
    pub version: Version,
    /// What holds a run's descendants here: `cgroup`, `supervisor` or `marker`.
    pub containment: String,
    /// Who asks, if not we.
    user: Option<ChildUser>,
}

impl Installation {
    /// Asks the CLI for its version.
    ///
    /// # Errors
    /// As [`Command::spawn`]; [`Error::CliFailed`] where it answers something else.
    pub async fn probe(program: impl Into<PathBuf>) -> Result<Self> {
        Self::probe_by(program.into(), None).await
    }

    /// As [`Installation::probe`], but everything is asked as the user that runs are started as. A program that this
    /// user may change must not be run by anybody else.
    ///
    /// # Errors
    /// As [`Installation::probe`].
    pub async fn probe_as(program: impl Into<PathBuf>, user: ChildUser) -> Result<Self> {
        Self::probe_by(program.into(), Some(user)).await
    }

    async fn probe_by(program: PathBuf, user: Option<ChildUser>) -> Result<Self> {
        let answer = ask(&program, user.as_ref(), &["--version"]).await?;
        let Some(version) = Version::parse(&answer.text) else {
            return Err(Error::CliFailed {
                exit: answer.exit,
                message: "it does not tell its version".into(),
            });
        };
        Ok(Self { program, version, containment: answer.containment, user })
    }

    /// Asks the CLI how it is logged in. Versions that can't tell give `None`.
    ///
    /// # Errors
    /// As [`Command::spawn`].
    pub async fn login(&self) -> Result<Option<Login>> {
        let answer = ask(&self.program, self.user.as_ref(), &["auth", "status"]).await?;
        Ok(serde_json::from_str(&answer.text).ok())
    }
}

struct Answer {
    text: String,
    exit: Exit,
    containment: String,
}

async fn ask(program: &Path, user: Option<&ChildUser>, arguments: &[&str]) -> Result<Answer> {
    let mut child = process_tree::Command::new(program).args(arguments);
    let mut command = Command::new(program).inherit_anthropic();
    if let Some(user) = user {
        // Our own directory may be closed to that user.
        child = child.user(user.system()).cwd("/");
        command = command.user(user.clone());
    }
    for (name, value) in command.environment() {
        child = child.env(name, value);
    }
    let (tree, pipes) = Tree::piped(child).await.map_err(|error| not_started(program, error))?;
    drop(pipes.stdin);
    let containment = holder(tree.reach()).to_owned();
    // Both are read, so that neither pipe stops the child.
    let answer = async { tokio::join!(read(pipes.stdout), read(pipes.stderr)).0 };
    let text = tokio::time::timeout(ANSWER, answer).await;
    let exit = tree.end(Grace::default()).await.into();
    match text {
        Ok(text) => Ok(Answer { text, exit, containment }),
        Err(_) => Err(Error::TimedOut { phase: Phase::Total, after: ANSWER }),
    }
}

fn holder(reach: process_tree::Reach) -> &'static str {
    match reach {
        process_tree::Reach::Cgroup => "cgroup",
        process_tree::Reach::Supervisor => "supervisor",
        _ => "marker",
    }
}

async fn read(from: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    // An answer that breaks off is no answer; what it says tells.
    let _ = from.take(ANSWER_BYTES).read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_judged() {
        let sound = Version::parse("2.1.329 (Claude Code)\n").unwrap();
        assert_eq!((sound.to_string().as_str(), sound.warning()), ("2.1.329", None));
        assert!(Version::parse("2.1.197 (Claude Code)").unwrap().warning().unwrap().contains("lose"));
        assert!(Version::parse("1.0.10 (Claude Code)").unwrap().warning().is_some());
        for text in ["", "claude", "2.1", "v2.1.3", "a.b.c"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
