//! The HTTP client beneath.

use std::io;
use std::time::Duration;

use super::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::http;

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
        let no_client = |error| Error::System {
            what: "the HTTP client can't be set up; are ca-certificates installed?",
            source: io::Error::other(error),
        };
        let http = http::client(endpoint.base(), connect).map_err(no_client)?;
        Ok(Self { endpoint, http })
    }
}
