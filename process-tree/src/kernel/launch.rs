//! From a prepared launch to a running program: fork, then only what is safe after a fork, then exec.

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

use rustix::pipe::PipeFlags;

use super::identity::Identity;
use crate::cgroup::Entrance;
use crate::wire::body::Body;
use crate::wire::{Failure, Stage};

/// The number that the error pipe has in the child between closing all others and `exec`.
const REPORT_FD: RawFd = 3;

/// Bytes of a failure on the error pipe: stage and `errno`. Far below what a pipe takes in one piece.
pub(crate) const FAILURE_BYTES: usize = 8;

/// The kernel's signals, the size of its set of them, and at least the size of its `struct sigaction`.
const SIGNAL_MAX: c_int = 64;
const SIGSET_BYTES: usize = 8;
const SIGACTION_WORDS: usize = 8;

/// From the kernel's `sched.h`: the flag is wider than the C library's type for flags.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// The descriptors a child starts with, none of them below 3.
#[derive(Debug)]
pub(crate) enum Files {
    Pipes([OwnedFd; 3]),
    Terminal(OwnedFd),
}

/// What becomes of the direct child when the launching thread dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithoutParent {
    Stays,
    Dies,
}

/// Everything about one launch.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) body: &'a Body<'a>,
    pub(crate) files: &'a Files,
    pub(crate) cgroup: Option<&'a Entrance>,
    pub(crate) without_parent: WithoutParent,
}

/// A forked child. End of file on `failure` says that the program runs; [`failure`] reads what else it says.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) pid: i32,
    pub(crate) failure: OwnedFd,
}

/// What the child needs, laid out before the fork: it can't allocate.
struct Prepared<'a> {
    program: &'a CStr,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    cwd: &'a CStr,
    limits: &'a [(u32, u64)],
    stdio: [RawFd; 3],
    is_terminal: bool,
    join: Option<OwnedFd>,
    identity: Option<&'a Identity>,
    parent: Option<i32>,
    report: RawFd,
}

/// Forks and executes. All signals must be blocked in the calling thread.
pub(crate) fn launch(launch: &Launch<'_>) -> Result<Launched, Failure> {
    let (failure, report) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|e| at_fork(&e.into()))?;
    let report = rustix::io::fcntl_dupfd_cloexec(&report, REPORT_FD + 1).map_err(|e| at_fork(&e.into()))?;
    rustix::io::ioctl_fionbio(&failure, true).map_err(|e| at_fork(&e.into()))?;
    let mut prepared = prepare(launch, &report);
    match fork(launch.cgroup, &mut prepared)? {
        0 => become_program(&prepared),
        pid => Ok(Launched { pid, failure }),
    }
}

/// Forks, straight into the cgroup where that can be done, else with the means to join it.
fn fork(cgroup: Option<&Entrance>, prepared: &mut Prepared<'_>) -> Result<libc::pid_t, Failure> {
    if let Some(entrance) = cgroup {
        if let Some(forked) = fork_into(entrance.directory()) {
            return Ok(forked);
        }
        let refused = |error: io::Error| Failure { stage: Stage::Cgroup, ..at_fork(&error) };
        prepared.join = Some(entrance.procs().map_err(refused)?);
    }
    // SAFETY: fork has no memory preconditions, and the child does only what `become_program` does.
    match unsafe { libc::fork() } {
        -1 => Err(at_fork(&io::Error::last_os_error())),
        forked => Ok(forked),
    }
}

/// What a child wrote onto its error pipe.
pub(crate) fn failure(bytes: [u8; FAILURE_BYTES]) -> Failure {
    let [a, b, c, d, e, f, g, h] = bytes;
    let stage = Stage::from_code(u32::from_le_bytes([a, b, c, d])).unwrap_or(Stage::Fork);
    Failure { stage, errno: i32::from_le_bytes([e, f, g, h]) }
}

fn at_fork(error: &io::Error) -> Failure {
    Failure { stage: Stage::Fork, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

fn prepare<'a>(launch: &'a Launch<'a>, report: &OwnedFd) -> Prepared<'a> {
    let pointers = |strings: &[&CStr]| {
        strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>()
    };
    let (stdio, is_terminal) = match launch.files {
        Files::Pipes(pipes) => (pipes.each_ref().map(AsRawFd::as_raw_fd), false),
        Files::Terminal(terminal) => ([terminal.as_raw_fd(); 3], true),
    };
    Prepared {
        program: launch.body.program,
        argv: pointers(&launch.body.args),
        envp: pointers(&launch.body.env),
        cwd: launch.body.cwd,
        limits: &launch.body.limits,
        stdio,
        is_terminal,
        join: None,
        identity: launch.body.identity.as_ref(),
        parent: (launch.without_parent == WithoutParent::Dies)
            .then(|| rustix::process::getpid().as_raw_nonzero().get()),
        report: report.as_raw_fd(),
    }
}

/// Forks straight into a cgroup: joining it later takes a lock that every fork of the machine waits for. `None`
/// where the kernel, or a filter in front of it, doesn't do that.
fn fork_into(directory: BorrowedFd<'_>) -> Option<libc::pid_t> {
    // SAFETY: clone_args is plain numbers, for which zeroes are a value.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
    args.cgroup = u64::from(directory.as_raw_fd().cast_unsigned());
    // SAFETY: the arguments outlive the call and are as large as said. Without CLONE_VM this is a fork; handlers
    // registered for forks don't run, which is right as the child only does what `become_program` does.
    let forked = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of_val(&args)) };
    libc::pid_t::try_from(forked).ok().filter(|pid| *pid >= 0)
}

/// In the child, which may have been forked from a process with many threads: only system calls from here on,
/// no allocation, no lock, no destructor.
fn become_program(prepared: &Prepared<'_>) -> ! {
    let Err(stage) = steps(prepared);
    // SAFETY: errno is this thread's own, and the calls take memory of this frame only.
    unsafe {
        let errno = *libc::__errno_location();
        let mut message = [0; FAILURE_BYTES];
        message[..4].copy_from_slice(&stage.code().to_le_bytes());
        message[4..].copy_from_slice(&errno.to_le_bytes());
        // One of the two is the error pipe, depending on how far it came; before `Descriptors` it is the first.
        let report = if is_late(stage) { REPORT_FD } else { prepared.report };
        libc::write(report, message.as_ptr().cast(), message.len());
        libc::_exit(127)
    }
}

fn is_late(stage: Stage) -> bool {
    matches!(stage, Stage::User | Stage::Directory | Stage::Exec)
}

/// Each step of the child, in order. It returns only when one fails, with the reason in `errno`.
fn steps(prepared: &Prepared<'_>) -> Result<std::convert::Infallible, Stage> {
    // SAFETY: bare system calls. Every pointer is into memory that was laid out before the fork and that nobody
    // else writes, as this process has one thread; arrays are null-terminated, strings NUL-terminated.
    unsafe {
        reset_signals();
        check(libc::setsid(), Stage::Session)?;
        die_with_parent(prepared, Stage::Session)?;
        if let Some(procs) = &prepared.join {
            check(
                i32::from(libc::write(procs.as_raw_fd(), c"0".as_ptr().cast(), 1) == 1) - 1,
                Stage::Cgroup,
            )?;
        }
        for &(code, value) in prepared.limits {
            limit(code, value)?;
        }
        for (number, &from) in (0..).zip(&prepared.stdio) {
            check(libc::dup2(from, number), Stage::Terminal)?;
        }
        if prepared.is_terminal {
            check(libc::ioctl(0, libc::TIOCSCTTY, 0), Stage::Terminal)?;
        }
        check(libc::dup3(prepared.report, REPORT_FD, libc::O_CLOEXEC), Stage::Descriptors)?;
        close_above(REPORT_FD);
        if let Some(identity) = prepared.identity {
            become_user(identity, prepared)?;
        }
        check(libc::chdir(prepared.cwd.as_ptr()), Stage::Directory)?;
        libc::execve(prepared.program.as_ptr(), prepared.argv.as_ptr(), prepared.envp.as_ptr());
    }
    Err(Stage::Exec)
}

fn check(result: c_int, stage: Stage) -> Result<(), Stage> {
    if result == -1 { Err(stage) } else { Ok(()) }
}

/// Where it shall not stay without its parent.
unsafe fn die_with_parent(prepared: &Prepared<'_>, stage: Stage) -> Result<(), Stage> {
    let Some(parent) = prepared.parent else { return Ok(()) };
    // SAFETY: no memory is involved.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // It may have died before the line above.
        check(if libc::getppid() == parent { 0 } else { -1 }, stage)
    }
}

/// The memory is still a copy of the keeper's. Others of that user can't look into it: with the switch the kernel
/// makes this process one that can't be traced, until it executes (unless `fs.suid_dumpable` is 1).
unsafe fn become_user(identity: &Identity, prepared: &Prepared<'_>) -> Result<(), Stage> {
    if !prepared.is_terminal {
        identity.own_standard_streams();
    }
    if let Err(error) = identity.assume() {
        // SAFETY: errno is this thread's own.
        unsafe { *libc::__errno_location() = error.raw_os_error() };
        return Err(Stage::User);
    }
    // The switch took it away.
    // SAFETY: nothing is asked of the caller.
    unsafe { die_with_parent(prepared, Stage::User) }
}

/// Every disposition back to its default, then an empty mask, so that no handler of the owner ever runs here.
unsafe fn reset_signals() {
    // SAFETY: zeroes are what the kernel takes for the default disposition, and they are no less than it reads.
    // The system call is used bare, as the C library keeps two signals to itself, which an owner's parent may
    // have had ignored all the same. Signals that can't be changed answer with an error, which is as good.
    unsafe {
        let default = [0_u64; SIGACTION_WORDS];
        for signal in 1..=SIGNAL_MAX {
            let old = ptr::null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), old, SIGSET_BYTES);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

unsafe fn limit(code: u32, value: u64) -> Result<(), Stage> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the limit outlives the call.
    let result = unsafe { libc::setrlimit(code, &raw const limit) };
    let Some(resource) = crate::command::Resource::from_code(code) else {
        return Err(Stage::Request);
    };
    check(result, Stage::Limit(resource))
}

/// Closes everything above `fd`; before Linux 5.9, where this can't be done at once, one by one.
unsafe fn close_above(fd: RawFd) {
    // SAFETY: closing has no memory preconditions, and this process goes on to exec: no owned descriptor is used
    // or dropped in it.
    unsafe {
        if libc::syscall(libc::SYS_close_range, fd + 1, c_int::MAX, 0) == 0 {
            return;
        }
        let mut open = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut open);
        for above in fd + 1..c_int::try_from(open.rlim_cur.min(1 << 20)).unwrap_or(c_int::MAX) {
            libc::close(above);
        }
    }
}
