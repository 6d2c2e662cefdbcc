//! Where the API is.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::{Error, Result};

/// The API's own address.
pub(super) const DEFAULT: &str = "https://api.anthropic.com";

/// A base URL: scheme, host, port, and a path before `/v1`, where there is one.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    base: Url,
}

impl Endpoint {
    /// Reads a base URL. Blanks around it and slashes behind it do not count.
    ///
    /// # Errors
    /// [`Error::Invalid`], which never repeats the URL: it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let invalid = |reason: &str| Error::Invalid { field: "base_url", reason: reason.into() };
        let base = Url::parse(text.trim()).map_err(|error| invalid(&format!("it is no URL: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(invalid("it must begin with https:// or http://"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(invalid("it must not hold a user or password"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(invalid("it must not hold a query or fragment"));
        }
        Ok(Self { base })
    }

    /// The URL of one of the API's paths, such as `/v1/messages`.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Whether certificates are needed.
    pub(super) fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether it is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host().trim_matches(['[', ']']);
        let is_loopback_ip = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        is_loopback_ip || host == "localhost" || host.ends_with(".localhost")
    }

    /// The host's name or address.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_behind_the_prefix_whatever_the_slashes() {
        for (base, url) in [
            ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
            (" https://api.anthropic.com/// \n", "https://api.anthropic.com/v1/messages"),
            ("http://[::1]:8080/a/b/", "http://[::1]:8080/a/b/v1/messages"),
            ("HTTP://LOCALHOST", "http://localhost/v1/messages"),
        ] {
            assert_eq!(Endpoint::parse(base).unwrap().url("/v1/messages").as_str(), url);
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused_without_repeating_it() {
        for base in [
            "",
            "api.anthropic.com",
            "ftp://planted",
            "https://u:planted@host",
            "https://planted@host",
            "https://h/?k=planted",
            "https://h/#planted",
            "https://",
        ] {
            let error = Endpoint::parse(base).unwrap_err();
            assert!(matches!(error, Error::Invalid { field: "base_url", .. }), "{error:?}");
            assert!(!error.to_string().contains("planted"), "{error}");
        }
    }

    #[test]
    fn knows_this_machine() {
        for (base, is_loopback) in [
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("https://localhost", true),
            ("http://a.localhost", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(Endpoint::parse(base).unwrap().is_loopback(), is_loopback, "{base}");
        }
    }
}
