//! Trees that would rather go on.

use std::time::Duration;

use libtest_mimic::Trial;
use process_tree::{Grace, Reach, Status, Tree};

use crate::observe::{PATIENCE, Up, eventually, read_all, role};
use crate::{ALL, STRONG, each};

/// A role with the number of its members.
const HELD_BY_ALL: [(&str, usize); 8] = [
    ("stubborn", 1),
    ("session", 2),
    ("daemon", 1),
    ("crowd", 56),
    ("stopped", 2),
    ("chain", 1),
    ("nester", 2),
    ("mover", 1),
];

/// Who left the cgroup may be killed before it is up, as soon as any other tree ends.
const TIME_TO_LEAVE: Duration = Duration::from_millis(300);

/// These clear their environment and lose their parents, which no mark survives.
const HELD_BY_STRONG: [(&str, usize); 4] =
    [("bare-daemon", 1), ("respawner", 1), ("chain-of-sessions", 1), ("moving-grandchild", 1)];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, members) in HELD_BY_ALL.into_iter().chain(HELD_BY_STRONG) {
        let is_strong = HELD_BY_STRONG.contains(&(name, members)) || name == "mover";
        let reaches: &[Reach] = if is_strong { &STRONG } else { &ALL };
        trials.extend(each(&format!("ends::{name}"), reaches, async move |reach| {
            ends(name, members, reach).await;
        }));
        // Its orphans fall to the first process of the machine, which may be slow to reap them: the default
        // grace is long enough for them to fill the process table.
        let floods = name == "chain";
        let reaches = if floods { &STRONG } else { reaches };
        trials.extend(each(&format!("dropped::{name}"), reaches, async move |reach| {
            dropped(name, members, reach).await;
        }));
    }
    trials.extend(each("a_cancelled_end_goes_on", &ALL, cancelled_end));
    trials.extend(each("a_hangup_ends_a_shell_politely", &ALL, hangup));
    trials.extend(each("a_stopped_shell_is_hung_up_politely", &ALL, stopped_child));
    trials.extend(each("a_stopped_member_is_terminated_politely", &ALL, stopped_member));
    trials.extend(each("killing_takes_no_grace", &ALL, kill_at_once));
    trials
}

fn brief() -> Grace {
    Grace::default()
        .first_for(Duration::from_millis(200))
        .terminate_for(Duration::from_millis(200))
        .kill_for(Duration::from_secs(20))
}

async fn start(name: &'static str, members: usize, reach: Reach) -> Up {
    let up = Up::start(name, reach, members).await;
    if name.starts_with("mov") {
        tokio::time::sleep(TIME_TO_LEAVE).await;
    }
    up
}

async fn ends(name: &'static str, members: usize, reach: Reach) {
    let Up { tree, mut pipes } = start(name, members, reach).await;
    let exit = tree.end(brief()).await;
    assert_eq!(exit.left, 0);
    Up::assert_nobody(&mut pipes);
}

async fn dropped(name: &'static str, members: usize, reach: Reach) {
    let Up { tree, mut pipes } = start(name, members, reach).await;
    drop(tree);
    read_all(&mut pipes.stdout).await;
}

async fn cancelled_end(reach: Reach) {
    let Up { tree, mut pipes } = Up::start("stubborn", reach, 1).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), tree.end(brief())).await.is_err());
    read_all(&mut pipes.stdout).await;
}

async fn hangup(reach: Reach) {
    let script = "trap 'exit 4' HUP; echo up; while :; do sleep 0.01; done";
    let (tree, mut pipes) = Tree::piped(shell(script, reach)).await.unwrap();
    crate::observe::wait_for_lines(&mut pipes.stdout, 1).await;
    let patient = Grace::hangup().first_for(PATIENCE);
    assert_eq!(tree.end(patient).await.status, Status::Code(4));
}

/// Says that it is up, stops, and on a signal writes `last` before it goes.
fn stopping(signal: &str) -> String {
    format!("trap 'echo last; exit 4' {signal}; echo $$; kill -STOP $$; while :; do sleep 0.01; done")
}

async fn stopped_child(reach: Reach) {
    let (tree, mut pipes) = Tree::piped(shell(&stopping("HUP"), reach)).await.unwrap();
    wait_until_stopped(&mut pipes).await;
    let patient = Grace::hangup().first_for(PATIENCE);
    assert_eq!(tree.end(patient).await.status, Status::Code(4));
    assert_eq!(read_all(&mut pipes.stdout).await, b"last\n");
}

async fn stopped_member(reach: Reach) {
    // The backslash keeps the outer shell from expanding the inner one's.
    let script = format!("sh -c \"{}\" & wait", stopping("TERM").replace('$', "\\$"));
    let (tree, mut pipes) = Tree::piped(shell(&script, reach)).await.unwrap();
    wait_until_stopped(&mut pipes).await;
    let patient = Grace::hangup().first_for(Duration::from_millis(50)).terminate_for(PATIENCE);
    assert_eq!(tree.end(patient).await.left, 0);
    assert_eq!(read_all(&mut pipes.stdout).await, b"last\n");
}

async fn wait_until_stopped(pipes: &mut process_tree::Pipes) {
    let mut said = [0; 32];
    let count = tokio::io::AsyncReadExt::read(&mut pipes.stdout, &mut said).await.unwrap();
    let pid = std::str::from_utf8(&said[..count]).unwrap().trim().to_owned();
    eventually("stopped", PATIENCE, || {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") T "))
    })
    .await;
}

fn shell(script: &str, reach: Reach) -> process_tree::Command {
    process_tree::Command::new("sh").args(["-c", script]).env("PATH", "/usr/bin:/bin").reach(reach)
}

async fn kill_at_once(reach: Reach) {
    let (tree, mut pipes) = Tree::piped(role("session", reach)).await.unwrap();
    crate::observe::wait_for_lines(&mut pipes.stdout, 2).await;
    let exit = tree.end(Grace::kill().kill_for(PATIENCE)).await;
    assert_eq!((exit.status, exit.left), (Status::Signal(libc::SIGKILL), 0));
    Up::assert_nobody(&mut pipes);
}
