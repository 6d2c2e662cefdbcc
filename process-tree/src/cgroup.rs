//! A version 2 cgroup per tree, below the owner's own. No controller is needed to hold it, only `cgroup.kill`.

pub(crate) mod base;

use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// What the directory of every tree's cgroup starts with; the rest is its mark.
pub(crate) const NAME_PREFIX: &str = "process-tree.";

/// Nested cgroups that are looked into, per tree. A child that makes more has the rest killed all the same
/// (`cgroup.kill` goes down by itself), but their directories stay.
const NESTED_MAX: usize = 4096;

/// Bytes of `cgroup.events`: a few short lines.
const EVENTS_BYTES: usize = 256;

/// The most processes and threads that Linux can have at all, and the highest value that `pids.max` takes.
const PROCESSES_MOST: u64 = 1 << 22;

/// The cgroup of one tree. Dropping it removes nothing.
#[derive(Debug)]
pub(crate) struct Group {
    path: PathBuf,
    events: OwnedFd,
}

/// The way into a cgroup, open only while somebody is sent in.
#[derive(Debug)]
pub(crate) struct Entrance(OwnedFd);

impl Entrance {
    /// The cgroup's directory, to fork into.
    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The file to join by, where one can't fork into it.
    pub(crate) fn procs(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, "cgroup.procs", flags, Mode::empty())?)
    }

    /// Bounds the processes and threads in it and below, all together. An error means that they aren't bounded.
    pub(crate) fn limit_processes(&self, most: u64) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, "pids.max", flags, Mode::empty())?;
        fs::File::from(file).write_all(most.min(PROCESSES_MOST).to_string().as_bytes())
    }
}

impl Group {
    /// Makes it. An error leaves nothing behind.
    pub(crate) fn make(path: PathBuf) -> io::Result<(Self, Entrance)> {
        fs::create_dir(&path)?;
        Group::open(path.clone()).inspect_err(|_| {
            // It was made just now and is empty.
            drop(fs::remove_dir(path));
        })
    }

    fn open(path: PathBuf) -> io::Result<(Self, Entrance)> {
        let directory =
            rustix::fs::open(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let events = rustix::fs::openat(&directory, "cgroup.events", flags, Mode::empty())?;
        Ok((Group { path, events }, Entrance(directory)))
    }

    /// Whether `path` has a directory of this cgroup's name in it.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.path.file_name().is_some_and(|own| own == name)
    }

    /// Polled for `PRI`, it tells that [`is_populated`](Self::is_populated) may have changed.
    pub(crate) fn events(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Whether a living process is in it or below. A cgroup that can't be asked counts as empty: someone
    /// removed it, which works only when it is.
    pub(crate) fn is_populated(&self) -> bool {
        let mut text = [0; EVENTS_BYTES];
        let count = rustix::io::pread(&self.events, &mut text, 0).unwrap_or_default();
        text[..count].split(|byte| *byte == b'\n').any(|line| line == b"populated 1")
    }

    /// `SIGKILL` to everybody in it and below, atomically with regard to forks.
    pub(crate) fn kill(&self) {
        kill(&self.path);
    }

    /// Everybody in it and below.
    pub(crate) fn members(&self) -> Vec<i32> {
        members(&self.path)
    }

    /// Removes it with what the child nested in it. Fails while somebody is left.
    pub(crate) fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}

pub(crate) fn kill(path: &Path) {
    // Without the file the cgroup is gone, and with it everybody who was in it.
    drop(fs::write(path.join("cgroup.kill"), "1"));
}

/// Everybody in the cgroup at `path` and below.
pub(crate) fn members(path: &Path) -> Vec<i32> {
    let lists =
        nested(path).into_iter().filter_map(|group| fs::read_to_string(group.join("cgroup.procs")).ok());
    lists.flat_map(|list| list.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Removes the cgroup at `path` with what is nested in it, from the bottom up.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        // Mostly there is nothing nested, and this was all.
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            nested(path).into_iter().rev().try_for_each(fs::remove_dir)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// The cgroup itself and those nested in it, each before its own nested ones.
fn nested(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    let mut looked_into = 0;
    while looked_into < found.len() && found.len() < NESTED_MAX {
        let entries = fs::read_dir(&found[looked_into]).into_iter().flatten().flatten();
        let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let below: Vec<_> = directories.map(|entry| entry.path()).collect();
        found.extend(below);
        looked_into += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrance(directory: &Path) -> Entrance {
        Entrance(fs::File::open(directory).unwrap().into())
    }

    #[test]
    fn a_limit_on_processes_is_written_where_there_is_a_file_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pids.max");
        for (most, written) in [(0, "0"), (64, "64"), (u64::MAX, "4194304")] {
            fs::write(&file, "").unwrap();
            entrance(directory.path()).limit_processes(most).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), written);
        }
    }

    #[test]
    fn without_the_controller_nothing_is_made_up() {
        let directory = tempfile::tempdir().unwrap();
        let error = entrance(directory.path()).limit_processes(64).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
