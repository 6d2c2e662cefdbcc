//! What `/proc` tells of processes: who descends from whom, CPU time, memory.

#[allow(unsafe_code)]
mod cpu_clock;

use std::collections::HashMap;
use std::fs;

use anyhow::Context;

pub(crate) use cpu_clock::cpu_seconds;

/// A process, by its number.
pub(crate) type Pid = u32;

/// Ticks in a second of `/proc/PID/stat`: fixed for user space on every architecture Rust's std runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A line of `/proc/PID/stat`, as far as it is needed here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stat {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    pub(crate) state: char,
    /// Seconds of CPU it took itself, in user and system mode.
    pub(crate) own_cpu: f64,
    /// The same of the children it has waited for, and of theirs.
    pub(crate) children_cpu: f64,
}

impl Stat {
    /// Of this process; none if it is gone.
    pub(crate) fn of(pid: Pid) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Of all processes there are.
    fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter_map(|name| Self::of(name.parse().ok()?)).collect()
    }

    /// The name in parentheses may hold anything, so fields are counted from the last `)`.
    fn parse(line: &str) -> Option<Self> {
        let (pid, rest) = line.split_once(' ')?;
        let fields: Vec<&str> = rest.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let seconds = |index: usize| Some(fields.get(index)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
        Some(Self {
            pid: pid.parse().ok()?,
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            own_cpu: seconds(11)? + seconds(12)?,
            children_cpu: seconds(13)? + seconds(14)?,
        })
    }

    pub(crate) fn is_zombie(&self) -> bool {
        self.state == 'Z'
    }
}

/// Everybody below this process, children first.
pub(crate) fn descendants(of: Pid) -> Vec<Stat> {
    let mut by_parent: HashMap<Pid, Vec<Stat>> = HashMap::new();
    for stat in Stat::all() {
        by_parent.entry(stat.parent).or_default().push(stat);
    }
    let mut found: Vec<Stat> = by_parent.remove(&of).unwrap_or_default();
    let mut next = 0;
    while let Some(stat) = found.get(next) {
        found.extend(by_parent.remove(&stat.pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// Its arguments; none for a zombie and for one that is gone.
pub(crate) fn arguments(pid: Pid) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = bytes.split(|byte| *byte == 0).filter(|argument| !argument.is_empty());
    arguments.map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}

/// Resident memory in bytes.
pub(crate) fn resident(pid: Pid) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    kibibytes(&status, "VmRSS:").with_context(|| format!("process {pid} has no VmRSS"))
}

/// Its proportional share of memory in bytes; none where it may not be read: the process is not dumpable and we
/// aren't root.
pub(crate) fn proportional(pid: Pid) -> Option<u64> {
    kibibytes(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss:")
}

fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, id};

    #[test]
    fn a_name_with_spaces_and_parentheses_moves_no_field() {
        let line = "12 (a) b (c) S 7 12 12 0 -1 4194560 100 0 0 0 150 50 30 20 20 0 1 0 1000 0 0";
        let expected = Stat { pid: 12, parent: 7, state: 'S', own_cpu: 2.0, children_cpu: 0.5 };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("12 (cut"), None);
    }

    #[test]
    fn a_child_is_found_below_us_with_its_arguments_and_memory() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(descendants(id()).iter().any(|stat| stat.pid == child.id()));
        assert!(resident(id()).unwrap() > 100_000);
        assert!(proportional(id()).unwrap() > 100_000);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(arguments(child.id()), Vec::<String>::new());
        assert_eq!(Stat::of(child.id()), None);
    }
}
