//! A file of Claude Code's, changed under its own lock and replaced in one piece.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;

use super::FirstRunError;
use super::object::{Added, NoObject, Object};

/// The largest file that is touched, bytes; a larger one is left alone.
pub(super) const FILE_BYTES_MAX: u64 = 16 << 20;

/// How long others' locks are waited for, how often they are looked at, and how old one is that nobody holds any
/// more (Claude Code renews its own every few seconds).
const LOCK_FOR: Duration = Duration::from_secs(3);
const LOCK_EVERY: Duration = Duration::from_millis(20);
const LOCK_STALE: Duration = Duration::from_secs(10);

/// For a new file, and for one that isn't done.
const MODE: u32 = 0o600;

/// A file as it was found.
struct Found {
    object: Object,
    mode: u32,
    owner: (u32, u32),
    ends_with_newline: bool,
}

/// Adds a `true` under each of `paths` where nothing is. A link is followed, and what it leads to replaced.
pub(super) fn edit(path: &Path, paths: &[&[&str]]) -> Result<(), FirstRunError> {
    let at = |source| FirstRunError::Io(path.to_owned(), source);
    // Mostly nothing is missing, and then nobody is kept waiting.
    if add(read(path)?.map(|found| found.object).unwrap_or_default(), paths, path)?.is_none() {
        return Ok(());
    }
    let _lock = Lock::take(path)?;
    let found = read(path)?;
    let (mode, owner) = found.as_ref().map_or((MODE, None), |found| (found.mode, Some(found.owner)));
    let end = if found.as_ref().is_some_and(|found| found.ends_with_newline) { "\n" } else { "" };
    let Some(object) = add(found.map(|found| found.object).unwrap_or_default(), paths, path)? else {
        return Ok(());
    };
    let target = target(path).map_err(at)?;
    replace(&target, &format!("{object}{end}"), mode, owner).map_err(at)
}

/// `None` where nothing is missing.
fn add(mut object: Object, paths: &[&[&str]], path: &Path) -> Result<Option<Object>, FirstRunError> {
    let mut is_changed = false;
    for keys in paths {
        let added = object.add_true(keys).map_err(|NoObject| FirstRunError::NoObject(path.to_owned()))?;
        is_changed |= added == Added::Something;
    }
    Ok(is_changed.then_some(object))
}

/// `None` where there is no file.
fn read(path: &Path) -> Result<Option<Found>, FirstRunError> {
    let at = |source| FirstRunError::Io(path.to_owned(), source);
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        // A link that leads nowhere is somebody's plan, and not ours to carry out.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => return Ok(None),
        opened => opened.map_err(at)?,
    };
    let facts = file.metadata().map_err(at)?;
    let mut bytes = Vec::new();
    if facts.is_file() {
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(at)?;
    }
    if !facts.is_file() || bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FirstRunError::NoFile(path.to_owned()));
    }
    let no_object = |_| FirstRunError::NoObject(path.to_owned());
    let text = String::from_utf8(bytes).map_err(|_| FirstRunError::NoObject(path.to_owned()))?;
    Ok(Some(Found {
        object: Object::parse(&text).map_err(no_object)?,
        mode: facts.mode() & 0o7777,
        owner: (facts.uid(), facts.gid()),
        ends_with_newline: text.ends_with('\n'),
    }))
}

/// What is to be replaced: where links lead, or the path itself where nothing is yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => Ok(path.to_owned()),
        resolved => resolved,
    }
}

fn replace(target: &Path, text: &str, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let directory = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let temporary = directory.join(temporary_name());
    let written = write(&temporary, text, mode, owner).and_then(|()| fs::rename(&temporary, target));
    written.inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    // Without it a crash may bring the old file back, which loses nothing.
    drop(File::open(directory).and_then(|directory| directory.sync_all()));
    Ok(())
}

fn temporary_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(".claude-web.{}.{number}.tmp", std::process::id())
}

fn write(path: &Path, text: &str, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(text.as_bytes())?;
    let facts = file.metadata()?;
    if let Some((uid, gid)) = owner.filter(|owner| *owner != (facts.uid(), facts.gid())) {
        std::os::unix::fs::fchown(&file, Some(uid), Some(gid))?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Claude Code's own lock on a file: a directory beside it.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> Result<Self, FirstRunError> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        let give_up = Instant::now() + LOCK_FOR;
        loop {
            match DirBuilder::new().create(&lock) {
                Ok(()) => return Ok(Lock(lock)),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(FirstRunError::Io(lock, error));
                }
                Err(_) if is_stale(&lock) && fs::remove_dir(&lock).is_ok() => {}
                Err(_) if Instant::now() >= give_up => return Err(FirstRunError::Locked(path.to_owned())),
                Err(_) => std::thread::sleep(LOCK_EVERY),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(fs::remove_dir(&self.0));
    }
}

fn is_stale(lock: &Path) -> bool {
    let taken = fs::metadata(lock).and_then(|facts| facts.modified()).ok();
    let age = taken.and_then(|taken| SystemTime::now().duration_since(taken).ok());
    age.is_some_and(|age| age > LOCK_STALE)
}
