//! The children: each role is one way of being hard to end. Every process of a role writes one line when it is
//! where it wants to be.
#![allow(unsafe_code, clippy::disallowed_methods, reason = "forking is what these are about")]

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::time::Duration;

const FOREVER: Duration = Duration::from_secs(600);

pub(crate) fn be(arguments: &[String]) -> ! {
    match arguments[0].as_str() {
        "stubborn" => stubborn(),
        "session" => session(),
        "daemon" => daemon(stubborn),
        "bare-daemon" => daemon(|| bare("stubborn")),
        "respawner" => daemon(|| bare("respawn")),
        "respawn" => respawn(),
        "chain" => chain(Group::Same),
        "chain-of-sessions" => chain(Group::New),
        "crowd" => crowd(),
        "stopped" => stopped(),
        "kills-keeper" => at_keeper(libc::SIGKILL),
        "stops-keeper" => at_keeper(libc::SIGSTOP),
        "mover" => mover(),
        "moving-grandchild" => moving_grandchild(),
        "nester" => nester(),
        "killed" => signal_self(libc::SIGKILL),
        "spender" => spender(),
        other => panic!("no role {other}"),
    }
    std::process::exit(0)
}

/// Works on after interrupt, hangup and termination.
fn stubborn() {
    ignore_signals();
    say_up();
    std::thread::sleep(FOREVER);
}

/// Its child leads a session of its own.
fn session() {
    if fork() == 0 {
        setsid();
        stubborn();
    }
    stubborn();
}

/// Forks twice, so that the last one is an orphan in a session of its own; then the root exits.
fn daemon(last: impl Fn()) {
    if fork() == 0 {
        setsid();
        if fork() == 0 {
            last();
        }
        exit_now();
    }
}

/// Executes itself with an empty environment.
fn bare(role: &str) {
    ignore_signals();
    let error = std::process::Command::new("/proc/self/exe").args(["--be", role]).env_clear().exec();
    panic!("{error}");
}

/// Starts another one every few milliseconds, some of which are orphans.
fn respawn() {
    ignore_signals();
    say_up();
    loop {
        if fork() == 0 {
            setsid();
            if fork() == 0 {
                std::thread::sleep(Duration::from_millis(50));
            }
            exit_now();
        }
        std::thread::sleep(Duration::from_millis(5));
        // SAFETY: reaps without looking at the status.
        unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Group {
    Same,
    New,
}

/// Each forks the next and exits at once. It gives up by itself after a minute.
fn chain(group: Group) {
    ignore_signals();
    say_up();
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if fork() != 0 {
            exit_now();
        }
        if group == Group::New {
            setsid();
        }
    }
}

/// Fifty grandchildren.
fn crowd() {
    for _ in 0..5 {
        if fork() == 0 {
            for _ in 0..10 {
                if fork() == 0 {
                    stubborn();
                }
            }
            stubborn();
        }
    }
    stubborn();
}

/// Its child has stopped itself.
fn stopped() {
    if fork() == 0 {
        ignore_signals();
        say_up();
        signal_self(libc::SIGSTOP);
        std::thread::sleep(FOREVER);
    }
    stubborn();
}

/// Leaves an orphan without a marker, then turns upon whoever started it.
fn at_keeper(signal: i32) {
    daemon(|| bare("stubborn"));
    std::thread::sleep(Duration::from_millis(200));
    // SAFETY: no memory is involved; under a supervisor, the parent is the supervisor.
    unsafe { libc::kill(libc::getppid(), signal) };
    stubborn();
}

/// Leaves its cgroup, then an orphan without a marker.
fn mover() {
    leave_cgroup();
    daemon(|| bare("stubborn"));
    stubborn();
}

/// The same, done further down.
fn moving_grandchild() {
    if fork() == 0 {
        leave_cgroup();
        daemon(|| bare("respawn"));
        exit_now();
    }
    stubborn();
}

/// Nests a cgroup in its own, where it may, and hides a child there.
fn nester() {
    if fork() == 0 {
        if let Some(own) = own_cgroup() {
            let nested = own.join("nested/deeper");
            std::fs::create_dir_all(&nested).unwrap();
            std::fs::write(nested.join("cgroup.procs"), "0").unwrap();
        }
        stubborn();
    }
    stubborn();
}

fn leave_cgroup() {
    if let Some(own) = own_cgroup() {
        std::fs::write(own.parent().unwrap().join("cgroup.procs"), "0").unwrap();
    }
}

/// The directory of the cgroup that was made for this tree.
fn own_cgroup() -> Option<std::path::PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    if !own.contains("process-tree.") {
        return None;
    }
    ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .iter()
        .map(|mount| std::path::Path::new(mount).join(own))
        .find(|path| path.exists())
}

/// Uses processor time and memory that can be told from nothing.
fn spender() {
    let memory = vec![1_u8; 64 << 20];
    let spent = || Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime));
    let mut sum = 0_u64;
    while spent().unwrap() < Duration::from_millis(100) {
        sum = memory.iter().step_by(4096).fold(sum, |sum, byte| sum.wrapping_add(u64::from(*byte)));
    }
    std::hint::black_box(sum);
}

fn say_up() {
    let mut out = std::io::stdout();
    out.write_all(b"up\n").unwrap();
    out.flush().unwrap();
}

fn ignore_signals() {
    for signal in [libc::SIGINT, libc::SIGHUP, libc::SIGTERM, libc::SIGQUIT, libc::SIGUSR1] {
        // SAFETY: to ignore a signal involves no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

fn fork() -> i32 {
    // SAFETY: a role has a single thread.
    let forked = unsafe { libc::fork() };
    assert!(forked >= 0, "fork: {}", std::io::Error::last_os_error());
    forked
}

fn setsid() {
    // SAFETY: no memory is involved.
    unsafe { libc::setsid() };
}

fn exit_now() -> ! {
    // SAFETY: no memory is involved.
    unsafe { libc::_exit(0) }
}

fn signal_self(signal: i32) {
    // SAFETY: no memory is involved.
    unsafe { libc::raise(signal) };
}
