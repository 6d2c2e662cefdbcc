//! Limits on processes: enforced by what there is, or refused.

use std::os::unix::process::CommandExt;

use libtest_mimic::Trial;
use process_tree::{Command, Error, Grace, Reach, Resource, Tree};

use crate::observe::{PATIENCE, cgroups_of, children, eventually, read_all};
use crate::users::{self, Place};
use crate::{ALL, each, owners};

pub(crate) fn trials() -> Vec<Trial> {
    [
        each("a_limit_on_processes_holds_or_is_refused", &ALL, own),
        each("a_limit_on_processes_holds_for_an_owner_that_is_not_root", &ALL, nobodys),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// In a process of its own, so that what is left can be told.
async fn own(reach: Reach) {
    let status = owners::owner("--own", &["limited", &format!("{reach:?}")]).status().unwrap();
    assert!(status.success(), "{status}");
}

async fn nobodys(reach: Reach) {
    if !users::is_root() {
        println!("not root, so nobody else can be become; the owner itself is tested by another trial");
        return;
    }
    let place = Place::new();
    let mut owner = std::process::Command::new(place.exe());
    owner.args(["--own", "limited", &format!("{reach:?}")]).current_dir("/").uid(users::UID).gid(users::GID);
    let output = owner.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The owner's side of both.
pub(crate) async fn assert_limited(reach: Reach) {
    // With one, the shell itself is all that there may be.
    let command =
        Command::new("sh").args(["-c", "/bin/echo forked; echo went on"]).env("PATH", "/usr/bin:/bin");
    let refused = match Tree::piped(command.cwd("/").limit(Resource::Processes, 1).reach(reach)).await {
        Ok((tree, mut pipes)) => {
            assert!(!users::is_root() || has_pids_max(), "nothing holds root back");
            let said = read_all(&mut pipes.stdout).await;
            assert!(!said.starts_with(b"forked"), "{}", String::from_utf8_lossy(&said));
            tree.end(Grace::kill()).await;
            return;
        }
        Err(error) => error,
    };
    match refused {
        Error::Limit { resource: Resource::Processes, source } => {
            assert!(users::is_root() && !has_pids_max());
            assert_eq!(source.kind(), std::io::ErrorKind::Unsupported);
            assert!(source.to_string().contains("root"), "{source}");
        }
        // Who may not make cgroups has none to limit by.
        Error::ReachUnavailable(Reach::Cgroup) => assert!(!users::is_root()),
        other => panic!("{other:?}"),
    }
    assert_eq!(cgroups_of(std::process::id()), Vec::<std::path::PathBuf>::new());
    let has_helpers_only = || {
        let helpers = children(std::process::id());
        helpers.len() <= 1 && helpers.iter().all(|helper| children(*helper).is_empty())
    };
    eventually("no process is left", PATIENCE, has_helpers_only).await;
}

/// Whether the cgroups of this process' trees count processes.
pub(crate) fn has_pids_max() -> bool {
    cgroups_of(std::process::id()).iter().any(|cgroup| cgroup.join("pids.max").exists())
}
