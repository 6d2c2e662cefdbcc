//! The directory that the cgroups of trees are made in: the owner's own cgroup, where it may.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::Access;

use super::NAME_PREFIX;
use crate::mark::Mark;

/// Where cgroups can be made, found and tried out once. `None` where they can't: no version 2 hierarchy, not
/// writable, no `cgroup.kill` (Linux 5.14), or a threaded one.
pub(crate) fn base() -> Option<&'static Path> {
    static BASE: OnceLock<Option<PathBuf>> = OnceLock::new();
    BASE.get_or_init(|| own_directory().filter(|directory| works(directory))).as_deref()
}

/// The directory of a tree's cgroup.
pub(crate) fn directory_of(mark: &Mark) -> Option<PathBuf> {
    base().map(|base| base.join(format!("{NAME_PREFIX}{mark}")))
}

/// Tries once to have the cgroups of trees count processes. Where it fails they don't, and that is all.
pub(crate) fn hand_on_pids() {
    static TRIED: OnceLock<()> = OnceLock::new();
    TRIED.get_or_init(|| base().into_iter().for_each(hand_on));
}

/// Only the root of the hierarchy, the one without a type, may have both processes and cgroups below that
/// controllers are handed on to. Another one would become threaded by it, and could hold no tree any more.
fn hand_on(base: &Path) {
    let is_root = fs::exists(base.join("cgroup.type")).is_ok_and(|has_type| !has_type);
    let control = base.join("cgroup.subtree_control");
    if is_root && control.exists() {
        // Refused where the controller is bound to a version 1 hierarchy.
        drop(fs::write(control, "+pids"));
    }
}

/// This process' own cgroup, whether or not others can be made in it.
pub(crate) fn own_directory() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    locate(&mounts, &groups)
}

/// Tries with one that is removed at once. A process may enter a cgroup when it may write `cgroup.procs` of
/// their common ancestor, which is the base.
fn works(base: &Path) -> bool {
    let Some(trial) = Mark::next().map(|mark| base.join(format!("{NAME_PREFIX}{mark}"))) else {
        return false;
    };
    if rustix::fs::access(base.join("cgroup.procs"), Access::WRITE_OK).is_err() {
        return false;
    }
    if fs::create_dir(&trial).is_err() {
        return false;
    }
    let is_killable = rustix::fs::access(trial.join("cgroup.kill"), Access::WRITE_OK).is_ok();
    let is_domain = fs::read_to_string(trial.join("cgroup.type")).is_ok_and(|kind| kind.trim() == "domain");
    fs::remove_dir(&trial).is_ok() && is_killable && is_domain
}

/// The mount of the version 2 hierarchy, and below it the path that `/proc/self/cgroup` gives, less what the
/// mount's root leaves out of view.
fn locate(mounts: &str, groups: &str) -> Option<PathBuf> {
    let own = Path::new(groups.lines().find_map(|line| line.strip_prefix("0::"))?);
    mounts.lines().find_map(|line| {
        let (fields, kind) = line.split_once(" - ")?;
        if kind.split(' ').next()? != "cgroup2" {
            return None;
        }
        let mut fields = fields.split(' ').skip(3);
        let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
        let below = own.strip_prefix(root).ok()?;
        let is_in_view = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        is_in_view.then(|| Path::new(&point).join(below))
    })
}

/// `mountinfo` writes space, tab, newline and backslash as three octal digits.
fn unescape(field: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.into_iter().fold(field.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_version_2_mount_is_found_among_others() {
        let groups = "9:name=systemd:/\n4:memory:/x\n0::/user.slice/a\n";
        assert_eq!(locate(UNIFIED, groups), Some("/sys/fs/cgroup/unified/user.slice/a".into()));
        assert_eq!(locate(UNIFIED, "0::/\n"), Some("/sys/fs/cgroup/unified".into()));
    }

    #[test]
    fn a_mount_of_a_part_shows_only_that_part() {
        let mounts = "30 23 0:26 /docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n";
        assert_eq!(locate(mounts, "0::/docker/abc\n"), Some("/sys/fs/cgroup".into()));
        assert_eq!(locate(mounts, "0::/docker/abc/in\n"), Some("/sys/fs/cgroup/in".into()));
        assert_eq!(locate(mounts, "0::/docker/abcd\n"), None);
    }

    #[test]
    fn a_cgroup_out_of_view_is_none() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(locate(mounts, "0::/../other\n"), None);
        assert_eq!(locate(mounts, "1:name=systemd:/\n"), None);
        assert_eq!(locate("", "0::/\n"), None);
    }

    #[test]
    fn a_mount_point_may_hold_spaces() {
        let mounts = "30 23 0:26 / /mnt/my\\040cgroups rw - cgroup2 cgroup rw\n";
        assert_eq!(locate(mounts, "0::/a\n"), Some("/mnt/my cgroups/a".into()));
    }

    #[test]
    fn controllers_are_handed_on_by_the_root_alone() {
        let directory = tempfile::tempdir().unwrap();
        let control = directory.path().join("cgroup.subtree_control");
        hand_on(directory.path());
        assert!(!control.exists());
        fs::write(&control, "").unwrap();
        hand_on(directory.path());
        assert_eq!(fs::read_to_string(&control).unwrap(), "+pids");
        fs::write(&control, "").unwrap();
        fs::write(directory.path().join("cgroup.type"), "domain").unwrap();
        hand_on(directory.path());
        assert_eq!(fs::read_to_string(&control).unwrap(), "");
    }
}
