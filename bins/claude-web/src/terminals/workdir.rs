//! Where terminals work: a directory of ours, and nobody else's.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use claude_core::cli::ChildUser;

/// The directory that terminals work in: private (0700), and its user's.
#[derive(Debug, Clone)]
pub struct WorkingDir(PathBuf);

impl WorkingDir {
    /// Makes it where it is missing. It may lie where anybody may make directories: one of another user, or a link, is
    /// refused.
    ///
    /// # Errors
    /// When it can't be made, or is not ours.
    pub fn open(path: &Path, user: Option<&ChildUser>) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above)?;
        }
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let found = std::fs::symlink_metadata(&path)?;
        let ours = rustix::process::geteuid().as_raw();
        let owner = user.map_or(ours, ChildUser::uid);
        if !found.is_dir() || (found.uid() != ours && found.uid() != owner) {
            let message = format!("{} is a link, no directory, or another user's", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        if let Some(user) = user {
            chown(&path, Some(user.uid()), Some(user.gid()))?;
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        std::fs::canonicalize(path).map(Self)
    }

    /// Where it is, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_private_however_it_was_found() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        for _ in 0..2 {
            let opened = WorkingDir::open(&path, None).unwrap();
            assert_eq!(std::fs::metadata(opened.path()).unwrap().mode() & 0o777, 0o700);
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn a_link_that_somebody_laid_there_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(home.path(), &link).unwrap();
        assert!(WorkingDir::open(&link, None).is_err());
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(WorkingDir::open(&file, None).is_err());
    }
}
