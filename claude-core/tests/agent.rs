//! The agent loop, against a Messages API on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "agent/approvals.rs"]
mod approvals;
#[path = "agent/ends.rs"]
mod ends;
#[path = "agent/limits.rs"]
mod limits;
#[path = "agent/restart.rs"]
mod restart;
#[path = "agent/rounds.rs"]
mod rounds;
#[path = "agent/support.rs"]
mod support;
#[path = "agent/tools.rs"]
mod tools;
