//! A terminal to give to a child.
#![allow(unsafe_code, reason = "the C library makes terminals")]

use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};

/// Master and slave.
pub(crate) fn open() -> (File, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: both places outlive the call, and name, attributes and size may be null.
    let result = unsafe { libc::openpty(&raw mut master, &raw mut slave, null, null.cast(), null.cast()) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: both are open and nobody else's.
    unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) }
}
