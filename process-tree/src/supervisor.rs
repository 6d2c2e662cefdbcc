//! The small process of one tree: forked from the spawner, it never executes anything itself.

use std::os::fd::{AsRawFd, OwnedFd};

use crate::command::Reach;
use crate::keeper::Keeper;
use crate::keeper::kept::Kept;
use crate::kernel::fork;
use crate::kernel::launch::Files;
use crate::kernel::signals::ChildSignals;

/// Holds one tree until nobody is left. Runs in the forked process, which inherited what makes the spawner what
/// it is: an empty environment, blocked signals, standard descriptors on `/dev/null`, not dumpable.
pub(crate) fn run(inherited: &ChildSignals, link: OwnedFd, files: Files) -> ! {
    let own = rustix::process::getpid();
    // What falls to a subreaper falls to the nearest, so that no descendant ever leaves this process.
    let _ = rustix::process::set_child_subreaper(Some(own));
    let mut keep = vec![0, 1, 2, inherited.raw(), link.as_raw_fd()];
    match &files {
        Files::Pipes(pipes) => keep.extend(pipes.iter().map(AsRawFd::as_raw_fd)),
        Files::Terminal(terminal) => keep.push(terminal.as_raw_fd()),
    }
    fork::close_all_but(&mut keep);
    if let Ok(signals) = inherited.duplicate() {
        Keeper::of_one(signals, Kept::new(link, files, Reach::Supervisor)).run();
    }
    fork::exit()
}
