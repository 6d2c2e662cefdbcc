//! Signals, descriptors that run out, outputs that nobody reads, and the lock that a `kill -9` leaves free.

use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use crate::child::{Running, server};

/// SH-02.
#[test]
fn a_signal_ends_an_idle_server_in_order() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut running = Running::start(server("").stderr(Stdio::null()));
        assert!(running.get("/health").contains("\"ok\""));
        running.signal(signal);
        assert_eq!(running.wait().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_second_signal_ends_a_busy_server_at_once() {
    let mut running = Running::start(server("").stderr(Stdio::null()));
    let _busy = running.connect("/hangs", "");
    assert!(running.get("/health").contains("\"ok\""));
    running.signal(Signal::TERM);
    while !running.get("/health").contains("draining") {
        std::thread::sleep(Duration::from_millis(20));
    }
    running.signal(Signal::INT);
    assert_eq!(running.wait().code(), Some(2));
}

#[test]
fn outputs_that_nobody_reads_are_harmless() {
    let mut running = Running::start(server("--log-level=debug").stderr(Stdio::piped()));
    drop(running.child.stderr.take());
    for _ in 0..5 {
        assert!(running.get("/health").contains("\"ok\""));
        assert!(running.get("/nothing").starts_with("HTTP/1.1 404"));
    }
    running.signal(Signal::PIPE);
    assert!(running.get("/health").contains("\"ok\""));
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code(), Some(0));
}

/// LM-08.
#[test]
fn a_server_without_descriptors_serves_again_when_there_are_some() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let running = Running::start(server("").stderr(log.reopen().unwrap()));
    assert!(running.get("/health").contains("\"ok\""));
    let few = Rlimit { current: Some(40), maximum: Some(40) };
    prlimit(Some(Pid::from_child(&running.child)), Resource::Nofile, few).unwrap();
    let crowd: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(running.address).unwrap()).collect();
    while !std::fs::read_to_string(log.path()).unwrap().contains("no connection can be accepted") {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(crowd);
    assert!(running.get("/health").contains("\"ok\""));
}

#[test]
fn a_data_directory_has_one_server_and_a_killed_one_leaves_it_free() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("a/data");
    let arguments = format!("--data-dir={}", directory.display());
    let mut first = Running::start(server(&arguments).stderr(Stdio::null()));
    assert_eq!(std::fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(directory.join("lock")).unwrap().mode() & 0o777, 0o600);

    let second = server(&arguments).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&format!("pid: Some({})", first.child.id())), "{said}");

    first.child.kill().unwrap();
    first.wait();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _third = Running::start(server(&arguments).stderr(Stdio::null()));
    assert_eq!(std::fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
}

/// SC-01. That it is not dumpable, each child checks for itself.
#[test]
fn the_process_leaves_no_core_file() {
    let running = Running::start(server("").stderr(Stdio::null()));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"));
}
