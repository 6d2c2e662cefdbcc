//! The connections to one server.

use super::endpoint::Endpoint;
use super::limits::Limits;
use crate::error::{Error, Result};
use crate::http;

/// A pool of connections to one server.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) endpoint: Endpoint,
    pub(super) http: reqwest::Client,
}

impl Transport {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad URL, [`Error::System`] where the system has no certificates.
    pub(super) fn new(url: &str, limits: &Limits) -> Result<Self> {
        let endpoint = Endpoint::parse(url)?;
        let http = http::client(endpoint.base(), limits.connect, limits.idle);
        let http = http.map_err(|source| Error::System {
            what: "the HTTP client can't be set up; are ca-certificates installed?",
            source,
        })?;
        Ok(Self { endpoint, http })
    }
}
