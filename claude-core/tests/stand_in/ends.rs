//! Signals and ends.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use claude_core::testing::StandIn;
use claude_core::testing::stand_in;
use serde_json::json;

use super::child::{PRINT, lines, read, run, send, start};

pub(crate) fn goes_silent_and_answers_sigint() {
    let mut child = start(&StandIn::new().lines(1000).stall_after(3), &PRINT);
    child.stdin.take().unwrap().write_all(b"hi").unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        read(&mut stdout);
    }
    send(&child, libc::SIGINT);
    assert_eq!(read(&mut stdout)["message"]["content"][0]["text"], "[Request interrupted by user]");
    let result = read(&mut stdout);
    assert_eq!((&result["subtype"], &result["is_error"]), (&json!("error_during_execution"), &json!(true)));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

pub(crate) fn ends_with_143_on_sigterm() {
    assert_eq!(ended_by(&StandIn::new().text("a").stall_after(1), libc::SIGTERM), Some(143));
}

pub(crate) fn ends_with_129_on_sighup() {
    assert_eq!(ended_by(&StandIn::new().text("a").stall_after(1), libc::SIGHUP), Some(129));
}

fn ended_by(plan: &StandIn, signal: i32) -> Option<i32> {
    let mut child = start(plan, &PRINT);
    child.stdin.take().unwrap().write_all(b"hi").unwrap();
    read(&mut BufReader::new(child.stdout.take().unwrap()));
    send(&child, signal);
    child.wait().unwrap().code()
}

pub(crate) fn ignores_signals_if_told_to() {
    let plan = StandIn::new().lines(30).rate(50.0).ignore_sigint().ignore_sigterm();
    let mut child = start(&plan, &PRINT);
    child.stdin.take().unwrap().write_all(b"hi").unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    read(&mut stdout);
    send(&child, libc::SIGTERM);
    send(&child, libc::SIGINT);
    assert_eq!(stdout.lines().count(), 31);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

pub(crate) fn works_on_without_a_reader() {
    let mut child = start(&StandIn::new().lines(100_000).size(400), &PRINT);
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"hi").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

pub(crate) fn dies_in_mid_line() {
    let output = run(&StandIn::new().text("a").die_in_mid_line(), &PRINT, "hi");
    assert_eq!(output.status.signal(), Some(libc::SIGKILL));
    assert_ne!(output.stdout.last(), Some(&b'\n'));
    let output = run(&StandIn::new().text("a").die_in_mid_line().exit_code(0), &PRINT, "hi");
    assert_eq!(output.status.code(), Some(0));
    assert_ne!(output.stdout.last(), Some(&b'\n'));
}

pub(crate) fn dies_by_a_signal() {
    for signal in [libc::SIGSEGV, libc::SIGTERM, libc::SIGPIPE] {
        let output = run(&StandIn::new().text("a").die(signal).stderr("why"), &PRINT, "hi");
        assert_eq!(output.status.signal(), Some(signal));
        assert_eq!((lines(&output).len(), output.stderr.as_slice()), (2, b"why\n".as_slice()));
    }
}

pub(crate) fn leaves_a_grandchild() {
    let before = sleepers();
    let output = run(&StandIn::new().grandchild(), &PRINT, "hi");
    assert_eq!(lines(&output).len(), 3);
    let deadline = Instant::now() + Duration::from_secs(5);
    let left = loop {
        let left: Vec<i32> = sleepers().difference(&before).copied().collect();
        if !left.is_empty() || Instant::now() > deadline {
            break left;
        }
    };
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(std::fs::read(format!("/proc/{}/environ", left[0])).unwrap(), b"");
    // SAFETY: plain numbers; the process is the one that this test made.
    #[allow(unsafe_code)]
    unsafe {
        libc::kill(left[0], libc::SIGKILL)
    };
}

/// Processes that sleep as a grandchild does.
fn sleepers() -> BTreeSet<i32> {
    let command = stand_in::GRANDCHILD.map(|word| format!("{word}\0")).concat();
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    processes
        .filter(|id| {
            std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| line == command.as_bytes())
        })
        .filter_map(|id| id.parse().ok())
        .collect()
}
