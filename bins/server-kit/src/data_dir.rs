//! The server's directory: private, and owned by one server at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

const LOCK: &str = "lock";

/// A data directory, held as long as this lives. The lock is the system's, so that nothing stays behind after a
/// `kill -9`.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a directory can't be the server's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another server has it.
    #[error("{path} is in use by another server{}", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// That server, where the lock file tells.
        pid: Option<u32>,
    },
    /// It belongs to another user, who could read or change what is in it.
    #[error("{path} belongs to user {owner}: run the server as that user, or `chown` it")]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// It can't be made, opened or locked.
    #[error("{path} can't be used")]
    Unusable {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl DataDir {
    /// Makes the directory if there is none (0700), and takes it.
    ///
    /// One of our own that others may read or write is repaired to 0700, and the log says so; one of another user
    /// is refused.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Foreign`], [`Error::Unusable`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        make_private(path)?;
        let lock = take(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a program's data are kept unless `DATA_DIR` says otherwise: `$XDG_DATA_HOME/claude-opskit/PROGRAM`, or
/// `~/.local/share/claude-opskit/PROGRAM`. Relative paths in the variables don't count, as their standard says.
#[must_use]
pub fn default_path(program: &str, env: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|path| path.is_absolute());
    let base = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")))?;
    Some(base.join("claude-opskit").join(program))
}

fn make_private(path: &Path) -> Result<(), Error> {
    let unusable = |source| Error::Unusable { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
    let found = std::fs::metadata(path).map_err(unusable)?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::Foreign { path: path.to_owned(), owner: found.uid() });
    }
    if found.mode() & 0o077 != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(unusable)?;
        tracing::warn!(path = %path.display(), mode = format!("{:o}", found.mode() & 0o777), "was open to others; it is 700 now");
    }
    Ok(())
}

fn take(directory: &Path) -> Result<File, Error> {
    let path = directory.join(LOCK);
    let unusable = |source| Error::Unusable { path: path.clone(), source };
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(unusable)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(Error::InUse { path: directory.to_owned(), pid: holder(&mut file) });
        }
        Err(error) => return Err(unusable(error.into())),
    }
    // The number is only for messages: a full disk must not keep the server from starting.
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_kept_where_the_desktop_standard_says() {
        let path = |xdg: Option<&str>, home: Option<&str>| {
            default_path("claude-web", |name| {
                if name == "HOME" { home.map(PathBuf::from) } else { xdg.map(PathBuf::from) }
            })
        };
        let at = |path: &str| Some(PathBuf::from(path));
        assert_eq!(path(Some("/data"), Some("/home/a")), at("/data/claude-opskit/claude-web"));
        assert_eq!(path(None, Some("/home/a")), at("/home/a/.local/share/claude-opskit/claude-web"));
        assert_eq!(path(Some("data"), Some("/home/a")), at("/home/a/.local/share/claude-opskit/claude-web"));
        assert_eq!(path(None, None), None);
    }

    #[test]
    fn a_directory_that_is_no_directory_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(DataDir::open(&file), Err(Error::Unusable { .. })));
    }

    #[test]
    fn a_dropped_directory_can_be_taken_again() {
        let home = tempfile::tempdir().unwrap();
        let held = DataDir::open(home.path()).unwrap();
        let Err(Error::InUse { pid, .. }) = DataDir::open(home.path()) else { panic!("two servers have it") };
        assert_eq!(pid, Some(std::process::id()));
        drop(held);
        DataDir::open(home.path()).unwrap();
    }
}
