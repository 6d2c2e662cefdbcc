//! What only the operating system can do: signals, forks and the end of the process.
//!
//! The one module of this feature with `unsafe`.

use std::ffi::CStr;
use std::io::Write;
use std::ptr;

/// How long a grandchild sleeps, in seconds, as in [`GRANDCHILD`](super::GRANDCHILD).
const GRANDCHILD_SLEEPS: &CStr = c"3607";

/// The signals that the stand-in answers by itself.
const ANSWERED: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Writes a line to stderr; nobody reading it is no trouble.
pub(super) fn complain(text: &str) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Ends the process at once, without running what is registered for its exit.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and doesn't return.
    unsafe { libc::_exit(code) }
}

/// Ends the process by a signal; by SIGKILL if that one doesn't end it.
pub(super) fn die(signal: i32) -> ! {
    // SAFETY: all calls take plain numbers; `only` makes a valid set. An unknown signal is refused by `raise`.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::sigprocmask(libc::SIG_UNBLOCK, &only(&[signal]), ptr::null_mut());
        libc::raise(signal);
        libc::raise(libc::SIGKILL);
    }
    exit(128 + signal)
}

/// Holds back the answered signals in this thread and those it starts, so that [`wait_for_signal`] gets them.
pub(super) fn hold_signals() {
    // SAFETY: the set is valid; a null pointer for the old set is allowed.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &only(&ANSWERED), ptr::null_mut()) };
}

/// Waits for one of the held signals.
pub(super) fn wait_for_signal() -> i32 {
    let mut signal = 0;
    // SAFETY: both pointers are to live values of the right type.
    while unsafe { libc::sigwait(&only(&ANSWERED), &raw mut signal) } != 0 {}
    signal
}

fn only(signals: &[libc::c_int]) -> libc::sigset_t {
    // SAFETY: `sigemptyset` initialises the whole set before it is used.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        set
    }
}

/// Forks twice and leaves `sleep` in a session of its own, without environment and without our streams.
///
/// Must be called while the process has one thread.
pub(super) fn leave_grandchild() {
    // SAFETY: the children call only what may be called after a fork.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                sleep_as_another_program();
            }
            libc::_exit(0);
        }
        if child > 0 {
            libc::waitpid(child, ptr::null_mut(), 0);
        }
    }
}

/// Becomes `sleep`.
///
/// # Safety
/// Only in a freshly forked process: it closes the standard streams.
unsafe fn sleep_as_another_program() -> ! {
    // SAFETY: the strings end in NUL, the arrays in a null pointer; on failure `_exit` ends this process.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for stream in 0..3 {
            libc::dup2(null, stream);
        }
        let arguments = [c"sleep".as_ptr(), GRANDCHILD_SLEEPS.as_ptr(), ptr::null()];
        let environment = [ptr::null()];
        for program in [c"/bin/sleep", c"/usr/bin/sleep"] {
            libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr());
        }
        libc::_exit(127)
    }
}
