//! `claude-web`: Claude on your own server: chat turns and Claude Code over HTTP.
//!
//! [`main`] does what the arguments say. [`run`] is the server: settings, a listener and a stop signal are handed in. A
//! file holds one group of routes: [`chat`], [`approvals`], [`claude`], [`terminals`], `sessions`, `runs`, and the `page` at
//! `/`; `answer` is how a request that starts a run is answered, `figures` counts, `audit` notes. What the handlers share
//! is the [`App`](app::App).

mod answer;
pub mod app;
pub mod approvals;
mod audit;
pub mod chat;
pub mod claude;
mod figures;
mod page;
mod runs;
mod sessions;
pub mod settings;
mod start;
pub mod terminals;

use std::io::Write;
use std::process::ExitCode;

pub use start::{main, run};

/// Tells on standard error why the program ends, and gives its exit code.
pub fn complain(error: &anyhow::Error) -> ExitCode {
    // Nobody to tell when even that can't be written.
    let _ = writeln!(std::io::stderr(), "claude-web: {error:#}");
    ExitCode::FAILURE
}
