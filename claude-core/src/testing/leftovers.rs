//! Who is left when a run is over: what tests ask `/proc`.

use std::fs;
use std::process;

use super::stand_in::GRANDCHILD;

/// How many processes hold `token` in their environment or their command line, this one left out. A test
/// gives its children a variable with a value of its own and finds them by it.
#[must_use]
pub fn processes_with(token: &str) -> usize {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let own = process::id().to_string();
    let pids = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()) && *name != own);
    pids.filter(|pid| holds(pid, "environ", token) || holds(pid, "cmdline", token)).count()
}

/// How many of those are alive that [`StandIn::grandchild`](super::StandIn::grandchild) leaves behind. They
/// have no environment to find them by.
#[must_use]
pub fn grandchildren() -> usize {
    processes_with(&GRANDCHILD.join("\0"))
}

/// A process that ended meanwhile holds nothing.
fn holds(pid: &str, file: &str, token: &str) -> bool {
    fs::read(format!("/proc/{pid}/{file}")).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(token))
}
