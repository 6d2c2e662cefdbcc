//! HTTP, the same for all that this crate talks to: the client beneath, one request and its answer, when it is
//! repeated, what is secret, and what is kept of what was said.

mod attempts;
mod base;
mod exchange;
mod retry_after;
mod said;
mod secret;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Url, redirect};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

pub(crate) use attempts::{Attempts, Policy, Told, deadline};
pub(crate) use base::{parse as parse_base, shown as shown_base};
pub(crate) use exchange::{Answer, NoAnswer, exchange};
pub(crate) use retry_after::retry_after;
pub(crate) use said::{is_code, place, shortened, what_is_wrong};
pub(crate) use secret::{NoSecret, Secret};

use crate::error::Source;

/// Sent with each request.
const USER_AGENT: &str = concat!("dokploy-client/", env!("CARGO_PKG_VERSION"));

/// How often the system asks whether the other side of a silent connection is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// A client of this server, with the time until a connection stands, and the time that an idle one is kept. It connects to
/// nothing yet. TLS has a provider of its own, whatever the process has as its default.
pub(crate) fn client(url: &Url, connect: Duration, idle: Duration) -> Result<reqwest::Client, Source> {
    let tls = if url.scheme() == "https" { verifying()? } else { without_certificates()? };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // A key must not travel to where an answer points.
        .redirect(redirect::Policy::none())
        // What is repeated is decided by the callers.
        .retry(reqwest::retry::never())
        .connect_timeout(connect)
        .pool_idle_timeout(idle)
        .tcp_keepalive(TCP_KEEPALIVE)
        .user_agent(USER_AGENT);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    Ok(builder.build()?)
}

/// Whether an address is of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback_ip = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    is_loopback_ip || host == "localhost" || host.ends_with(".localhost")
}

/// With the system's certificates.
fn verifying() -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?;
    let mut config = builder.with_platform_verifier()?.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// For `http://`: an HTTP client wants a configuration, but loading certificates would cost milliseconds.
fn without_certificates() -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}
