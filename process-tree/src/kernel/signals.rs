//! Signal masks, and `SIGCHLD` as something to poll.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Blocks every signal that can be blocked in the calling thread, and in what it forks or spawns.
pub(crate) fn block_all() {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises the set before the mask is taken from it; a null old set is allowed.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Tells when a child of the calling process has ended. It goes on to work in a forked child, for that one's
/// children.
#[derive(Debug)]
pub(crate) struct ChildSignals(OwnedFd);

impl ChildSignals {
    /// `SIGCHLD` must be blocked in every thread.
    pub(crate) fn new() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set before its other uses. A descriptor that signalfd returns is
        // open and nobody else's.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
            match libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
                -1 => Err(io::Error::last_os_error()),
                fd => Ok(ChildSignals(OwnedFd::from_raw_fd(fd))),
            }
        }
    }

    /// Its number, for those that close all others.
    pub(crate) fn raw(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Another one, to be owned.
    pub(crate) fn duplicate(&self) -> io::Result<Self> {
        self.0.try_clone().map(ChildSignals)
    }

    /// Takes what is pending. Must come before reaping, so that a later end isn't missed.
    pub(crate) fn clear(&self) {
        let mut buffer = [0; 4 * size_of::<libc::signalfd_siginfo>()];
        // SIGCHLD is no queueing signal: there is one at most, and the next read says so.
        while rustix::io::read(&self.0, &mut buffer).is_ok_and(|count| count == buffer.len()) {}
    }
}

impl AsFd for ChildSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
