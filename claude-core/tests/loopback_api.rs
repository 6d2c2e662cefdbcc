//! The loopback Messages API, asked over a plain socket and by the real Claude Code CLI.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "loopback_api/faults.rs"]
mod faults;
#[path = "loopback_api/http.rs"]
mod http;
#[path = "loopback_api/messages.rs"]
mod messages;
#[path = "loopback_api/real_cli.rs"]
mod real_cli;
