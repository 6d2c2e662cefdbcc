//! What a domain leads to an application by: a host and a path. Both go into a rule of Traefik between backticks.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};

const MAX_HOST_CHARS: usize = 253;
const MAX_LABEL_CHARS: usize = 63;
const MAX_PATH_CHARS: usize = 255;

/// A DNS name with at least one dot: labels of 1 to 63 of `a-z`, `0-9` and `-`, no hyphen at their ends, 253 characters
/// in all. Capitals are changed to small letters. No address, no wildcard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Host(Box<str>);

/// The beginning of the paths that a domain serves: `/` and segments of letters, digits and `-._~`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct UrlPath(Box<str>);

impl Host {
    /// Reads a host.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self> {
        let host = text.to_ascii_lowercase();
        let last = host.rsplit('.').next().unwrap_or_default();
        let is_address = last.bytes().all(|byte| byte.is_ascii_digit());
        if !host.contains('.') || is_address || host.len() > MAX_HOST_CHARS || !host.split('.').all(is_label)
        {
            let reason = "it must be a DNS name such as `app.example.org`: letters, digits, hyphens and dots";
            return Err(Error::invalid("host", reason));
        }
        Ok(Self(host.into()))
    }

    /// The host.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text, already in small letters, is a label of a DNS name.
fn is_label(label: &str) -> bool {
    let is_of_label = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_LABEL_CHARS).contains(&label.len())
        && label.bytes().all(is_of_label)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl UrlPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || {
            let reason = "it must begin with `/`, and its segments must be of letters, digits and `-._~`";
            Error::invalid("path", reason)
        };
        let segments = text.strip_prefix('/').ok_or_else(invalid)?;
        if text != "/" && (text.len() > MAX_PATH_CHARS || !segments.split('/').all(is_segment)) {
            return Err(invalid());
        }
        Ok(Self(text.into()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_segment(segment: &str) -> bool {
    let is_of_segment = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(is_of_segment)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dns_name_is_a_host() {
        let label = "a".repeat(63);
        let longest = [&*label, &*label, &*label, &"b".repeat(61)].join(".");
        for (text, host) in [
            ("alpha.example.test", "alpha.example.test"),
            ("A1.Example.TEST", "a1.example.test"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("1.2.example", "1.2.example"),
            (&longest, &longest),
        ] {
            assert_eq!(Host::parse(text).unwrap().as_str(), host);
        }
        let too_long_label = format!("{label}a.test");
        let too_long = format!("{longest}b");
        for bad in [
            "",
            "localhost",
            "bad host.example.test",
            "a`b.example.test",
            "a.test`) || Host(`b.test",
            "*.test",
            ".test",
            "test.",
            "a..b",
            "-a.test",
            "a-.test",
            "a_b.test",
            "127.0.0.1",
            "a.test:80",
            "a.test/x",
            "a.test\n",
            "bücher.test",
            "[::1]",
            &too_long_label,
            &too_long,
        ] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_path_has_only_plain_segments() {
        for path in ["/", "/a", "/a/b-c_d.e~1"] {
            assert_eq!(UrlPath::parse(path).unwrap().as_str(), path);
        }
        for bad in [
            "", "a", "//", "/a/", "/a//b", "/..", "/a/./b", "/a`b", "/a b", "/a?b", "/a#b", "/%61", "/é",
            "/a\n",
        ] {
            assert!(UrlPath::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_ends_the_backticks_of_a_rule(text in ".{0,40}|[a-z.`() |&\\-]{0,20}\\.test") {
            if let Ok(host) = Host::parse(&text) {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
                prop_assert!(host.as_str().bytes().all(is_plain));
            }
        }
    }
}
