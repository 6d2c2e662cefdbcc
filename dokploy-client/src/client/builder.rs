//! Builds a [`Client`].

use std::fmt;

use super::key::KeySource;
use super::limits::Limits;
use super::transport::Transport;
use super::{Client, Inner};
use crate::error::{Error, Result};
use crate::http;

/// Builds a [`Client`].
#[derive(Clone)]
pub struct ClientBuilder {
    url: String,
    key: Option<KeySource>,
    limits: Limits,
    seed: Option<u64>,
}

impl ClientBuilder {
    pub(super) fn new(url: String) -> Self {
        Self { url, key: None, limits: Limits::default(), seed: None }
    }

    /// The API key. It must be made without rate limit: a default key answers five calls a day.
    #[must_use]
    pub fn key(mut self, key: KeySource) -> Self {
        self.key = Some(key);
        self
    }

    /// With these limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Makes the chance in the waits between attempts repeatable, for tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The client. It connects to nothing yet, and reads no key.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad URL, [`Error::NotConfigured`] without a key, [`Error::System`] where TLS has no
    /// certificates.
    pub fn build(self) -> Result<Client> {
        let key = self.key.ok_or(Error::NotConfigured { what: "where the API key of Dokploy comes from" })?;
        let transport = Transport::new(&self.url, &self.limits)?;
        Ok(Client::of(Inner::new(transport, key, self.limits, self.seed)))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("url", &http::shown_base(&self.url))
            .field("key", &self.key)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for url in ["https://planted@host", "https://host?key=planted", "https://host#planted"] {
            let builder = Client::builder(url).key(KeySource::Fixed("planted".into()));
            assert!(!format!("{builder:?}").contains("planted"), "{builder:?}");
            let error = builder.build().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
        }
        let client = Client::builder("http://host").key(KeySource::Fixed("planted".into())).build().unwrap();
        let shown = format!("{client:?}");
        assert!(shown.contains("host") && !shown.contains("planted"), "{shown}");
    }

    #[test]
    fn a_client_without_a_key_is_not_built() {
        let error = Client::builder("http://host").build().unwrap_err();
        assert!(matches!(error, Error::NotConfigured { .. }), "{error:?}");
    }
}
