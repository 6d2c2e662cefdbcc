//! The HTTP client beneath: of the Messages API, and of MCP servers.

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Url, redirect};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, Error, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// Sent with each request.
const USER_AGENT: &str = concat!("claude-core/", env!("CARGO_PKG_VERSION"));

/// How often the system asks whether the other side of a silent connection is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// A client for one address; it connects to nothing yet. TLS has a provider of its own, whatever the process has as
/// its default.
///
/// # Errors
/// Where the system has no certificates.
pub(crate) fn client(
    url: &Url,
    connect: Duration,
) -> Result<reqwest::Client, Box<dyn StdError + Send + Sync>> {
    let tls = if url.scheme() == "https" { verifying()? } else { without_certificates()? };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // Credentials must not travel to where an answer points.
        .redirect(redirect::Policy::none())
        .connect_timeout(connect)
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
fn verifying() -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?;
    let mut config = builder.with_platform_verifier()?.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// For `http://`: an HTTP client wants a configuration, but loading certificates would cost milliseconds.
fn without_certificates() -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_this_machine() {
        for (url, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("https://localhost", true),
            ("http://a.localhost", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
