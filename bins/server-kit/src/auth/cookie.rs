//! The refresh token's cookie: for no script, for no other site.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::REFRESH_DAYS;

/// Most bytes of a refresh token that are looked at.
const MAX: usize = 128;

/// Name and attributes of the cookie.
pub(crate) struct Cookies {
    name: &'static str,
    attributes: &'static str,
}

impl Cookies {
    /// For servers that are reached by http, on loopback.
    pub(crate) const PLAIN: Self =
        Self { name: "opskit_refresh", attributes: "Path=/auth; HttpOnly; SameSite=Strict" };
    /// For servers that are reached by https. `__Host-` wants `Path=/`; no other host of the domain can set it.
    pub(crate) const SECURE: Self =
        Self { name: "__Host-opskit_refresh", attributes: "Path=/; Secure; HttpOnly; SameSite=Strict" };

    /// `Set-Cookie` for a new refresh token.
    pub(crate) fn set(&self, token: &SecretString) -> Option<HeaderValue> {
        let seconds = REFRESH_DAYS * 24 * 60 * 60;
        self.header(token.expose_secret(), seconds)
    }

    /// `Set-Cookie` that takes the cookie away.
    pub(crate) fn clear(&self) -> Option<HeaderValue> {
        self.header("", 0)
    }

    fn header(&self, value: &str, seconds: i64) -> Option<HeaderValue> {
        let text = format!("{}={value}; Max-Age={seconds}; {}", self.name, self.attributes);
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// The refresh token of a request. Of two cookies of our name one was planted: neither counts.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<SecretString> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut ours = pairs.filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        let token = ours.next().filter(|token| !token.is_empty() && token.len() <= MAX)?;
        ours.next().is_none().then(|| token.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookies: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, cookie.parse().unwrap());
        }
        Cookies::PLAIN.read(&headers).map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn one_cookie_of_our_name_is_read() {
        assert_eq!(read(&["opskit_refresh=abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["a=b; opskit_refresh=abc;c=d"]).as_deref(), Some("abc"));
        assert_eq!(read(&["a=b", "opskit_refresh=abc"]).as_deref(), Some("abc"));
        let long = format!("opskit_refresh={}", "a".repeat(200));
        for bad in [&["opskit_refresh="][..], &["x=1"], &["opskit_refresh"], &[&long], &[]] {
            assert!(read(bad).is_none(), "{bad:?}");
        }
        assert!(read(&["opskit_refresh=a; opskit_refresh=b"]).is_none());
        assert!(read(&["opskit_refresh=a", "opskit_refresh=b"]).is_none());
    }

    #[test]
    fn no_script_and_no_other_site_gets_the_cookie() {
        let set = Cookies::SECURE.set(&"abc".into()).unwrap();
        assert!(!format!("{set:?}").contains("abc"), "{set:?}");
        let set = set.to_str().unwrap().to_owned();
        assert!(set.starts_with("__Host-opskit_refresh=abc; Max-Age=2592000; Path=/;"), "{set}");
        for attribute in ["; Secure", "; HttpOnly", "; SameSite=Strict"] {
            assert!(set.contains(attribute), "{set}");
        }
        assert!(!set.contains("Domain"));
        let clear = Cookies::PLAIN.clear().unwrap();
        assert_eq!(
            clear.to_str().unwrap(),
            "opskit_refresh=; Max-Age=0; Path=/auth; HttpOnly; SameSite=Strict"
        );
    }
}
