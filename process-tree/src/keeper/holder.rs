//! What a tree's members are found and signalled by.

use std::collections::HashSet;

use crate::cgroup::Group;
use rustix::process::{Pid, Signal};

use crate::hunt::{self, Quarry};
use crate::mark::Mark;
use crate::procfs::{self, Stat};

/// What holds one tree.
#[derive(Debug)]
pub(crate) enum Holder {
    Cgroup(Group),
    /// Everything below this process, a supervisor.
    Descendants,
    Marked(Mark),
}

impl Holder {
    /// `SIGTERM` to every member. `child` is the direct child as long as its id is surely its own.
    pub(crate) fn terminate(&self, child: Option<i32>) {
        hunt::terminate(&self.members(child));
    }

    /// `SIGKILL` to every member.
    pub(crate) fn kill(&self, child: Option<i32>) {
        match self {
            Holder::Cgroup(group) => {
                group.kill();
                // It may have moved itself out.
                if let Some(child) = child {
                    hunt::signal_child(child, libc::SIGKILL);
                }
            }
            Holder::Descendants => {
                hunt::kill(&Below);
            }
            Holder::Marked(mark) => {
                // At once, and without a look at anybody: they may be forking faster than one can look.
                if let Some(group) = child.and_then(Pid::from_raw) {
                    let _ = rustix::process::kill_process_group(group, Signal::KILL);
                }
                hunt::kill(&Marked { is_ours: |other: &Mark| other == mark, child });
            }
        }
    }

    /// Living members, as far as they can be found.
    pub(crate) fn members(&self, child: Option<i32>) -> Vec<Stat> {
        match self {
            Holder::Cgroup(group) => {
                let pids: HashSet<i32> = group.members().into_iter().chain(child).collect();
                pids.into_iter().filter_map(procfs::stat).filter(|stat| !stat.is_dead()).collect()
            }
            Holder::Descendants => hunt::alive(&Below),
            Holder::Marked(mark) => hunt::alive(&Marked { is_ours: |other: &Mark| other == mark, child }),
        }
    }

    /// Whether it can be told that somebody is left. A supervisor is told by the kernel instead, when it has no
    /// more children.
    pub(crate) fn is_populated(&self, child: Option<i32>) -> bool {
        match self {
            Holder::Cgroup(group) => group.is_populated(),
            Holder::Descendants => true,
            Holder::Marked(_) => !self.members(child).is_empty() || self.has_fugitive(child),
        }
    }

    /// A process that forks the next and exits is missed by any walk through `/proc`. Its group, however, can be
    /// stopped in one piece.
    fn has_fugitive(&self, child: Option<i32>) -> bool {
        let Some(group) = child.and_then(Pid::from_raw) else { return false };
        let _ = rustix::process::kill_process_group(group, Signal::STOP);
        let has_members = !self.members(child).is_empty();
        let _ = rustix::process::kill_process_group(group, Signal::CONT);
        has_members
    }
}

/// Everything below this process.
struct Below;

impl Quarry for Below {
    fn find(&self) -> Vec<Stat> {
        procfs::descendants(&[own_pid()])
    }

    /// A group lies within one session, and each session but this process' own was begun by a descendant.
    fn owns_group(&self, member: &Stat) -> bool {
        member.session != own_session()
    }
}

/// Everybody who bears a mark, what descends from them, and the session of the direct child.
pub(crate) struct Marked<F> {
    pub(crate) is_ours: F,
    /// The direct child as long as its id is surely its own: not reaped.
    pub(crate) child: Option<i32>,
}

impl<F: Fn(&Mark) -> bool> Quarry for Marked<F> {
    fn find(&self) -> Vec<Stat> {
        let mut all = procfs::all();
        // Whoever this process descends from owns it, and not the other way round.
        let above = procfs::ancestors(&all, own_pid());
        all.retain(|stat| stat.pid != own_pid() && !above.contains(&stat.pid));
        let is_root = |stat: &Stat| {
            self.is_in_session(stat)
                || !stat.is_dead() && procfs::mark(stat.pid).is_some_and(|mark| (self.is_ours)(&mark))
        };
        let roots: Vec<Stat> = all.iter().filter(|stat| is_root(stat)).copied().collect();
        let root_pids: Vec<i32> = roots.iter().map(|stat| stat.pid).collect();
        let mut seen = HashSet::new();
        let below = procfs::closure(&all, &root_pids);
        roots.into_iter().chain(below).filter(|stat| seen.insert(stat.pid)).collect()
    }

    fn owns_group(&self, member: &Stat) -> bool {
        self.is_in_session(member)
    }
}

impl<F> Marked<F> {
    fn is_in_session(&self, stat: &Stat) -> bool {
        self.child.is_some_and(|child| [stat.pid, stat.session, stat.group].contains(&child))
    }
}

pub(crate) fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

pub(crate) fn own_session() -> i32 {
    rustix::process::getsid(None).map_or(0, |session| session.as_raw_nonzero().get())
}
