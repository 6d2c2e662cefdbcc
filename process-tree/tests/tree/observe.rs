//! Starting a role and seeing who of it is alive, independently of what the crate says.

use std::time::{Duration, Instant};

use process_tree::{Command, Pipes, Reach, Tree};
use tokio::net::unix::pipe::Receiver;

/// Far beyond what anything here takes; only a failing test reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// This test program in one of its roles.
pub(crate) fn role(role: &str, reach: Reach) -> Command {
    Command::new(std::env::current_exe().unwrap())
        .args(["--be", role])
        .env("PATH", "/usr/bin:/bin")
        .reach(reach)
}

/// A role that is up: every one of its `members` has said so. Each of them has the tree's standard output open,
/// so that its end of file tells exactly that nobody is left.
pub(crate) struct Up {
    pub(crate) tree: Tree,
    pub(crate) pipes: Pipes,
}

impl Up {
    pub(crate) async fn start(name: &str, reach: Reach, members: usize) -> Up {
        let (tree, mut pipes) = Tree::piped(role(name, reach)).await.unwrap();
        assert_eq!(tree.reach(), reach);
        wait_for_lines(&mut pipes.stdout, members).await;
        Up { tree, pipes }
    }

    /// Nobody is left, now and not later.
    pub(crate) fn assert_nobody(pipes: &mut Pipes) {
        let mut buffer = [0; 4096];
        loop {
            // Asked of the kernel: the runtime hasn't polled for what just happened.
            match rustix::io::read(&pipes.stdout, &mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => panic!("someone has the standard output open: {error}"),
            }
        }
    }
}

pub(crate) async fn wait_for_lines(from: &mut Receiver, count: usize) {
    let mut lines = 0;
    let mut buffer = [0; 4096];
    while lines < count {
        let read = tokio::time::timeout(PATIENCE, tokio::io::AsyncReadExt::read(from, &mut buffer)).await;
        let read = read.expect("members come up").unwrap();
        assert!(read > 0, "a role ended before it was up");
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count();
    }
}

pub(crate) async fn read_all(from: &mut Receiver) -> Vec<u8> {
    let mut all = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(from, &mut all);
    tokio::time::timeout(PATIENCE, read).await.expect("end of file").unwrap();
    all
}

/// Tries again until it holds.
pub(crate) async fn eventually(what: &str, within: Duration, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Process ids whose parent is `of`, zombies left out.
pub(crate) fn children(of: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
        let mut fields = fields.split_whitespace();
        fields.next().is_some_and(|state| state != "Z") && fields.next() == Some(&of.to_string())
    })
    .collect()
}

/// Directories of trees' cgroups, if there is a version 2 hierarchy where this machine has it.
pub(crate) fn cgroups_of(owner: u32) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("process-tree.") && name.contains(&format!("-{owner}-")) {
                found.push(entry.path());
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    found
}
