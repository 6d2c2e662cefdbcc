//! The process that `init` forks before anything else exists: it starts every child, so that none inherits
//! anything of the owner, and every orphan falls to it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::channel::Channel;
use crate::keeper::strangers::{Catcher, Strangers};
use crate::keeper::{Host, Keeper};
use crate::kernel::fork::{self, Side};
use crate::kernel::{scrub, signals};

/// How spawner and supervisors show in a list of processes.
const NAME: &std::ffi::CStr = c"process-tree";

static SPAWNER: OnceLock<Option<Channel>> = OnceLock::new();

/// Forks the spawner. Call it on the first line of `main`, before any thread, runtime or secret exists.
///
/// It can't fail the program: where the fork fails, or other threads are running already, trees are held by
/// cgroup or marker instead (see [`Reach`](crate::Reach)). Calling it again does nothing.
pub fn init() {
    SPAWNER.get_or_init(|| if is_single_threaded() { start().ok() } else { None });
}

/// The way to the spawner, where there is one.
pub(crate) fn channel() -> Option<&'static Channel> {
    SPAWNER.get().and_then(Option::as_ref).filter(|channel| !channel.is_broken())
}

fn is_single_threaded() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

fn start() -> io::Result<Channel> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (own, spawners) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    match fork::fork()? {
        Side::Parent { child } => Ok(Channel::new(own, Some(child))),
        Side::Child => {
            // Whatever fails here, the owner sees the socket close and does without.
            drop(run(spawners));
            fork::exit()
        }
    }
}

fn run(requests: OwnedFd) -> io::Result<()> {
    signals::block_all();
    scrub::environment();
    leave_owner(&requests)?;
    let signals = signals::ChildSignals::new()?;
    let catcher = Catcher::new()?;
    let strangers = Strangers::new(catcher.try_clone()?);
    let host = Host::Spawner { signals, strangers, supervisors: HashSet::new() };
    // Forking is the second thread's, so that the first knows orphans from children: see `Catcher`.
    std::thread::Builder::new().spawn(move || {
        Keeper::new(host, requests).run();
        fork::exit()
    })?;
    catcher.answer();
    Ok(())
}

/// Cuts every tie: session and terminal, descriptors (a pipe of the owner's must not stay open), directory.
fn leave_owner(requests: &OwnedFd) -> io::Result<()> {
    let _ = rustix::process::setsid();
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    fork::close_all_but(&mut [0, 1, 2, null.as_raw_fd(), requests.as_raw_fd()]);
    rustix::process::chdir("/")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    rustix::thread::set_name(NAME)?;
    Ok(())
}
