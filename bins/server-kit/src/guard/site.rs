//! Under which names and origins the server is reached.

use http::uri::Authority;

use super::origin::{Origin, port_of};

/// The names a server answers to and the origins it trusts: loopback names with the bound port, `PUBLIC_URL`, and,
/// as origins alone, `ALLOWED_ORIGINS`. In each request's extensions as `Arc<Site>`.
#[derive(Debug, Clone)]
pub struct Site {
    names: Names,
    port: u16,
    public: Option<Origin>,
    allowed: Vec<Origin>,
}

/// Which names a server answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Own,
    Any,
}

impl Site {
    /// A server that listens on this port.
    #[must_use]
    pub const fn new(port: u16, public: Option<Origin>, allowed: Vec<Origin>) -> Self {
        Self { names: Names::Own, port, public, allowed }
    }

    /// One that answers to every name and trusts no page: for metrics, which scrapers ask for by any name.
    pub(crate) const fn anywhere() -> Self {
        Self { names: Names::Any, port: 0, public: None, allowed: Vec::new() }
    }

    /// Whether a request may name this host: a `Host` header or the authority of an absolute target.
    #[must_use]
    pub fn answers_to(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        self.names == Names::Any || self.is_loopback(&authority) || self.is_public(&authority)
    }

    /// Whether a page of this origin may change anything, asking by this host: one of the server's own, or an
    /// allowed one. `null` and what differs in scheme or port are foreign.
    #[must_use]
    pub fn trusts(&self, origin: &str, host: &str) -> bool {
        let listed = self.public.iter().chain(&self.allowed).any(|ours| ours.as_str() == origin);
        listed || self.is_same(origin, host)
    }

    /// Where `PUBLIC_URL` says the server is reached.
    #[must_use]
    pub const fn public(&self) -> Option<&Origin> {
        self.public.as_ref()
    }

    /// The port the server listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn allowed(&self) -> &[Origin] {
        &self.allowed
    }

    /// On loopback there is no TLS, so that the origin of our own page is its host with `http` before it.
    fn is_same(&self, origin: &str, host: &str) -> bool {
        let same = origin.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host));
        same && host.parse::<Authority>().is_ok_and(|host| self.is_loopback(&host))
    }

    fn is_loopback(&self, authority: &Authority) -> bool {
        let name = authority.host();
        let known = name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]";
        known && port_of(authority, 80) == Some(self.port)
    }

    fn is_public(&self, authority: &Authority) -> bool {
        let Some(public) = &self.public else { return false };
        let own = if public.is_secure() { 443 } else { 80 };
        authority.host().eq_ignore_ascii_case(public.host()) && port_of(authority, own) == Some(public.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let public = "https://claude.example.org".parse().unwrap();
        Site::new(3001, Some(public), vec!["https://pages.example.org:8443".parse().unwrap()])
    }

    #[test]
    fn answers_to_loopback_and_to_its_public_name() {
        let good = [
            "localhost:3001",
            "LOCALHOST:3001",
            "127.0.0.1:3001",
            "[::1]:3001",
            "claude.example.org",
            "claude.example.org:443",
            "Claude.Example.Org",
        ];
        for host in good {
            assert!(site().answers_to(host), "{host}");
        }
    }

    #[test]
    fn answers_to_no_other_name() {
        let bad = [
            "",
            "evil.example",
            "169.254.169.254",
            "localhost",
            "localhost:80",
            "localhost:3002",
            "localhost.:3001",
            "127.0.0.2:3001",
            "[::]:3001",
            "0.0.0.0:3001",
            "claude.example.org:3001",
            "claude.example.org:80",
            "claude.example.org.evil.example",
            "xclaude.example.org",
            "pages.example.org:8443",
            "user@localhost:3001",
            "localhost:3001@evil.example",
            "localhost:3001/",
            "localhost:3001 ",
            "localhost:+3001",
            "localhost:3001,evil.example",
            "localhost:",
            "[::1]",
            "::1:3001",
            "127.1:3001",
            "0x7f.0.0.1:3001",
            "localhost%00:3001",
            "ｌocalhost:3001",
        ];
        for host in bad {
            assert!(!site().answers_to(host), "{host}");
        }
    }

    #[test]
    fn trusts_its_own_origins_and_the_allowed_ones() {
        for (origin, host) in [
            ("http://localhost:3001", "localhost:3001"),
            ("http://127.0.0.1:3001", "127.0.0.1:3001"),
            ("https://claude.example.org", "claude.example.org"),
            ("https://claude.example.org", "localhost:3001"),
            ("https://pages.example.org:8443", "claude.example.org"),
        ] {
            assert!(site().trusts(origin, host), "{origin} at {host}");
        }
    }

    #[test]
    fn trusts_no_look_alike() {
        for (origin, host) in [
            ("null", "localhost:3001"),
            ("", "localhost:3001"),
            ("http://localhost:3000", "localhost:3001"),
            ("https://localhost:3001", "localhost:3001"),
            ("http://127.0.0.1:3001", "localhost:3001"),
            ("http://claude.example.org", "claude.example.org"),
            ("https://claude.example.org:444", "claude.example.org"),
            ("https://claude.example.org.evil.example", "claude.example.org"),
            ("https://claude.example.org@evil.example", "claude.example.org"),
            ("https://evilclaude.example.org", "claude.example.org"),
            ("https://pages.example.org", "claude.example.org"),
            ("http://evil.example", "evil.example"),
            ("file://", "localhost:3001"),
        ] {
            assert!(!site().trusts(origin, host), "{origin} at {host}");
        }
    }
}
