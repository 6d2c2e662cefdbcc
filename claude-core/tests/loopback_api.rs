//! The loopback Messages API, asked over a plain socket and by the real Claude Code CLI.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "loopback_api/content.rs"]
mod content;
#[path = "loopback_api/endpoints.rs"]
mod endpoints;
#[path = "loopback_api/errors.rs"]
mod errors;
#[path = "loopback_api/faults.rs"]
mod faults;
#[path = "loopback_api/form.rs"]
mod form;
#[path = "loopback_api/http.rs"]
mod http;
#[path = "loopback_api/messages.rs"]
mod messages;
#[path = "loopback_api/real_cli.rs"]
mod real_cli;
#[path = "loopback_api/rules.rs"]
mod rules;
#[path = "loopback_api/scenarios.rs"]
mod scenarios;
