//! Owners that die, and whatever needs a process of its own to be seen.
#![allow(clippy::disallowed_methods, reason = "an owner that exits at once is what some of these are about")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use libtest_mimic::Trial;
use process_tree::{Command, Error, Grace, Reach, Status, Tree};
use tokio::net::unix::pipe;

use crate::observe::{PATIENCE, Up, cgroups_of, children, eventually, read_all, wait_for_lines};
use crate::users::Place;
use crate::{ALL, STRONG, block_on, each, has_cgroups, once, processes, users};

/// What an owner's death may take: all steps of the default grace, and a second.
const GONE_WITHIN: Duration = Duration::from_secs(6);

/// What runs below the owners that get killed.
const ROLES: [&str; 4] = ["stubborn", "session", "bare-daemon", "respawner"];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        once("the_owners_output_is_not_kept_open", output_kept),
        alone("a_stopped_spawner", &[]),
        alone("a_killed_spawner", &[]),
        alone("init_after_threads", &["--own-uninitialised"]),
        alone("without_init", &["--own-uninitialised"]),
    ];
    trials.extend(each("a_killed_owner_leaves_nobody", &STRONG, killed_owner));
    trials.extend(each("an_owner_that_drops_and_exits_leaves_nobody", &STRONG, drop_and_exit));
    trials.extend(each("a_sweep_ends_what_is_left", &[Reach::Cgroup, Reach::Marker], sweep));
    trials.extend(each("no_descriptor_is_leaked", &ALL, descriptors));
    trials
}

/// A scenario in a process of its own.
fn alone(name: &'static str, flag: &'static [&'static str]) -> Trial {
    Trial::test(name, move || {
        let status = owner(flag.first().copied().unwrap_or("--own"), &[name]).status().unwrap();
        assert!(status.success(), "{status}");
        Ok(())
    })
}

pub(crate) fn owner(flag: &str, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.arg(flag).args(arguments);
    command
}

/// Becomes one of the owners below.
pub(crate) fn own(arguments: &[String]) -> ! {
    let reach = |at: usize| match arguments[at].as_str() {
        "Cgroup" => Reach::Cgroup,
        "Supervisor" => Reach::Supervisor,
        _ => Reach::Marker,
    };
    block_on(async {
        match arguments[0].as_str() {
            "hold" => hold(reach(1), Path::new(&arguments[2]), Path::new(&arguments[3])).await,
            "hold-other" => users::hold_other(reach(1)).await,
            "refused" => users::assert_refused(reach(1)).await,
            "limited" => processes::assert_limited(reach(1)).await,
            "sweep" => sweep_once(),
            "close-output" => close_output(),
            "descriptors" => count_descriptors(reach(1)).await,
            "a_stopped_spawner" => stopped_spawner().await,
            "a_killed_spawner" => killed_spawner().await,
            "init_after_threads" => init_after_threads().await,
            "without_init" => without_init().await,
            other => panic!("no owner {other}"),
        }
    });
    std::process::exit(0)
}

/// Starts every role of `exe` with its output on `fifo`, and waits for a word before it drops them and exits. Where
/// `exe` isn't this very program, another user runs it.
async fn hold(reach: Reach, exe: &Path, fifo: &Path) {
    let is_own = std::env::current_exe().unwrap() == exe;
    let mut trees = Vec::new();
    for role in ROLES {
        let script = format!("exec \"$0\" --be {role} >\"$1\"");
        let command = Command::new("/bin/sh").args(["-c", &script]).arg(exe).arg(fifo);
        let command = if is_own { command } else { command.cwd("/").user(users::other()) };
        trees.push(Tree::piped(command.reach(reach)).await.unwrap());
    }
    let mut word = [0];
    let _ = std::io::stdin().read(&mut word);
    drop(trees);
    std::process::exit(0);
}

/// An owner that holds trees which are up, and the end of the pipe that shows whether any member is alive.
struct Holding {
    owner: Child,
    alive: pipe::Receiver,
    directory: Place,
}

/// Whose children an owner holds.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    Its,
    Anothers,
}

impl Holding {
    async fn start(reach: Reach, whose: Whose) -> Self {
        let directory = Place::new();
        let exe = match whose {
            Whose::Its => std::env::current_exe().unwrap(),
            Whose::Anothers => directory.exe(),
        };
        let fifo = directory.path().join("alive");
        make_fifo(&fifo);
        let mut alive = pipe::OpenOptions::new().open_receiver(&fifo).unwrap();
        // Without a writer there would be an end of file before anybody came.
        let writer = pipe::OpenOptions::new().open_sender(&fifo).unwrap();
        let [exe, fifo] = [&exe, &fifo].map(|path| path.to_str().unwrap());
        let mut command = owner("--own", &["hold", &format!("{reach:?}"), exe, fifo]);
        let owner = command.stdin(Stdio::piped()).spawn().unwrap();
        wait_for_lines(&mut alive, ROLES.len() + 1).await;
        drop(writer);
        Holding { owner, alive, directory }
    }

    async fn assert_gone_within(&mut self, time: Duration) {
        let gone = tokio::time::timeout(time, read_all(&mut self.alive)).await;
        assert!(gone.is_ok(), "someone is left after {time:?}");
    }
}

fn make_fifo(path: &PathBuf) {
    let status = std::process::Command::new("mkfifo").args(["-m", "666"]).arg(path).status().unwrap();
    assert!(status.success());
}

async fn killed_owner(reach: Reach) {
    let mut holding = Holding::start(reach, Whose::Its).await;
    let pid = holding.owner.id();
    let spawner = children(pid);
    holding.owner.kill().unwrap();
    holding.owner.wait().unwrap();
    holding.assert_gone_within(GONE_WITHIN).await;
    eventually("the helpers go too", PATIENCE, || spawner.iter().all(|pid| !is_helper(*pid))).await;
    assert_eq!(cgroups_of(pid), Vec::<PathBuf>::new());
}

fn is_helper(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "process-tree\n")
}

async fn drop_and_exit(reach: Reach) {
    let mut holding = Holding::start(reach, Whose::Its).await;
    holding.owner.stdin.take().unwrap().write_all(b"!").unwrap();
    holding.owner.wait().unwrap();
    holding.assert_gone_within(GONE_WITHIN).await;
    let pid = holding.owner.id();
    eventually("the cgroups go too", PATIENCE, || cgroups_of(pid).is_empty()).await;
}

async fn sweep(reach: Reach) {
    sweep_of(reach, Whose::Its).await;
}

/// Owner and spawner are killed together; what is left then is the next owner's to end.
pub(crate) async fn sweep_of(reach: Reach, whose: Whose) {
    // One at a time: a sweep ends what any killed owner left.
    static SWEEPING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = SWEEPING.lock().await;
    let mut holding = Holding::start(reach, whose).await;
    let pid = holding.owner.id();
    signal(pid, rustix::process::Signal::STOP);
    for helper in children(pid).into_iter().filter(|pid| is_helper(*pid)) {
        signal(helper, rustix::process::Signal::KILL);
    }
    holding.owner.kill().unwrap();
    holding.owner.wait().unwrap();
    assert!(owner("--own", &["sweep"]).status().unwrap().success());
    if reach == Reach::Cgroup {
        holding.assert_gone_within(PATIENCE).await;
    } else {
        // Without their environment, these two can't be told from strangers. They are ended here.
        kill_roles_of(&holding);
        holding.assert_gone_within(PATIENCE).await;
    }
    assert_eq!(cgroups_of(pid), Vec::<PathBuf>::new());
}

/// Kills whoever still has the pipe open, but finds no stubborn one that bears a mark.
fn kill_roles_of(holding: &Holding) {
    let fifo = std::fs::canonicalize(holding.directory.path().join("alive")).unwrap();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stdout = std::fs::read_link(entry.path().join("fd/1"));
        if pid != std::process::id() && stdout.is_ok_and(|path| path == fifo) {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            let text = String::from_utf8_lossy(&environment).into_owned();
            assert!(!text.contains("PROCESS_TREE_MARK"), "{pid} bears a mark");
            signal(pid, rustix::process::Signal::KILL);
        }
    }
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    let _ = rustix::process::kill_process(pid, signal);
}

fn sweep_once() {
    let swept = process_tree::sweep();
    assert!(swept.trees >= 1 && swept.processes >= 1, "{swept:?}");
}

async fn output_kept() {
    let mut command = owner("--own", &["close-output"]);
    let mut owner = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = Vec::new();
    // Comes to an end while the owner, and with it its spawner, is still there.
    owner.stdout.take().unwrap().read_to_end(&mut shown).unwrap();
    assert_eq!(shown, b"shown\n");
    assert!(owner.try_wait().unwrap().is_none());
    assert_eq!(children(owner.id()).len(), 1);
    drop(owner.stdin.take());
    owner.wait().unwrap();
}

fn close_output() {
    std::io::stdout().write_all(b"shown\n").unwrap();
    let null = std::fs::File::open("/dev/null").unwrap();
    rustix::stdio::dup2_stdout(&null).unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

async fn descriptors(reach: Reach) {
    let status = owner("--own", &["descriptors", &format!("{reach:?}")]).status().unwrap();
    assert!(status.success());
}

async fn count_descriptors(reach: Reach) {
    let own = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let helpers = || -> Vec<usize> {
        let helpers = children(std::process::id());
        helpers.iter().map(|pid| std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()).collect()
    };
    let run = async |count: usize| {
        for number in 0..count {
            let (tree, _pipes) = Tree::piped(Command::new("true").reach(reach)).await.unwrap();
            if number % 2 == 0 {
                tree.end(Grace::default()).await;
            }
        }
        // Dropped ones are watched for a moment.
        eventually("all gone", PATIENCE, || children(std::process::id()).len() == helpers().len()).await;
    };
    run(10).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = (own(), helpers());
    run(200).await;
    let is_as_before = || (own(), helpers()) == before;
    eventually("as many descriptors as before", Duration::from_secs(10), is_as_before).await;
}

/// The only child that this process has, so far: its spawner.
fn spawner() -> u32 {
    let helpers: Vec<u32> = children(std::process::id()).into_iter().filter(|pid| is_helper(*pid)).collect();
    assert_eq!(helpers.len(), 1);
    helpers[0]
}

async fn stopped_spawner() {
    let reach = if has_cgroups() { Reach::Cgroup } else { Reach::Supervisor };
    let Up { tree, mut pipes } = Up::start("bare-daemon", reach, 1).await;
    signal(spawner(), rustix::process::Signal::STOP);
    let grace =
        Grace::default().first_for(Duration::from_millis(100)).terminate_for(Duration::from_millis(100));
    let exit = tree.end(grace).await;
    assert_eq!(exit.left, 0);
    Up::assert_nobody(&mut pipes);
    signal(spawner(), rustix::process::Signal::STOP);
    let (mut tree, _pipes) = Tree::piped(Command::new("true").reach(reach)).await.unwrap();
    assert!(tree.wait().await.status.is_success());
    tree.end(Grace::default()).await;
}

async fn killed_spawner() {
    let reach = if has_cgroups() { Reach::Cgroup } else { Reach::Supervisor };
    let Up { mut tree, mut pipes } = Up::start("session", reach, 2).await;
    signal(spawner(), rustix::process::Signal::KILL);
    if reach == Reach::Cgroup {
        assert_eq!(tree.wait().await.status, Status::Lost);
    }
    assert_eq!(tree.end(Grace::default()).await.left, 0);
    Up::assert_nobody(&mut pipes);
    // Life goes on, with what reach there is.
    let (mut tree, _pipes) = Tree::piped(Command::new("true")).await.unwrap();
    assert!(tree.wait().await.status.is_success());
    assert_ne!(tree.reach(), Reach::Supervisor);
    tree.end(Grace::default()).await;
    assert_eq!(cgroups_of(std::process::id()), Vec::<PathBuf>::new());
}

async fn init_after_threads() {
    let (stop, stopped) = std::sync::mpsc::sync_channel::<()>(1);
    let thread = std::thread::spawn(move || stopped.recv());
    process_tree::init();
    process_tree::init();
    let error = Tree::piped(Command::new("true").reach(Reach::Supervisor)).await.unwrap_err();
    assert!(matches!(error, Error::ReachUnavailable(Reach::Supervisor)), "{error:?}");
    drop(stop);
    thread.join().unwrap().unwrap_err();
}

async fn without_init() {
    for reach in [Reach::Cgroup, Reach::Marker] {
        if reach == Reach::Cgroup && !has_cgroups() {
            continue;
        }
        let Up { mut tree, mut pipes } = Up::start("daemon", reach, 1).await;
        assert_eq!(tree.wait().await.status, Status::Code(0));
        assert_eq!(tree.end(Grace::default()).await.left, 0);
        Up::assert_nobody(&mut pipes);
    }
}
