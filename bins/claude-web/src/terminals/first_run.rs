//! Has Claude Code's own interface open ready to use: what it would ask at its first start in a place is answered
//! in its files beforehand.
//!
//! Seen with version 2.1.329, with a login as well as without one, as root and as another user:
//!
//! | question | answered by | in |
//! |---|---|---|
//! | theme, login, notes on security | `hasCompletedOnboarding` | `.claude.json` |
//! | whether to trust the directory | `projects[<directory>].hasTrustDialogAccepted`, symbolic links resolved | `.claude.json` |
//! | whether to go on without asking for permissions, in that mode alone | `skipDangerousModePermissionPrompt` | `settings.json` |
//!
//! No other key is needed: neither a theme nor `lastOnboardingVersion`. Without a login it opens as well, and says
//! at its prompt that `/login` is to be run. Root is refused the mode without permissions unless `IS_SANDBOX=1`.
//!
//! The files belong to whoever uses Claude Code, so nothing but a missing key is ever added. That goes for a
//! `hasTrustDialogAccepted` of `false` too, which `claude mcp add` writes: there, Claude Code asks.

mod as_owner;
mod file;
mod object;

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use file::edit;

/// For the directory of settings, should it be missing: it comes to hold a login.
const DIRECTORY_MODE: u32 = 0o700;

/// One at a time, as far as this process goes. Claude Code itself is kept out by its own lock.
static PREPARING: Mutex<()> = Mutex::new(());

/// Why the questions couldn't be answered. Claude Code asks them itself then, so it is a line in the log.
#[derive(Debug)]
pub(crate) enum FirstRunError {
    /// There is no such home directory.
    NoHome(PathBuf),
    /// The file holds something else than a JSON object, or something else in a place where one has to be.
    NoObject(PathBuf),
    /// It is no file, or one of more than 16 MiB.
    NoFile(PathBuf),
    /// Somebody else is writing the file, and isn't done in time.
    Locked(PathBuf),
    /// The owner of the files can't be become.
    Owner(u32, io::Error),
    /// Something couldn't be read or written.
    Io(PathBuf, io::Error),
}

/// Answers what Claude Code would ask when it starts in `cwd`, in the files that it would use: those of `home`, or
/// of `config_dir` (`CLAUDE_CONFIG_DIR`) where that is set. What is there stays, in its order; nothing is written
/// where nothing is missing. It blocks, for 3 s a file where others write them.
///
/// With an `owner` (user and group) other than ourselves, everything is done with that user's rights, and what is
/// made is that user's.
///
/// # Errors
/// The first thing that went wrong. A file that is told of is as it was; the other may have been prepared.
pub(crate) fn prepare(
    home: &Path,
    config_dir: Option<&Path>,
    cwd: &Path,
    owner: Option<(u32, u32)>,
) -> Result<(), FirstRunError> {
    let _alone = PREPARING.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = || answer(home, config_dir, cwd);
    match owner.filter(|owner| *owner != as_owner::own()) {
        None => answer(),
        Some(owner) => {
            as_owner::run(owner, answer).map_err(|source| FirstRunError::Owner(owner.0, source))?
        }
    }
}

fn answer(home: &Path, config_dir: Option<&Path>, cwd: &Path) -> Result<(), FirstRunError> {
    if !fs::metadata(home).is_ok_and(|home| home.is_dir()) {
        return Err(FirstRunError::NoHome(home.to_owned()));
    }
    let settings = config_dir.map_or_else(|| home.join(".claude"), Path::to_owned);
    make_directory(&settings)?;
    let cwd = fs::canonicalize(cwd).map_err(|source| FirstRunError::Io(cwd.to_owned(), source))?;
    let (cwd, state) = (cwd.to_string_lossy(), config_dir.unwrap_or(home).join(".claude.json"));
    let asked = edit(&state, &[&["hasCompletedOnboarding"], &["projects", &cwd, "hasTrustDialogAccepted"]]);
    asked.and(edit(&settings.join("settings.json"), &[&["skipDangerousModePermissionPrompt"]]))
}

fn make_directory(path: &Path) -> Result<(), FirstRunError> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(FirstRunError::Io(path.to_owned(), error))
        }
        _ => Ok(()),
    }
}

impl fmt::Display for FirstRunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHome(path) => write!(f, "there is no home directory {}", path.display()),
            Self::NoObject(path) => write!(f, "{} is not the JSON object it should be", path.display()),
            Self::NoFile(path) => write!(f, "{} is too large, or no file", path.display()),
            Self::Locked(path) => write!(f, "{} is being written by somebody else", path.display()),
            Self::Owner(uid, _) => write!(f, "can't become user {uid}"),
            Self::Io(path, _) => write!(f, "{} can't be read or written", path.display()),
        }
    }
}

impl std::error::Error for FirstRunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Owner(_, source) | Self::Io(_, source) => Some(source),
            Self::NoHome(_) | Self::NoObject(_) | Self::NoFile(_) | Self::Locked(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
