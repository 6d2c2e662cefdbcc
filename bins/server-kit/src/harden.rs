//! What the process gives up at its start, so that its neighbours can't read it.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, getrlimit, set_dumpable_behavior, setrlimit, umask};

/// Makes the process unreadable for others of its user (no trace, no `/proc/PID/environ`, no core file) and its new
/// files private (umask 077; children inherit it). Call it first, before any secret is read.
///
/// # Errors
/// When the system refuses.
pub fn process() -> std::io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let mut core = getrlimit(Resource::Core);
    core.current = Some(0);
    setrlimit(Resource::Core, core)?;
    umask(Mode::RWXG | Mode::RWXO);
    Ok(())
}

/// Says in the log what protection is lacking.
pub fn warn_if_root() {
    if rustix::process::geteuid().is_root() {
        tracing::warn!(
            "running as root: children could read this server's secrets; run it as a user of its own"
        );
    }
}
