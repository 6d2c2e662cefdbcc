//! Reaping children, with what they used.

use std::io;

use crate::wire::Ended;

/// The answer of one non-blocking wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reap {
    /// This one has ended and is gone now.
    One(i32, Ended),
    /// There are children, none has ended.
    NotYet,
    /// There is no such child.
    NoChildren,
}

/// Reaps any child of any thread.
pub(crate) fn any() -> Reap {
    wait(-1, libc::WNOHANG | libc::__WALL)
}

/// Reaps one child.
pub(crate) fn one(pid: i32) -> Reap {
    wait(pid, libc::WNOHANG | libc::__WALL)
}

/// Looks whether one child has ended, and leaves it unreaped: so its process id, and with it the ids of its
/// group and session, stay its own.
pub(crate) fn peek(pid: i32) -> Reap {
    // SAFETY: both structures are plain numbers and null pointers, for which zeroes are a value.
    let (mut info, mut usage): (libc::siginfo_t, libc::rusage) = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: both places outlive the call and are of the types that it writes. The system call is used bare, as
    // the C library's has no place for the usage.
    let result =
        unsafe { libc::syscall(libc::SYS_waitid, libc::P_PID, pid, &raw mut info, flags, &raw mut usage) };
    if result != 0 {
        return Reap::NoChildren;
    }
    // SAFETY: waitid filled it in for a child, or left the zeroes.
    let (found, status) = unsafe { (info.si_pid(), info.si_status()) };
    match (found, info.si_code) {
        (0, _) => Reap::NotYet,
        (_, libc::CLD_EXITED) => Reap::One(pid, ended((status & 0xff) << 8, &usage)),
        _ => Reap::One(pid, ended(status & 0x7f, &usage)),
    }
}

/// Reaps any child of the calling thread. Orphans fall to the first living thread of a subreaper, while what a
/// process forks belongs to the thread that forked it.
pub(crate) fn any_of_this_thread() -> Reap {
    wait(-1, libc::WNOHANG | libc::__WALL | libc::__WNOTHREAD)
}

fn wait(pid: i32, flags: i32) -> Reap {
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which zeroes are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both places outlive the call and are of the types that it writes.
        match unsafe { libc::wait4(pid, &raw mut status, flags, &raw mut usage) } {
            0 => return Reap::NotYet,
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            -1 => return Reap::NoChildren,
            reaped => return Reap::One(reaped, ended(status, &usage)),
        }
    }
}

fn ended(status: i32, usage: &libc::rusage) -> Ended {
    Ended {
        wait_status: Some(status),
        user_micros: micros(usage.ru_utime),
        system_micros: micros(usage.ru_stime),
        max_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or_default() * 1024,
    }
}

fn micros(time: libc::timeval) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000 + u64::try_from(time.tv_usec).unwrap_or_default()
}
