//! Ending what owners left behind that were killed together with what held their trees.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cgroup::base;
use crate::cgroup::{self, NAME_PREFIX};
use crate::hunt;
use crate::keeper::holder::Marked;
use crate::mark::{Mark, Owner};
use crate::procfs;

/// How long leftovers are hunted; what can't be ended by then stays for the next sweep.
const SWEEP_FOR: Duration = Duration::from_secs(5);

/// Rest between two hunts.
const HUNT_EVERY: Duration = Duration::from_millis(10);

/// What [`sweep`] met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Trees of which something was left, be it an empty cgroup.
    pub trees: u32,
    /// Processes that were killed.
    pub processes: u32,
}

/// Kills what a killed owner left behind, and removes its cgroups. Call it at the start of a program.
///
/// It touches only trees whose owner is gone: the mark names it by start of the machine, pid namespace, process
/// id and start time, and one that can't be judged from here (another pid namespace) is left alone. Blocks for
/// 5 s at most, mostly for a few milliseconds: it goes through `/proc` once.
pub fn sweep() -> Swept {
    let mut trees = HashSet::new();
    let mut processes = HashSet::new();
    let give_up = Instant::now() + SWEEP_FOR;
    loop {
        let groups = leftover_groups();
        for (mark, group) in &groups {
            trees.insert(mark.clone());
            processes.extend(cgroup::members(group));
            cgroup::kill(group);
        }
        let quarry = Marked { is_ours: |mark: &Mark| mark.owner.is_gone(), child: None };
        let found = hunt::alive(&quarry);
        if !found.is_empty() {
            processes.extend(found.iter().map(|member| member.pid));
            trees.extend(found.iter().filter_map(|member| procfs::mark(member.pid)).filter(is_leftover));
            hunt::kill(&quarry);
        }
        let is_removed = groups.iter().filter(|(_, group)| cgroup::remove(group).is_err()).count() == 0;
        if found.is_empty() && is_removed || Instant::now() >= give_up {
            return Swept { trees: count(trees.len()), processes: count(processes.len()) };
        }
        std::thread::sleep(HUNT_EVERY);
    }
}

fn leftover_groups() -> Vec<(Mark, PathBuf)> {
    let Some(own) = base::own_directory() else { return Vec::new() };
    let entries = fs::read_dir(own).into_iter().flatten().flatten();
    let marked = entries.filter_map(|entry| {
        let mark = Mark::parse(entry.file_name().to_str()?.strip_prefix(NAME_PREFIX)?)?;
        Some((mark, entry.path()))
    });
    marked.filter(|(mark, _)| is_leftover(mark)).collect()
}

fn is_leftover(mark: &Mark) -> bool {
    Owner::is_gone(&mark.owner)
}

fn count(found: usize) -> u32 {
    u32::try_from(found).unwrap_or(u32::MAX)
}
