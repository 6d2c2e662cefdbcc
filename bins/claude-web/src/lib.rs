//! `claude-web`: Claude on your own server. So far: Claude Code over HTTP.
//!
//! [`main`] does what the arguments say. [`run`] is the server: settings, a listener and a stop signal are handed in. A
//! file holds one group of routes: [`claude`], `sessions`, `runs`, and the `page` at `/`. What the handlers share is the
//! [`App`](app::App).

pub mod app;
pub mod claude;
mod page;
mod runs;
mod sessions;
pub mod settings;
mod start;

use std::io::Write;
use std::process::ExitCode;

pub use start::{main, run};

/// Tells on standard error why the program ends, and gives its exit code.
pub fn complain(error: &anyhow::Error) -> ExitCode {
    // Nobody to tell when even that can't be written.
    let _ = writeln!(std::io::stderr(), "claude-web: {error:#}");
    ExitCode::FAILURE
}
