//! The head of a response.

use anyhow::{Context, bail};

use super::chunked::Chunked;

/// The longest head, in bytes.
const HEAD_MAX: usize = 64 * 1024;

/// What of a response's head is needed to read its body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) body: Body,
    /// The `x-run-id`.
    pub(super) run_id: Option<String>,
}

/// How the end of the body is known.
#[derive(Debug)]
pub(super) enum Body {
    Chunked(Chunked),
    /// With so many bytes to come.
    Sized(u64),
    /// It ends with the connection.
    UntilClose,
}

impl Head {
    /// The head at the beginning of `bytes` and its length; none while it isn't complete.
    pub(super) fn find(bytes: &[u8]) -> anyhow::Result<Option<(Self, usize)>> {
        match memchr::memmem::find(bytes, b"\r\n\r\n") {
            Some(end) => Ok(Some((Self::parse(&bytes[..end])?, end + 4))),
            None if bytes.len() > HEAD_MAX => bail!("the response's head is longer than {HEAD_MAX} bytes"),
            None => Ok(None),
        }
    }

    fn parse(head: &[u8]) -> anyhow::Result<Self> {
        let text = std::str::from_utf8(head).context("the response's head is no text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let status = status.with_context(|| format!("no HTTP/1.1 response: {}", text.escape_debug()))?;
        let (mut body, mut run_id) = (Body::UntilClose, None);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
                body = Body::Chunked(Chunked::default());
            } else if name.eq_ignore_ascii_case("content-length") {
                body = Body::Sized(value.parse().context("the response's length is no number")?);
            } else if name.eq_ignore_ascii_case("x-run-id") {
                run_id = Some(value.to_owned());
            }
        }
        Ok(Self { status, body, run_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_tells_how_the_body_ends() {
        let body = |head: &str| Head::find(head.as_bytes()).unwrap().unwrap().0.body;
        assert!(matches!(body("HTTP/1.1 200 OK\r\n\r\nrest"), Body::UntilClose));
        assert!(matches!(body("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"), Body::Sized(12)));
        assert!(matches!(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Body::Chunked(_)));
    }

    #[test]
    fn half_a_head_waits_and_what_is_none_is_an_error() {
        assert!(Head::find(b"HTTP/1.1 200 OK\r\nA: b\r\n").unwrap().is_none());
        assert!(Head::find(b"SSH-2.0-x\r\n\r\n").is_err());
        let (head, length) = Head::find(b"HTTP/1.1 429 Too Many\r\n\r\nbody").unwrap().unwrap();
        assert_eq!((head.status, length), (429, 25));
    }
}
