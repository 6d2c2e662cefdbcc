//! Becoming another user, in a child that was forked and has not executed yet.

use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// User and groups as the kernel takes them. Each is an id, not the number that says "leave as it is".
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Identity {
    /// `None` when one of the numbers is no id: with it, the owner's would be kept without an error.
    pub(crate) fn new(uid: u32, gid: u32, groups: &[u32]) -> Option<Self> {
        let is_id = |id: &u32| *id != u32::MAX;
        let is_sound = is_id(&uid) && is_id(&gid) && groups.iter().all(is_id);
        is_sound.then(|| Identity {
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
            groups: groups.iter().copied().map(Gid::from_raw).collect(),
        })
    }

    pub(crate) fn is_root(&self) -> bool {
        self.uid.is_root()
    }

    /// Becomes this user, for good, by bare system calls of this one thread: the C library would signal others,
    /// which a forked process doesn't have.
    pub(crate) fn assume(&self) -> Result<(), Errno> {
        rustix::thread::set_thread_groups(&self.groups)?;
        rustix::thread::set_thread_res_gid(self.gid, self.gid, self.gid)?;
        rustix::thread::set_thread_res_uid(self.uid, self.uid, self.uid)?;
        if self.uid.is_root() {
            return Ok(());
        }
        // The kernel takes capabilities away from who was root before. An owner that may switch without being
        // root would pass on that very right, where it is an ambient one.
        let none = CapabilitySet::empty();
        rustix::thread::set_capabilities(
            None,
            CapabilitySets { effective: none, permitted: none, inheritable: none },
        )
    }

    /// Makes pipes on the standard streams this user's own, so that `/dev/stdout` and the like can be opened.
    /// Where that isn't allowed, they can't be, and nothing else is lost.
    pub(crate) fn own_standard_streams(&self) {
        for stream in [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] {
            let _ = rustix::fs::fchown(stream, Some(self.uid), Some(self.gid));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_that_changes_nothing_is_refused() {
        assert!(Identity::new(1, 2, &[3]).is_some());
        for (uid, gid, groups) in [(u32::MAX, 2, [3]), (1, u32::MAX, [3]), (1, 2, [u32::MAX])] {
            assert_eq!(Identity::new(uid, gid, &groups), None);
        }
    }
}
