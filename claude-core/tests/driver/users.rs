//! Runs as another user. Only root can have them; without it, each of these checks the refusal alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use claude_core::Error;
use claude_core::cli::{ChildUser, Command, Installation, Process};
use claude_core::testing::StandIn;
use tempfile::TempDir;

use crate::support::{command, see};

/// This program where everybody may run it, wherever it was built.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = Self(directory);
        fs::copy(std::env::current_exe().unwrap(), place.exe()).unwrap();
        for path in [place.0.path(), &place.exe()] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        place
    }

    fn exe(&self) -> PathBuf {
        self.0.path().join("claude")
    }

    fn command(&self, plan: &StandIn) -> Command {
        let (name, plan) = plan.to_env();
        Command::new(self.exe()).env(name, plan).prompt("Say hello.").cwd(self.0.path()).user(nobody())
    }
}

fn nobody() -> ChildUser {
    ChildUser::by_name("nobody").unwrap()
}

/// Whether there is more to see than the refusal, which is checked here.
async fn can_switch() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    println!("not root, so nobody else can be become; only the refusal is tested");
    let error = command(&StandIn::new()).user(nobody()).spawn().await.unwrap_err();
    assert!(matches!(&error, Error::UserRefused { uid, .. } if *uid == nobody().uid()), "{error:?}");
    assert_eq!((error.code(), error.is_retryable()), ("user_refused", false));
    false
}

pub(crate) async fn a_run_as_nobody_tells_its_lines_and_has_nobodys_home() {
    if !can_switch().await {
        return;
    }
    let place = Place::new();
    let plan = StandIn::new().lines(20).stall_after(3);
    let mut process = place.command(&plan).spawn().await.unwrap();
    assert!(process.next().await.unwrap().unwrap().line.is_some());
    let user = nobody();
    assert_eq!(status(&process, "Uid:"), [user.uid().to_string().as_str(); 4].join("\t"));
    assert_eq!(status(&process, "Gid:"), [user.gid().to_string().as_str(); 4].join("\t"));
    let home = format!("HOME={}", user.home().unwrap().display());
    assert_eq!(
        variables(&process, &["HOME", "USER", "LOGNAME"]),
        [home.as_str(), "LOGNAME=nobody", "USER=nobody"]
    );
    drop(process);

    let seen = see(place.command(&StandIn::new().text("Hello.").echo_prompt()).spawn().await.unwrap()).await;
    assert!(seen.outcome.is_some() && seen.text().starts_with("Hello."), "{:?}", seen.error);
}

pub(crate) async fn what_is_set_for_the_run_wins_over_the_users_own() {
    if !can_switch().await {
        return;
    }
    let place = Place::new();
    let plan = StandIn::new().lines(20).stall_after(3);
    let mut process = place.command(&plan).env("HOME", "/srv/runs").spawn().await.unwrap();
    assert!(process.next().await.unwrap().unwrap().line.is_some());
    assert_eq!(variables(&process, &["HOME", "USER"]), ["HOME=/srv/runs", "USER=nobody"]);
}

pub(crate) async fn what_the_user_can_not_reach_is_told() {
    if !can_switch().await {
        return;
    }
    let place = Place::new();
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
    let error = place.command(&StandIn::new()).cwd(closed.path()).spawn().await.unwrap_err();
    assert!(matches!(&error, Error::BadDirectory { path } if path == closed.path()), "{error:?}");
    fs::set_permissions(place.exe(), Permissions::from_mode(0o700)).unwrap();
    let error = place.command(&StandIn::new()).spawn().await.unwrap_err();
    assert!(matches!(&error, Error::CliUnusable { .. }), "{error:?}");
    let error = Installation::probe_as(place.exe(), nobody()).await.unwrap_err();
    assert!(matches!(&error, Error::CliUnusable { .. }), "{error:?}");
}

fn status(process: &Process, key: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    status.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned()
}

/// Those of these names that the process has, sorted.
fn variables(process: &Process, names: &[&str]) -> Vec<String> {
    let environment = fs::read(format!("/proc/{}/environ", process.pid())).unwrap();
    let all = String::from_utf8(environment).unwrap();
    let is_asked = |variable: &&str| names.iter().any(|name| variable.split('=').next() == Some(name));
    let mut found: Vec<String> = all.split_terminator('\0').filter(is_asked).map(str::to_owned).collect();
    found.sort();
    found
}
