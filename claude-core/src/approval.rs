//! Approvals: a stored question about one exact tool input, decided once.
//!
//! Whoever runs tools makes a [`Question`], hands it to an [`Approver`] and gets a [`Verdict`]. A yes is a
//! [`Permit`], which only the question itself can make, and the permit's input is what runs. What was shown
//! and what is done can't differ.

pub mod approver;
mod digest;
mod preview;
mod question;

pub use approver::{Approver, ApproverError, DenyWrites, Opened, ToolOutcome, channel};
pub use digest::Digest;
pub use preview::Preview;
pub use question::{ApprovalId, Denial, Permit, Question, Scope, Verdict};
