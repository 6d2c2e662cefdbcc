//! Work in the files of another user, with that user's rights: no link laid there leads to what only root may touch.

use std::io;

use rustix::process::{Gid, Uid, getegid, geteuid, getgid, getuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// User and group that our own files belong to.
pub(super) fn own() -> (u32, u32) {
    (geteuid().as_raw(), getegid().as_raw())
}

/// Runs `work` in a thread that is that user as far as files go. It takes root, or `CAP_SETUID` and `CAP_SETGID`.
///
/// The thread's real and saved user stay ours: nobody gets to signal or trace it. As with every switch, the kernel
/// lets nobody else dump the process from then on.
pub(super) fn run<T: Send>((uid, gid): (u32, u32), work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if uid == u32::MAX || gid == u32::MAX {
        // To the kernel, this says to stay who one is.
        return Err(io::ErrorKind::InvalidInput.into());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, || {
            become_owner(Uid::from_raw(uid), Gid::from_raw(gid))?;
            Ok(work())
        })?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread ended early")))
    })
}

/// By bare system calls, which change this one thread.
fn become_owner(uid: Uid, gid: Gid) -> rustix::io::Result<()> {
    set_thread_groups(&[])?;
    set_thread_res_gid(getgid(), gid, getgid())?;
    set_thread_res_uid(getuid(), uid, getuid())
}
