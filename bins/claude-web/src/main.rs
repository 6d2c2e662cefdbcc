//! Claude on your own server. The work is in the library beside this file.

use std::process::ExitCode;

use claude_web::settings::{Arguments, PROGRAM};
use server_kit::{harden, memory, settings};

fn main() -> ExitCode {
    // First: what owns the children is forked while there are neither threads nor secrets.
    claude_core::init();
    memory::settle();
    let hardened = harden::process();
    let arguments = match settings::parse::<Arguments>(&PROGRAM) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let done = hardened.map_err(anyhow::Error::from).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(claude_web::main(arguments));
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => claude_web::complain(&error),
    }
}
