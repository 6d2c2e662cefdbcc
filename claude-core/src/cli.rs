//! Drives the Claude Code CLI: builds its command line, reads its lines, answers its questions, ends it.
//!
//! [`Command`] starts a [`Process`], a stream of [`Output`]: each line as it came, and what it means as
//! [`TurnEvent`](crate::TurnEvent)s. A [`Control`] steers it from elsewhere. Questions about tools go to an
//! [`Approver`](crate::approval::Approver). A program that runs as root gives the CLI a user of its own, a
//! [`ChildUser`].
//!
//! Without the feature `cli` the reading half remains: a [`Translator`] for lines that were stored.
//!
//! Seen with version 2.1.329 (`npm install @anthropic-ai/claude-code@2.1.329`); recordings of older ones are
//! read too. Version 2.1.197, which npm picks on Node 20, loses what its stdout pipe does not hold when it exits.

mod argument;
mod line;
pub mod message;
mod outcome;
mod tool;
mod translator;

#[cfg(feature = "cli")]
mod backend;
#[cfg(feature = "cli")]
mod child_user;
#[cfg(feature = "cli")]
mod command;
#[cfg(feature = "cli")]
mod control;
#[cfg(any(feature = "cli", feature = "mcp"))]
pub(crate) mod environment;
#[cfg(feature = "cli")]
mod input;
#[cfg(feature = "cli")]
mod installation;
#[cfg(feature = "cli")]
mod judge;
#[cfg(feature = "cli")]
mod preview;
#[cfg(feature = "cli")]
mod process;
#[cfg(feature = "cli")]
mod questions;
#[cfg(any(feature = "cli", feature = "mcp"))]
pub(crate) mod secrets;
#[cfg(any(feature = "cli", feature = "mcp"))]
pub(crate) mod stderr;

pub use argument::{CliSessionId, ModelName, PermissionMode, ToolRule};
pub use line::Kind;
pub use message::{Message, RunResult};
pub use outcome::{Exit, Outcome};
pub use tool::effect;
pub use translator::{Detail, Translator};

#[cfg(feature = "cli")]
pub use backend::Backend;
#[cfg(feature = "cli")]
pub use child_user::ChildUser;
#[cfg(feature = "cli")]
pub use command::{Command, Limits};
#[cfg(feature = "cli")]
pub use control::Control;
#[cfg(any(feature = "cli", feature = "mcp"))]
pub use environment::{is_claude_codes, passes_to_anyone};
#[cfg(feature = "cli")]
pub use installation::{Installation, Login, Version};
#[cfg(feature = "cli")]
pub use preview::preview;
#[cfg(feature = "cli")]
pub use process::{Output, Process};
