//! Forking a process that goes on in this program's own code.

use std::io;

/// Which one of the two processes this is.
#[derive(Debug)]
pub(crate) enum Side {
    Parent { child: i32 },
    Child,
}

/// Forks. The caller sees to it that this process holds no lock that the child could need: it is
/// single-threaded, or its only other thread never takes any.
pub(crate) fn fork() -> io::Result<Side> {
    // SAFETY: fork has no memory preconditions. What the child may do afterwards is the contract above.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        child => Ok(Side::Parent { child }),
    }
}

/// Ends this forked process, all its threads, without running the destructors it inherited.
pub(crate) fn exit() -> ! {
    // SAFETY: _exit takes no memory and doesn't return.
    unsafe { libc::_exit(0) }
}

/// Closes every descriptor but those in `keep`.
pub(crate) fn close_all_but(keep: &mut [i32]) {
    keep.sort_unstable();
    let mut from = 0;
    for &kept in keep.iter() {
        close_range(from, kept - 1);
        from = kept + 1;
    }
    close_range(from, i32::MAX);
}

fn close_range(first: i32, last: i32) {
    if first > last {
        return;
    }
    // SAFETY: closing has no memory preconditions. Only a freshly forked process calls this, and it leaks what
    // it inherited, so no owned descriptor is used or dropped afterwards. The system call is used bare as not
    // every C library wraps it; Linux has it since 5.9, and before that descriptors merely stay open.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
}
