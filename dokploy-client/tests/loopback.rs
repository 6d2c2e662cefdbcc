//! The loopback Dokploy answers as three servers were recorded to answer, or as a fourth does by its source, and fails as it
//! is told to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "loopback/compare.rs"]
mod compare;
#[path = "loopback/faults.rs"]
mod faults;
#[path = "loopback/http.rs"]
mod http;
#[path = "loopback/jobs.rs"]
mod jobs;
#[path = "loopback/recorded.rs"]
mod recorded;
#[path = "loopback/replay.rs"]
mod replay;
#[path = "loopback/side_effects.rs"]
mod side_effects;
#[path = "loopback/source.rs"]
mod source;
#[path = "loopback/transport.rs"]
mod transport;

use std::time::Duration;

use dokploy_client::client::NewProject;
use dokploy_client::testing::Dokploy;
use dokploy_client::{Client, KeySource, Name};

/// A client of this server, that waits shortly between attempts.
fn client(dokploy: &Dokploy) -> Client {
    let builder = Client::builder(dokploy.url()).key(KeySource::Fixed(dokploy.key().into())).seed(1);
    builder.limits(|limits| limits.backoff = Duration::from_millis(1)).build().unwrap()
}

fn new_project(name: &str) -> NewProject {
    NewProject::new(Name::parse(name).unwrap())
}
