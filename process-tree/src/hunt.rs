//! Signalling many processes that would rather not be found.

use std::collections::HashSet;

use rustix::process::{Pid, PidfdFlags, Signal};

use crate::procfs::{self, Stat};

/// How often one hunt looks for newcomers before it kills those it has: a group that forks faster is met
/// again by the next hunt.
const ROUNDS_MAX: usize = 16;

/// What is hunted.
pub(crate) trait Quarry {
    /// Everybody of it, the dead that nobody reaped included: they tell the groups of those that live on.
    fn find(&self) -> Vec<Stat>;

    /// Whether this member's process group has only members in it, so that it can be signalled as one: which
    /// catches even those that fork without end, as the kernel does it in one piece.
    fn owns_group(&self, member: &Stat) -> bool;
}

/// Stops every newcomer until there are no more, then kills them all. Returns how many it met.
pub(crate) fn kill(quarry: &impl Quarry) -> usize {
    let mut met: HashSet<(i32, u64)> = HashSet::new();
    let mut members = Vec::new();
    let mut groups = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let mut newcomers = quarry.find();
        signal_groups(quarry, &newcomers, Signal::STOP);
        groups.extend(newcomers.iter().copied());
        newcomers.retain(|member| !member.is_dead() && met.insert((member.pid, member.started)));
        if newcomers.is_empty() {
            break;
        }
        for member in &newcomers {
            signal(member, Signal::STOP);
        }
        members.extend(newcomers);
    }
    signal_groups(quarry, &groups, Signal::KILL);
    for member in &members {
        signal(member, Signal::KILL);
    }
    met.len()
}

/// The living of a quarry.
pub(crate) fn alive(quarry: &impl Quarry) -> Vec<Stat> {
    let mut found = quarry.find();
    found.retain(|member| !member.is_dead());
    found
}

/// `SIGTERM` to each, and `SIGCONT` so that those that are stopped take notice.
pub(crate) fn terminate(members: &[Stat]) {
    for member in members {
        signal(member, Signal::TERM);
        signal(member, Signal::CONT);
    }
}

/// Signals exactly the process that was seen, not one that got its id since. One that is gone is no error.
pub(crate) fn signal(member: &Stat, signal: Signal) {
    let Some(pid) = Pid::from_raw(member.pid).filter(|pid| is_fair_game(*pid)) else { return };
    let Ok(exact) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
        // Gone; or a filter forbids the call, and then this is all one can do.
        let _ = rustix::process::kill_process(pid, signal);
        return;
    };
    if procfs::stat(member.pid).is_some_and(|now| now.started == member.started) {
        let _ = rustix::process::pidfd_send_signal(&exact, signal);
    }
}

/// Signals a process by its id: for an unreaped child only, whose id is nobody else's.
pub(crate) fn signal_child(pid: i32, number: i32) {
    let signal = Signal::from_named_raw(number);
    if let (Some(pid), Some(signal)) = (Pid::from_raw(pid), signal) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn signal_groups(quarry: &impl Quarry, members: &[Stat], signal: Signal) {
    let mine = rustix::process::getpgrp();
    let groups: HashSet<Pid> = members
        .iter()
        .filter(|member| quarry.owns_group(member))
        .filter_map(|member| Pid::from_raw(member.group))
        .filter(|group| is_fair_game(*group) && *group != mine)
        .collect();
    for group in groups {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Whatever else goes wrong, neither this process nor the first one is ever signalled.
fn is_fair_game(pid: Pid) -> bool {
    pid != Pid::INIT && pid != rustix::process::getpid()
}
