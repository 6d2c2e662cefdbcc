//! Where the server is.

use reqwest::Url;

use crate::error::{Error, Result};
use crate::http;

/// The server's address: scheme, host, port, and a path before `/api`, where there is one.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    base: Url,
}

impl Endpoint {
    /// Reads an address. Blanks around it, slashes behind it and a last `/api` do not count.
    ///
    /// # Errors
    /// [`Error::Invalid`], which never repeats the URL: it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut base = http::parse_base(text).map_err(|reason| Error::invalid("url", reason))?;
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/api").unwrap_or(path).trim_end_matches('/').to_owned();
        base.set_path(&path);
        Ok(Self { base })
    }

    /// The URL of a call, such as `project.all`.
    pub(super) fn url(&self, call: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/api/{call}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Where everything lies beneath.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_behind_the_prefix_whatever_the_slashes() {
        for (base, url) in [
            ("https://dokploy.example.org", "https://dokploy.example.org/api/project.all"),
            (" https://dokploy.example.org/api/ \n", "https://dokploy.example.org/api/project.all"),
            ("http://[::1]:3000/a/b//", "http://[::1]:3000/a/b/api/project.all"),
            ("http://h/a/api", "http://h/a/api/project.all"),
            ("HTTP://LOCALHOST", "http://localhost/api/project.all"),
        ] {
            assert_eq!(Endpoint::parse(base).unwrap().url("project.all").as_str(), url);
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        let error = Endpoint::parse("https://u:planted@host").unwrap_err();
        assert_eq!(error.to_string(), "url: it must not hold a user, password, query or fragment");
    }
}
