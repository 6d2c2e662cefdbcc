//! The client of the Messages API, over real sockets: against the loopback API, and against scripted bytes where
//! that one is too well behaved.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "client/asks.rs"]
mod asks;
#[path = "client/ends.rs"]
mod ends;
#[path = "client/environment.rs"]
mod environment;
#[path = "client/leaves.rs"]
mod leaves;
#[path = "client/repeats.rs"]
mod repeats;
#[path = "client/server.rs"]
mod server;
#[path = "client/statuses.rs"]
mod statuses;
#[path = "client/tls.rs"]
mod tls;
#[path = "client/whole.rs"]
mod whole;

use claude_core::messages::{Client, ClientBuilder, KeySource, MessageParam, Request};

/// A client of this base URL with a key and short waits.
fn client(base_url: &str) -> ClientBuilder {
    let key = KeySource::Fixed("planted-key".into());
    Client::builder().key(key).base_url(base_url).seed(1).limits(|limits| {
        limits.backoff = std::time::Duration::from_millis(1);
    })
}

/// The shortest question.
fn question() -> Request {
    Request::new("claude-sonnet-5-5", 100, vec![MessageParam::user("hi")])
}
