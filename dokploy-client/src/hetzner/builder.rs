//! Builds a [`Hetzner`].

use std::fmt;
use std::sync::Mutex;

use super::Hetzner;
use super::api::Api;
use super::base_url;
use super::limits::Limits;

use super::zone::Zone;
use crate::client::KeySource;
use crate::dns::DnsError;
use crate::http;

const BASE_URL: &str = "https://api.hetzner.cloud/v1";

/// Seconds that Hetzner takes for the TTL of a record set.
const TTL: std::ops::RangeInclusive<u32> = 60..=2_147_483_647;

/// Builds a [`Hetzner`].
#[derive(Clone)]
pub struct HetznerBuilder {
    zone: String,
    base_url: String,
    token: Option<KeySource>,
    ttl: Option<u32>,
    limits: Limits,
    seed: Option<u64>,
}

impl HetznerBuilder {
    pub(super) fn new(zone: String) -> Self {
        let base_url = BASE_URL.to_owned();
        Self { zone, base_url, token: None, ttl: None, limits: Limits::default(), seed: None }
    }

    /// The API token, of the project that the zone is in, for reading and writing. It is read at each request.
    #[must_use]
    pub fn key(mut self, token: KeySource) -> Self {
        self.token = Some(token);
        self
    }

    /// How long resolvers remember a record, in seconds, 60 at least. The zone's own TTL unless set.
    #[must_use]
    pub fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = Some(seconds);
        self
    }

    /// Another address than `https://api.hetzner.cloud/v1`, for tests. `http://` only for one of this machine.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
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

    /// The zone. It connects to nothing yet, and reads no token.
    ///
    /// # Errors
    /// [`DnsError::Invalid`] for what is no zone, TTL or URL, [`DnsError::NotConfigured`] without a token,
    /// [`DnsError::System`] where TLS has no certificates.
    pub fn build(self) -> Result<Hetzner, DnsError> {
        let zone = Zone::parse(&self.zone)?;
        let what = "where the token of Hetzner Cloud comes from";
        let token = self.token.ok_or(DnsError::NotConfigured { what })?;
        if self.ttl.is_some_and(|ttl| !TTL.contains(&ttl)) {
            return Err(DnsError::Invalid {
                field: "ttl",
                reason: "it must be 60 to 2147483647 seconds".into(),
            });
        }
        let base = base_url::parse(&self.base_url)?;
        let http = http::client(&base, self.limits.connect, self.limits.idle).map_err(|source| {
            DnsError::System {
                what: "the HTTP client can't be set up; are ca-certificates installed?",
                source,
            }
        })?;
        let api = Api { http, base, token, limits: self.limits, seed: self.seed, told: Mutex::new(None) };
        Ok(Hetzner { api, zone, ttl: self.ttl })
    }
}

impl fmt::Debug for HetznerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HetznerBuilder")
            .field("zone", &self.zone)
            .field("base_url", &http::shown_base(&self.base_url))
            .field("token", &self.token)
            .field("ttl", &self.ttl)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> HetznerBuilder {
        Hetzner::builder("example.org").key(KeySource::Fixed("planted".into()))
    }

    #[test]
    fn what_cant_be_used_is_named_and_no_secret_is_shown() {
        for (builder, field) in [
            (builder().ttl(59), "ttl"),
            (builder().ttl(u32::MAX), "ttl"),
            (HetznerBuilder { zone: "example".into(), ..builder() }, "zone"),
            (HetznerBuilder { zone: "*.example.org".into(), ..builder() }, "zone"),
            (HetznerBuilder { zone: String::new(), ..builder() }, "zone"),
            (builder().base_url("http://example.org/planted"), "base_url"),
            (builder().base_url("http://planted.localhost"), "base_url"),
            (builder().base_url("https://u:planted@example.org"), "base_url"),
            (builder().base_url("https://example.org?k=planted"), "base_url"),
            (builder().base_url("planted"), "base_url"),
        ] {
            let error = builder.build().unwrap_err();
            assert!(matches!(error, DnsError::Invalid { field: named, .. } if named == field), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
        }
        let builder = builder().base_url("https://planted@example.org");
        assert!(!format!("{builder:?}").contains("planted"), "{builder:?}");
    }

    #[test]
    fn a_zone_without_a_token_is_not_built() {
        let error = Hetzner::builder("example.org").build().unwrap_err();
        assert!(matches!(error, DnsError::NotConfigured { .. }), "{error:?}");
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for url in ["http://localhost:9", "http://127.0.0.1", "http://127.1.2.3:9", "http://[::1]:9/v1"] {
            builder().base_url(url).build().unwrap();
        }
        for url in
            ["http://10.0.0.1", "http://localhost.example.org", "http://evil.localhost", "http://0.0.0.0"]
        {
            let error = builder().base_url(url).build().unwrap_err();
            assert!(matches!(error, DnsError::Invalid { field: "base_url", .. }), "{url}");
        }
    }

    #[test]
    fn zones_by_name_and_by_id_are_built() {
        for zone in ["example.org", "Example.ORG", "343733"] {
            let builder = HetznerBuilder { zone: zone.into(), ..builder() };
            let hetzner = builder.ttl(60).base_url("http://[::1]:9/v1/").build().unwrap();
            let shown = format!("{hetzner:?}");
            assert!(shown.contains("http://[::1]:9/v1") && !shown.contains("planted"), "{shown}");
        }
    }
}
