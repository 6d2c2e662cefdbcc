//! Where the API is.

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

    /// Where everything lies beneath.
    pub(super) fn base(&self) -> &Url {
        &self.base
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
}
