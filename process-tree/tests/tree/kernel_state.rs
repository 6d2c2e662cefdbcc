//! What a child starts with, and what the helpers show of themselves.

use std::collections::BTreeMap;

use libtest_mimic::Trial;
use process_tree::{Command, Grace, Reach, Tree};

use crate::observe::{Up, read_all};
use crate::{ALL, each, once};

/// Proportional memory of a supervisor at most, KiB.
const SUPERVISOR_PSS_MAX: u64 = 300;
const TREES_WEIGHED: usize = 10;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = [
        each("no_descriptor_above_2", &ALL, descriptors),
        each("signals_are_at_their_defaults", &ALL, signals),
        each("the_environment_is_what_was_given", &ALL, environment),
        each("the_child_leads_a_session", &ALL, session),
        each("a_terminal_is_the_controlling_one", &ALL, terminal),
    ]
    .into_iter()
    .flatten()
    .collect();
    trials.push(once("helpers_show_no_environment", helpers_environment));
    trials.push(once("a_supervisor_is_small", supervisor_memory));
    trials
}

async fn output(command: Command) -> String {
    let (tree, mut pipes) = Tree::piped(command).await.unwrap();
    let output = read_all(&mut pipes.stdout).await;
    tree.end(Grace::default()).await;
    String::from_utf8(output).unwrap()
}

async fn descriptors(reach: Reach) {
    // The shell expands without opening anything for longer than the directory itself.
    let listing = output(Command::new("sh").args(["-c", "echo /proc/$$/fd/*"]).reach(reach)).await;
    let numbers: Vec<&str> = listing.split_whitespace().filter_map(|path| path.rsplit('/').next()).collect();
    let open = |number: &&str| ["0", "1", "2"].contains(number);
    // A directory being read is one of the listed.
    assert!(numbers.iter().filter(|number| !open(number)).count() <= 1, "{listing}");
    let listing = output(Command::new("ls").args(["-l", "/proc/self/fd"]).reach(reach)).await;
    assert!(!listing.contains("socket:") && !listing.contains("eventfd"), "{listing}");
}

async fn signals(reach: Reach) {
    let status = output(Command::new("cat").arg("/proc/self/status").reach(reach)).await;
    let of = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned();
    for key in ["SigBlk:", "SigIgn:", "SigCgt:", "ShdPnd:", "SigPnd:"] {
        assert_eq!(u64::from_str_radix(&of(key), 16).unwrap(), 0, "{key}");
    }
}

async fn environment(reach: Reach) {
    let command = Command::new("cat").arg("/proc/self/environ").reach(reach);
    let shown =
        output(command.env("A", "1").env("B", "x=y z").env("A", "2").env("PROCESS_TREE_MARK", "no")).await;
    let shown: BTreeMap<&str, &str> =
        shown.split_terminator('\0').map(|variable| variable.split_once('=').unwrap()).collect();
    assert_eq!(shown.len(), 3);
    assert_eq!((shown["A"], shown["B"]), ("2", "x=y z"));
    assert!(shown["PROCESS_TREE_MARK"].contains(&format!("-{}-", std::process::id())));
}

async fn session(reach: Reach) {
    let Up { tree, pipes: _pipes } = Up::start("stubborn", reach, 1).await;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", tree.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let pid = tree.pid().to_string();
    assert_eq!((fields[2], fields[3]), (pid.as_str(), pid.as_str()));
    tree.end(Grace::kill()).await;
}

async fn terminal(reach: Reach) {
    let (mut master, slave) = crate::terminal::open();
    let command = Command::new("sh").args(["-c", "tty; echo said >/dev/tty"]).reach(reach);
    let mut tree = Tree::on_terminal(command.env("PATH", "/usr/bin:/bin"), slave).await.unwrap();
    assert!(tree.wait().await.status.is_success());
    let mut shown = [0; 256];
    let count = std::io::Read::read(&mut master, &mut shown).unwrap();
    let shown = String::from_utf8_lossy(&shown[..count]).into_owned();
    assert!(shown.starts_with("/dev/pts/"), "{shown}");
    tree.end(Grace::hangup()).await;
}

async fn helpers_environment() {
    let Up { tree, pipes: _pipes } = Up::start("stubborn", Reach::Supervisor, 1).await;
    let supervisor = tree.supervisor_pid().unwrap();
    for pid in [supervisor, parent(supervisor)] {
        let shown = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        assert!(shown.iter().all(|byte| *byte == 0), "{}", String::from_utf8_lossy(&shown));
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(name, "process-tree\n");
    }
    tree.end(Grace::kill()).await;
}

fn parent(of: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{of}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Pages that all of them share count for each in part, so it takes a few to see what one costs.
async fn supervisor_memory() {
    let mut trees = Vec::new();
    for _ in 0..TREES_WEIGHED {
        trees.push(Up::start("stubborn", Reach::Supervisor, 1).await);
    }
    let pids = trees.iter().map(|up| up.tree.supervisor_pid().unwrap());
    let weights: Vec<u64> = pids.map(|pid| kib(pid, "Pss:")).collect();
    let private: Vec<u64> =
        trees.iter().map(|up| kib(up.tree.supervisor_pid().unwrap(), "Private_Dirty:")).collect();
    println!("KiB per supervisor: {weights:?}, its own: {private:?}");
    assert!(weights.iter().all(|weight| *weight <= SUPERVISOR_PSS_MAX), "{weights:?}");
    for up in trees {
        up.tree.end(Grace::kill()).await;
    }
}

fn kib(pid: u32, key: &str) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
