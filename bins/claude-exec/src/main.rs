//! Runs Claude Code from the shell. The work is in the library beside this file.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// What a stuck write to a closed terminal may hold up the exit.
const SHUTDOWN: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    // First: what owns the children is forked before there is any thread.
    claude_core::init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody to tell when even that can't be written.
            let _ = writeln!(std::io::stderr(), "claude-exec: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(claude_exec::main());
    runtime.shutdown_timeout(SHUTDOWN);
    code.into()
}
