//! The zone of Hetzner's over real sockets, against a server on loopback that keeps a zone.
//!
//! Nothing here was recorded: the answers follow the public documentation, and so do the examples in
//! `recorded/hetzner.json`, which were made by hand from it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "hetzner/actions.rs"]
mod actions;
#[path = "hetzner/examples.rs"]
mod examples;
#[path = "hetzner/faults.rs"]
mod faults;
#[path = "hetzner/owners.rs"]
mod owners;
#[path = "hetzner/places.rs"]
mod places;
#[path = "http/request.rs"]
mod request;
#[path = "hetzner/secrets.rs"]
mod secrets;
#[path = "hetzner/server.rs"]
mod server;
#[path = "hetzner/zone.rs"]
mod zone;

use std::net::IpAddr;
use std::time::Duration;

use dokploy_client::dns::{Owner, Presence};
use dokploy_client::hetzner::HetznerBuilder;
use dokploy_client::{DnsError, Hetzner, Host, KeySource};

use server::Server;

/// Sent with each request here; nothing may show it.
const TOKEN: &str = "planted-token-0123456789";

const ZONE: &str = "example.test";

/// The zone with a token and short waits.
fn builder(server: &Server, zone: &str) -> HetznerBuilder {
    let builder = Hetzner::builder(zone).key(KeySource::Fixed(TOKEN.into())).base_url(server.url()).seed(1);
    builder.limits(|limits| {
        limits.attempt = Duration::from_millis(300);
        limits.backoff = Duration::from_millis(1);
        limits.refill = Duration::from_millis(1);
        limits.poll = Duration::from_millis(1);
    })
}

fn hetzner(server: &Server) -> Hetzner {
    builder(server, ZONE).build().unwrap()
}

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

fn owner(text: &str) -> Owner {
    Owner::parse(text).unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What a call ends as, in few words.
fn word(result: Result<Presence, DnsError>) -> String {
    match result {
        Ok(Presence::Created) => "created".to_owned(),
        Ok(Presence::AlreadyThere) => "already there".to_owned(),
        Ok(Presence::Taken(_)) => "taken".to_owned(),
        Err(error) => error.code().to_owned(),
    }
}
