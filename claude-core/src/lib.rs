//! Claude streaming: turns of the Claude Code CLI as typed events, with approvals, cost and one end.
//!
//! The cast:
//! - [`cli::Command`] describes one run of Claude Code and starts a [`cli::Process`].
//! - A [`cli::Process`] is a stream of [`cli::Output`]: the CLI's own line, untouched, and the
//!   [`TurnEvent`]s it means. Dropping it ends the child and everything that descends from it.
//! - An [`Approver`](approval::Approver) answers questions about tools. What it permits is what runs.
//! - A [`cli::ChildUser`] is whom the child runs as, where a program that is root keeps its own secrets from it.
//! - [`cli::Control`] interrupts, cancels, and changes model or permission mode from anywhere.
//!
//! ```no_run
//! use claude_core::cli::Command;
//! use claude_core::TurnEvent;
//!
//! fn main() -> claude_core::Result<()> {
//!     claude_core::init(); // before any thread: what owns the children is forked here
//!     let runtime = tokio::runtime::Runtime::new().expect("a runtime");
//!     runtime.block_on(async {
//!         let mut process = Command::new("claude").prompt("Why did the backup fail?").partial_messages().spawn().await?;
//!         while let Some(output) = process.next().await {
//!             for event in output?.events {
//!                 if let TurnEvent::TextDelta { text, .. } = event {
//!                     print!("{text}");
//!                 }
//!             }
//!         }
//!         Ok(())
//!     })
//! }
//! ```

pub mod approval;
pub mod cli;
pub mod error;
pub mod ndjson;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod timestamp;
pub mod turn;

pub use error::{Error, Result};
#[cfg(feature = "cli")]
pub use process_tree::init;

/// Ends what runs of killed programs left behind, and says how many processes that were. It touches nothing
/// whose owner lives. Takes some milliseconds, since it looks at every process: call it once, at start.
#[cfg(feature = "cli")]
#[must_use = "the number tells whether something was left"]
pub fn sweep() -> u32 {
    process_tree::sweep().processes
}
pub use text::{Json, Text};
pub use timestamp::{Clock, Timestamp};
pub use turn::{Effect, TurnEvent};

/// The examples of the READMEs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../README.md")]
struct Readmes;
