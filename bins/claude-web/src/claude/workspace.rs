//! Where sessions work: a directory of its own for each.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use claude_core::cli::ChildUser;
use server_kit::problem::Problem;

use super::request::Origin;

/// What a workspace of ours is called: this and a UUID.
const PREFIX: &str = "session-";

/// The directory of all workspaces.
#[derive(Debug)]
pub(super) struct Workspaces {
    root: PathBuf,
    user: Option<ChildUser>,
}

/// A run's working directory.
#[derive(Debug)]
pub(crate) struct Workspace {
    path: PathBuf,
    /// Made for this run: it goes again if no session came of it.
    is_new: bool,
}

impl Workspaces {
    /// Makes the directory, for its owner alone. Where the CLI runs as another user, that user may pass through it to
    /// its workspaces, but not list or change it.
    pub(super) fn open(root: &Path, user: Option<ChildUser>) -> io::Result<Self> {
        let mode = if user.is_some() { 0o711 } else { 0o700 };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        std::fs::set_permissions(root, PermissionsExt::from_mode(mode))?;
        Ok(Self { root: std::fs::canonicalize(root)?, user })
    }

    /// Where a run works: a new directory, the one it asked for, or its session's. The last is made again if it was
    /// lost, so that the session can go on.
    pub(super) async fn of(&self, origin: &Origin, known: Option<&str>) -> io::Result<Workspace> {
        match (origin, known) {
            (Origin::New { directory: Some(path) }, _) => Ok(Workspace { path: path.clone(), is_new: false }),
            (_, Some(known)) => {
                let path = PathBuf::from(known);
                if self.is_ours(&path) && !path.exists() {
                    self.make(&path)?;
                }
                Ok(Workspace { path, is_new: false })
            }
            (_, None) => {
                let path = self.root.join(format!("{PREFIX}{}", uuid::Uuid::new_v4()));
                self.make(&path)?;
                Ok(Workspace { path, is_new: true })
            }
        }
    }

    /// Removes a workspace of ours with all that is in it; any other directory stays.
    pub(super) async fn remove(&self, path: &str) -> io::Result<()> {
        let path = PathBuf::from(path);
        if !self.is_ours(&path) {
            return Ok(());
        }
        match tokio::fs::remove_dir_all(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn make(&self, path: &Path) -> io::Result<()> {
        std::fs::DirBuilder::new().mode(0o700).create(path)?;
        match &self.user {
            Some(user) => chown(path, Some(user.uid()), Some(user.gid())),
            None => Ok(()),
        }
    }

    fn is_ours(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(PREFIX));
        path.parent() == Some(&self.root) && name.is_some_and(|id| uuid::Uuid::try_parse(id).is_ok())
    }
}

impl Workspace {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// No session came of it: an empty directory that was made for it goes again.
    pub(crate) async fn discard_if_unused(&self) {
        if self.is_new {
            // One that holds something stays, and so does one that can't be removed.
            let _ = tokio::fs::remove_dir(&self.path).await;
        }
    }
}

/// What is told of a workspace that can't be made.
pub(super) fn problem(error: io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let status = axum::http::StatusCode::INSUFFICIENT_STORAGE;
            Problem::new(status, "storage_full", "the server's disk is full").because(error)
        }
        _ => Problem::unavailable("no workspace can be made; see the server's log").because(error),
    }
}
