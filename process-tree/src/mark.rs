//! Who owns a tree, written so that others can tell later: in the environment of its members and in the name
//! of its cgroup.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::procfs;

/// A process that owns trees, told apart from every other one: process ids come again, this doesn't.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Owner {
    /// Of this start of the machine.
    boot: String,
    /// Inode of the pid namespace: an id means another process in another one.
    namespace: u64,
    pid: i32,
    /// Start time in clock ticks since boot: field 22 of `/proc/PID/stat`.
    started: u64,
}

/// One tree of an owner. Its text is `<boot id>-<pid namespace>-<pid>-<start time>-<number>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) owner: Owner,
    number: u64,
}

impl Owner {
    /// This process.
    pub(crate) fn current() -> Option<&'static Owner> {
        static CURRENT: OnceLock<Option<Owner>> = OnceLock::new();
        CURRENT.get_or_init(Owner::look_up).as_ref()
    }

    fn look_up() -> Option<Owner> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
        let pid = i32::try_from(std::process::id()).ok()?;
        Some(Owner { boot, namespace, pid, started: procfs::stat(pid)?.started })
    }

    /// Whether this owner can be judged from here and is gone. One of another pid namespace or of another
    /// start of the machine is never judged.
    pub(crate) fn is_gone(&self) -> bool {
        Owner::current().is_some_and(|me| me.boot == self.boot && me.namespace == self.namespace)
            && procfs::stat(self.pid).is_none_or(|stat| stat.started != self.started || stat.is_dead())
    }
}

impl Mark {
    /// The mark of this process' next tree.
    pub(crate) fn next() -> Option<Mark> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let owner = Owner::current()?.clone();
        Some(Mark { owner, number: NEXT.fetch_add(1, Ordering::Relaxed) })
    }

    pub(crate) fn parse(text: &str) -> Option<Mark> {
        let mut parts = text.rsplitn(5, '-');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (serial, started, pid, namespace) = (number()?, number()?, number()?, number()?);
        let boot = parts.next().filter(|boot| !boot.is_empty())?.to_owned();
        let pid = i32::try_from(pid).ok()?;
        Some(Mark { owner: Owner { boot, namespace, pid, started }, number: serial })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Owner { boot, namespace, pid, started } = &self.owner;
        write!(f, "{boot}-{namespace}-{pid}-{started}-{}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_as_it_was_written() {
        let mark = Mark::next().unwrap();
        assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
    }

    #[test]
    fn marks_differ() {
        assert_ne!(Mark::next(), Mark::next());
    }

    #[test]
    fn what_is_no_mark_is_refused() {
        for text in
            ["", "a", "1-2-3-4", "-1-2-3-4", "boot-1-2-3-x", "boot-1-2--3-4", "boot-1-99999999999-3-4"]
        {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_judgeable_owner_can_be_gone() {
        let me = Owner::current().unwrap().clone();
        assert!(!me.is_gone());
        assert!(Owner { started: me.started + 1, ..me.clone() }.is_gone());
        assert!(!Owner { namespace: 1, started: 1, ..me.clone() }.is_gone());
        assert!(!Owner { boot: "other".to_owned(), started: 1, ..me }.is_gone());
    }
}
