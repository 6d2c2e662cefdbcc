//! Wiping the environment that a forked process inherited.

use std::ffi::c_char;

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// Overwrites every variable where it lies, so that `/proc/PID/environ` shows none, and forgets them all. Only
/// for a single-threaded process.
pub(crate) fn environment() {
    // SAFETY: single-threaded by contract, so nobody reads or writes the environment meanwhile. `environ` is
    // null or a null-terminated array of NUL-terminated strings, each writable over its length.
    unsafe {
        let mut variable = environ;
        while !variable.is_null() && !(*variable).is_null() {
            std::ptr::write_bytes(*variable, 0, libc::strlen(*variable));
            variable = variable.add(1);
        }
        libc::clearenv();
    }
}
