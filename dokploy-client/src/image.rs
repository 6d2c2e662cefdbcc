//! Names of container images.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, Result};

const MAX_NAME_CHARS: usize = 255;
const MAX_TAG_CHARS: usize = 128;
const DIGEST_CHARS: usize = 64;

/// The name of a container image as docker reads it, such as `ghcr.io/acme/stack:1.2` or `stack@sha256:…`. Dokploy puts
/// it into commands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Image(Box<str>);

impl Image {
    /// Reads a name.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self> {
        if is_reference(text) {
            return Ok(Self(text.into()));
        }
        let reason =
            "it must be an image such as `ghcr.io/acme/stack:1.2`: host, path in small letters, tag, digest";
        Err(Error::invalid("image", reason))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `[host[:port]/]path[:tag][@sha256:digest]`
fn is_reference(text: &str) -> bool {
    let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
    // A colon before the last slash belongs to a port.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    let path = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            if !is_registry(host) {
                return false;
            }
            path
        }
        _ => name,
    };
    name.len() <= MAX_NAME_CHARS
        && path.split('/').all(is_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest)
}

/// A host with a port or without. Unlike for a domain it may be an address or a name without a dot.
pub(crate) fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(is_label)
        && port.is_none_or(|port| !port.starts_with('+') && port.parse::<u16>().is_ok())
}

/// Small letters and digits, in parts that are held together by `.`, `_`, `__` or hyphens.
fn is_component(component: &str) -> bool {
    let is_of_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator = "";
    let mut rest = component;
    while !rest.is_empty() {
        let part = rest.bytes().take_while(|byte| is_of_part(*byte)).count();
        if part == 0 {
            return false;
        }
        rest = &rest[part..];
        let length = rest.bytes().take_while(|byte| b"._-".contains(byte)).count();
        (separator, rest) = rest.split_at(length);
        if !matches!(separator, "" | "." | "_" | "__") && separator.bytes().any(|byte| byte != b'-') {
            return false;
        }
        if separator.is_empty() && !rest.is_empty() {
            return false;
        }
    }
    !component.is_empty() && separator.is_empty()
}

fn is_tag(tag: &str) -> bool {
    let is_of_tag = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=MAX_TAG_CHARS).contains(&tag.len()) && tag.bytes().all(is_of_tag) && !tag.starts_with(['.', '-'])
}

fn is_digest(digest: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == DIGEST_CHARS && hex.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn images_as_docker_reads_them() {
        let digest = format!("stack@sha256:{}", "0a".repeat(32));
        let both = format!("r.io/a/b:1{}", &digest[5..]);
        for image in [
            "x",
            "example/stack:1",
            "ghcr.io/acme/stack:1.2-rc_3",
            "localhost/a",
            "localhost:5000/a/b:t",
            "10.0.0.1:5000/a",
            "a/b/c/d",
            "a__b/c--d/e.f_g",
            "stack:Latest",
            &digest,
            &both,
        ] {
            assert_eq!(Image::parse(image).unwrap().as_str(), image);
        }
    }

    #[test]
    fn nothing_that_a_command_reads_gets_in() {
        let short_digest = format!("stack@sha256:{}", "0".repeat(63));
        let long = "a/".repeat(128) + "a";
        for bad in [
            "",
            "-x",
            "a -v /:/x",
            "a;b",
            "a$(b)",
            "a`b`",
            "a\n",
            "A/b",
            "a//b",
            "/a",
            "a/",
            "a:",
            "a:-t",
            "a:.t",
            "a..b",
            "a___b",
            "a_-b",
            "_a",
            "a_",
            "a@b",
            "a@sha256:",
            "r.io:99999/a",
            "r.io:/a",
            "r.io:+1/a",
            "é",
            "-r.io/a",
            "${{project.X}}",
            &short_digest,
            &long,
        ] {
            assert!(Image::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_one_plain_word(text in "\\PC{0,30}|[a-zA-Z0-9._:/@$;` \n-]{0,30}") {
            if let Ok(image) = Image::parse(&text) {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
                prop_assert!(image.as_str().bytes().all(is_plain) && !text.starts_with('-'), "{}", image);
            }
        }
    }
}
