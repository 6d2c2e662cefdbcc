//! Orphans that fall to the spawner out of no living tree: they left their cgroup, or lost their supervisor.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

use super::holder::{own_pid, own_session};
use super::kept::Kept;
use crate::hunt::{self, Quarry};
use crate::kernel::reap::{self, Reap};
use crate::procfs::{self, Stat};

/// Rest between two looks through `/proc` while orphans of living trees keep the short answer from being given.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The first rest between two hunts; it doubles with each that doesn't clear them, up to the longest.
const HUNT_AFTER: Duration = Duration::from_millis(2);
const HUNT_AFTER_LONGEST: Duration = Duration::from_secs(1);

/// Hunts in a row after which trees no longer wait for the strays, about a second: the kernel holds them back.
const HUNTS_WAITED_FOR: u32 = 9;

/// Whether stray orphans may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clearing {
    Clear,
    /// Ask again then.
    Until(Instant),
    /// There are some that don't go. Nobody waits for them, but ask again then.
    GivenUp(Instant),
}

impl Clearing {
    /// Whether trees have to wait.
    pub(crate) fn is_settled(self) -> bool {
        !matches!(self, Clearing::Until(_))
    }
}

/// The one who looks for them.
#[derive(Debug)]
pub(crate) struct Strangers {
    catcher: Catcher,
    is_suspected: bool,
    look_after: Instant,
    /// In a row, none of which cleared them.
    hunts: u32,
}

impl Strangers {
    pub(crate) fn new(catcher: Catcher) -> Self {
        Strangers { catcher, is_suspected: false, look_after: Instant::now(), hunts: 0 }
    }

    /// Something happened that may have left some.
    pub(crate) fn suspect(&mut self) {
        self.is_suspected = true;
    }

    /// Kills those there are. `Clear` only when there are none.
    pub(crate) fn clear(&mut self, trees: &[Kept], supervisors: &HashSet<i32>, now: Instant) -> Clearing {
        if !self.is_suspected || !self.catcher.has_orphans() {
            return self.cleared();
        }
        if now < self.look_after {
            return self.not_yet();
        }
        if hunt::kill(&Strays { trees, supervisors }) == 0 {
            self.look_after = now + LOOK_EVERY;
            return self.cleared();
        }
        self.look_after = now + (HUNT_AFTER * 2_u32.pow(self.hunts.min(10))).min(HUNT_AFTER_LONGEST);
        self.hunts = self.hunts.saturating_add(1);
        self.not_yet()
    }

    fn cleared(&mut self) -> Clearing {
        self.is_suspected = false;
        self.hunts = 0;
        Clearing::Clear
    }

    fn not_yet(&self) -> Clearing {
        if self.hunts > HUNTS_WAITED_FOR {
            Clearing::GivenUp(self.look_after)
        } else {
            Clearing::Until(self.look_after)
        }
    }
}

struct Strays<'a> {
    trees: &'a [Kept],
    supervisors: &'a HashSet<i32>,
}

impl Quarry for Strays<'_> {
    fn find(&self) -> Vec<Stat> {
        let mut found = procfs::children(own_pid());
        found.retain(|child| !self.is_known(child.pid));
        let roots: Vec<i32> = found.iter().map(|stray| stray.pid).collect();
        found.extend(procfs::descendants(&roots));
        found
    }

    fn owns_group(&self, member: &Stat) -> bool {
        // In a session of a living tree there may be others than strays.
        let is_of_a_tree = self.trees.iter().any(|tree| tree.child() == Some(member.session));
        member.session != own_session() && !is_of_a_tree
    }
}

impl Strays<'_> {
    fn is_known(&self, pid: i32) -> bool {
        self.supervisors.contains(&pid)
            || self.trees.iter().any(|tree| tree.child() == Some(pid))
            || procfs::is_in_cgroup(pid, |name| self.trees.iter().any(|tree| tree.is_in(name)))
    }
}

/// Asks the spawner's first thread whether it has any children.
///
/// What the spawner forks, it forks in its second thread, and so is that thread's child. Orphans fall to the
/// first. So the first knows with one system call what would take a walk through `/proc` otherwise.
#[derive(Debug)]
pub(crate) struct Catcher {
    question: OwnedFd,
    answer: OwnedFd,
}

const NO_ORPHANS: u64 = 1;
const ORPHANS: u64 = 2;

impl Catcher {
    pub(crate) fn new() -> io::Result<Self> {
        let counter = || eventfd(0, EventfdFlags::CLOEXEC);
        Ok(Catcher { question: counter()?, answer: counter()? })
    }

    /// The same one, for the thread that answers.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Catcher { question: self.question.try_clone()?, answer: self.answer.try_clone()? })
    }

    fn has_orphans(&self) -> bool {
        say(&self.question, 1);
        hear(&self.answer) != Some(NO_ORPHANS)
    }

    /// The first thread's whole life. It returns when it can't hear any more.
    pub(crate) fn answer(&self) {
        while hear(&self.question).is_some() {
            let answer = loop {
                match reap::any_of_this_thread() {
                    Reap::One(..) => {}
                    Reap::NotYet => break ORPHANS,
                    Reap::NoChildren => break NO_ORPHANS,
                }
            };
            say(&self.answer, answer);
        }
    }
}

fn say(counter: &OwnedFd, value: u64) {
    // Only an overflow could fail, and both sides take turns.
    let _ = rustix::io::write(counter, &value.to_ne_bytes());
}

fn hear(counter: &OwnedFd) -> Option<u64> {
    let mut bytes = [0; 8];
    loop {
        match rustix::io::read(counter, &mut bytes) {
            Ok(_) => return Some(u64::from_ne_bytes(bytes)),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}
