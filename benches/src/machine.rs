//! What the figures were taken on.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use crate::contestant::node_version;
use crate::peer;

/// Facts as pairs of name and value, for the head of a report.
pub(crate) fn facts() -> Vec<(&'static str, String)> {
    let unknown = || "unknown".to_owned();
    let mut facts = vec![
        ("processor", processor().unwrap_or_else(unknown)),
        ("cores", available_parallelism().map_or_else(|_| unknown(), |cores| cores.to_string())),
        ("kernel", read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown)),
        ("load before", read("/proc/loadavg").map_or_else(unknown, |load| first_words(&load, 3))),
        ("node", node_version().unwrap_or_else(unknown)),
        ("rustc", rustc_version().unwrap_or_else(unknown)),
    ];
    facts.extend(peer::versions());
    facts
}

fn processor() -> Option<String> {
    let text = read("/proc/cpuinfo")?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Of the toolchain in `PATH`, which is the one that built this, unless it was changed since.
fn rustc_version() -> Option<String> {
    let output = Command::new("rustc").arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.trim().trim_start_matches("rustc ").to_owned())
}

fn first_words(text: &str, count: usize) -> String {
    text.split_ascii_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

fn read(file: &str) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}
