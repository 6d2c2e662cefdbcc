//! Reading `/proc`: who there is, whose child it is, and what mark it bears.

use std::collections::HashMap;
use std::fs;
use std::sync::OnceLock;

use crate::mark::Mark;
use crate::wire::MARK_VARIABLE;

/// The part of `/proc/PID/stat` that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// Clock ticks since boot.
    pub(crate) started: u64,
    state: u8,
}

impl Stat {
    /// It has ended, though its parent may not have reaped it.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// The command's name is in parentheses and may hold anything, parentheses and newlines included.
    fn parse(text: &[u8]) -> Option<Stat> {
        let open = memchr(text, b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let pid = std::str::from_utf8(&text[..open]).ok()?.trim().parse().ok()?;
        let mut fields = std::str::from_utf8(text.get(close + 1..)?).ok()?.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let [parent, group, session] =
            [fields.next()?.parse().ok()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?];
        // Field 22, where the session is the 6th.
        let started = fields.nth(15)?.parse().ok()?;
        Some(Stat { pid, parent, group, session, started, state })
    }
}

fn memchr(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|found| *found == byte)
}

/// One process, or nothing when there is none.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    Stat::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Every process there is, the dead ones that nobody reaped included.
pub(crate) fn all() -> Vec<Stat> {
    pids().filter_map(stat).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Everybody below `roots`, without these. What is forked meanwhile may be missing.
pub(crate) fn descendants(roots: &[i32]) -> Vec<Stat> {
    if has_children_files() { walk(roots) } else { closure(&all(), roots) }
}

/// Children of a process, dead ones included.
pub(crate) fn children(of: i32) -> Vec<Stat> {
    if has_children_files() {
        child_pids(of).into_iter().filter_map(stat).collect()
    } else {
        all().into_iter().filter(|stat| stat.parent == of).collect()
    }
}

/// `/proc/PID/task/TID/children` is an option of the kernel; without it everybody's parent is read.
fn has_children_files() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| fs::exists("/proc/thread-self/children").unwrap_or(false))
}

fn walk(roots: &[i32]) -> Vec<Stat> {
    let mut found: Vec<Stat> = Vec::new();
    let mut open = roots.to_vec();
    while let Some(parent) = open.pop() {
        for child in child_pids(parent) {
            if found.iter().any(|known| known.pid == child) {
                continue;
            }
            found.extend(stat(child));
            open.push(child);
        }
    }
    found
}

fn child_pids(of: i32) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Everybody of `all` whose line of parents leads to one of `roots`.
pub(crate) fn closure(all: &[Stat], roots: &[i32]) -> Vec<Stat> {
    let mut below: HashMap<i32, Vec<&Stat>> = HashMap::new();
    for stat in all {
        below.entry(stat.parent).or_default().push(stat);
    }
    let mut found = Vec::new();
    let mut open = roots.to_vec();
    while let Some(parent) = open.pop() {
        for child in below.remove(&parent).unwrap_or_default() {
            open.push(child.pid);
            found.push(*child);
        }
    }
    found
}

/// The line of parents of a process.
pub(crate) fn ancestors(all: &[Stat], of: i32) -> Vec<i32> {
    let parent_of = |pid: i32| all.iter().find(|stat| stat.pid == pid).map(|stat| stat.parent);
    let mut line = Vec::new();
    let mut next = parent_of(of);
    while let Some(pid) = next.filter(|pid| *pid > 0 && !line.contains(pid)) {
        line.push(pid);
        next = parent_of(pid);
    }
    line
}

/// The mark in a process' environment, as it was when it last executed a program. Nothing for those of other
/// users, unless this process may trace them, as root may.
pub(crate) fn mark(pid: i32) -> Option<Mark> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment.split(|byte| *byte == 0).find_map(|variable| {
        let value = variable.strip_prefix(MARK_VARIABLE.as_bytes())?.strip_prefix(b"=")?;
        Mark::parse(std::str::from_utf8(value).ok()?)
    })
}

/// Whether a process sits in a cgroup, or below one, whose directory's name satisfies `is_it`.
pub(crate) fn is_in_cgroup(pid: i32, is_it: impl Fn(&str) -> bool) -> bool {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/cgroup")) else { return false };
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    path.is_some_and(|path| path.split('/').any(is_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"42 (a) b) ( c) S 7 40 39 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 98765 0 0\n";

    #[test]
    fn a_name_may_hold_parentheses() {
        let stat = Stat::parse(LINE).unwrap();
        assert_eq!((stat.pid, stat.parent, stat.group, stat.session), (42, 7, 40, 39));
        assert_eq!(stat.started, 98765);
        assert!(!stat.is_dead());
    }

    #[test]
    fn a_cut_line_is_refused() {
        for end in 0..LINE.len() - 10 {
            assert_eq!(Stat::parse(&LINE[..end]), None, "{end}");
        }
    }

    #[test]
    fn this_process_is_there() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert_eq!(stat(me).unwrap().pid, me);
        assert!(all().iter().any(|stat| stat.pid == me));
    }

    #[test]
    fn a_closure_follows_parents() {
        let of = |pid, parent| Stat { pid, parent, ..Stat::parse(LINE).unwrap() };
        let all = [of(2, 1), of(3, 2), of(4, 3), of(5, 1), of(6, 5)];
        let mut found: Vec<i32> = closure(&all, &[2]).iter().map(|stat| stat.pid).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 4]);
    }
}
