//! Everything the benches start stays below this process, so that nobody is left at the end.

use std::process::id;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, waitpid};

use crate::process::{Stat, descendants};

/// How long the end of everybody may take; whoever is in the kernel longer than that is left.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends whoever is below this process when dropped: orphans too, however they moved away, since they become
/// children of the nearest subreaper above them, and that is this process.
#[derive(Debug)]
pub(crate) struct Nest;

impl Nest {
    pub(crate) fn new() -> anyhow::Result<Self> {
        set_child_subreaper(Pid::from_raw(1)).context("cannot become a subreaper")?;
        Ok(Self)
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        clear();
    }
}

/// Ends everybody below this process and takes in what they leave.
pub(crate) fn clear() {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = descendants(id());
        if left.is_empty() || Instant::now() > deadline {
            return;
        }
        left.iter().for_each(end);
        sleep(Duration::from_millis(5));
    }
}

/// Errors mean that it is gone, or somebody else's to wait for: the next look tells.
fn end(stat: &Stat) {
    let Some(pid) = i32::try_from(stat.pid).ok().and_then(Pid::from_raw) else { return };
    if !stat.is_zombie() {
        let _ = kill_process(pid, Signal::KILL);
    } else if stat.parent == id() {
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}
