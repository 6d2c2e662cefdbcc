//! The program itself, on the contestants that need nothing but Node.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use claude_core::testing::processes_with;
use rustix::process::{Pid, Signal, kill_process};

const MEASURES: [&str; 27] = [
    "runs",
    "throughput",
    "memory",
    "stopped",
    "aborted",
    "first-line",
    "decode",
    "final-message",
    "ndjson",
    "pass-through",
    "allocations",
    "relay",
    "relay-full-speed",
    "stream-memory",
    "fan-out",
    "cancellation",
    "terminal-bulk",
    "terminal-echo",
    "terminal-memory",
    "terminal-connects",
    "terminal-stopped",
    "terminal-interrupt",
    "terminal-left",
    "socketio-bulk",
    "socketio-echo",
    "socketio-growth",
    "socketio-interrupt",
];

/// Who needs nothing installed but Node itself; and the terminals' peers, which take no part without their packages.
const WHO: &str = "careful,bare,line-scan,serde,raw-value,sse-stream,eventsource-stream,crates,direct,byte-relay,\
    re-encode,pty-reader,ws-sender,node-pty";

fn benches(out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
    command.args(["--smoke", "--only", WHO, "--out"]).arg(out).stdin(Stdio::null());
    command
}

#[test]
fn every_measurement_gives_a_table_and_a_plot() {
    let out = tempfile::tempdir().unwrap();
    let output = benches(out.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("bare pipe-to-socket copy"), "{printed}");
    let report = std::fs::read_to_string(out.path().join("results.md")).unwrap();
    for measure in MEASURES {
        assert!(report.contains(&format!("({measure}.svg)")), "{measure}: {report}");
        assert!(out.path().join(format!("{measure}.svg")).exists(), "{measure}");
    }
    let typed = report.lines().find(|line| line.starts_with("| claude-core |"));
    assert!(typed.is_some_and(|line| !line.contains('–')), "{report}");
    assert!(report.contains("| byte relay on hyper | 4 |"), "{report}");
    let limits = [
        ("PTY reader", "raw"),
        ("PTY reader", "cooked"),
        ("PTY reader", "text"),
        ("WebSocket sender", "raw"),
    ];
    for (limit, output) in limits {
        assert!(report.contains(&format!("| bare {limit} | {output} | ")), "{report}");
    }
    let throughput = report.lines().filter(|line| {
        line.contains("KB lines |") && (line.starts_with("| careful") || line.starts_with("| bare pipe"))
    });
    assert!(
        throughput.clone().count() == 4 && throughput.clone().all(|line| line.ends_with("| 0 |")),
        "{report}"
    );
}

#[test]
fn a_signal_ends_it_with_everybody_it_started() {
    let (out, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Whoever it starts has this directory in its environment.
    let mark = scratch.path().to_str().unwrap();
    let mut command = benches(out.path());
    command.arg("memory").env("TMPDIR", mark).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(20);
    while processes_with(mark) < 3 {
        assert!(Instant::now() < patience, "it starts nobody");
        sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(processes_with(mark), 0);
    assert_eq!(std::fs::read_dir(mark).unwrap().count(), 0, "its temporary files are left");
}
