//! The client over real sockets: what was recorded on three servers is played back to it, and what goes wrong is made
//! to go wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "wire/connections.rs"]
mod connections;
#[path = "wire/endpoints.rs"]
mod endpoints;
#[path = "wire/faults.rs"]
mod faults;
#[path = "wire/perform.rs"]
mod perform;
#[path = "wire/recorded.rs"]
mod recorded;
#[path = "wire/replay.rs"]
mod replay;
#[path = "http/request.rs"]
mod request;
#[path = "wire/rows.rs"]
mod rows;
#[path = "wire/secrets.rs"]
mod secrets;
#[path = "wire/server.rs"]
mod server;
#[path = "wire/told.rs"]
mod told;
#[path = "wire/versions.rs"]
mod versions;

use std::time::Duration;

use dokploy_client::client::ClientBuilder;
use dokploy_client::{Client, KeySource};

/// Sent by each client here; nothing may show it.
const KEY: &str = "planted-key-0123456789";

/// A client of this server with a key and short waits.
fn client(url: &str) -> ClientBuilder {
    Client::builder(url).key(KeySource::Fixed(KEY.into())).seed(1).limits(|limits| {
        limits.backoff = Duration::from_millis(1);
    })
}
