//! Claude streaming: the Messages API and the Claude Code CLI behind one kind of turn, with approvals, cost and one end.
//!
//! The cast:
//! - A [`Backend`] starts a [`Turn`] from a [`TurnRequest`]: one user message answered to its end. A turn is a stream
//!   of [`TurnEvent`]s; dropping it cancels it, and its [`TurnHandle`] stops it from anywhere.
//! - [`agent::AgentLoop`] is the backend over the Messages API, and runs the tools of an [`agent::ToolRegistry`].
//!   [`cli::Backend`] is the one over Claude Code.
//! - An [`Approver`](approval::Approver) answers questions about tools. What it permits is what runs.
//! - A [`messages::Client`] asks the Messages API; each [`messages::Stream`] ends in one [`messages::Outcome`].
//! - A [`cli::Command`] describes one run of Claude Code and starts a [`cli::Process`]: a stream of [`cli::Output`],
//!   the CLI's own line, untouched, and the events it means. Dropping it ends the child and everything that descends
//!   from it. [`cli::Control`] steers it; a [`cli::ChildUser`] is whom it runs as.
//! - [`pricing::Prices`] knows what tokens cost, or that this is not known.
//!
//! A turn is shown at [`agent`]. A run of Claude Code, with its lines:
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

#[cfg(feature = "tools")]
pub mod agent;
pub mod approval;
pub mod cli;
pub mod error;
#[cfg(feature = "api")]
mod http;
pub mod messages;
pub mod ndjson;
mod object;
pub mod pricing;
pub mod sse;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod timestamp;
pub mod turn;

pub use error::{Error, Result};
pub use object::Object;
#[cfg(any(feature = "cli", feature = "mcp"))]
pub use process_tree::init;
pub use text::{Json, Text};
pub use timestamp::{Clock, Timestamp};
pub use turn::{Backend, Effect, Turn, TurnEvent, TurnHandle, TurnRequest};

/// Ends what runs of killed programs left behind, and says how many processes that were. It touches nothing
/// whose owner lives. Takes some milliseconds, since it looks at every process: call it once, at start.
#[cfg(any(feature = "cli", feature = "mcp"))]
#[must_use = "the number tells whether something was left"]
pub fn sweep() -> u32 {
    process_tree::sweep().processes
}

/// The examples of the READMEs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../README.md")]
struct Readmes;
