//! The HTTP client beneath.

use std::io;
use std::time::Duration;

use reqwest::redirect;

use super::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::tls;

/// Sent with each request.
const USER_AGENT: &str = concat!("claude-core/", env!("CARGO_PKG_VERSION"));

/// How often the system asks whether the other side of a silent connection is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// A pool of connections to one endpoint.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) endpoint: Endpoint,
    pub(super) http: reqwest::Client,
}

impl Transport {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad base URL, [`Error::System`] where TLS has no certificates.
    pub(super) fn new(base_url: &str, connect: Duration) -> Result<Self> {
        let endpoint = Endpoint::parse(base_url)?;
        let tls = if endpoint.is_tls() { tls::verifying() } else { tls::without_certificates() };
        let no_tls = failed("the certificates of the system can't be loaded; install ca-certificates");
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.map_err(no_tls)?)
            // A key must not travel to where an answer points.
            .redirect(redirect::Policy::none())
            .connect_timeout(connect)
            .tcp_keepalive(TCP_KEEPALIVE)
            .user_agent(USER_AGENT);
        if endpoint.is_loopback() {
            builder = builder.no_proxy();
        }
        Ok(Self { endpoint, http: builder.build().map_err(failed("the HTTP client can't be set up"))? })
    }
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::System { what, source: io::Error::other(error) }
}
