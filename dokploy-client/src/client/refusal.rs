//! What an answer with an error status means.

use std::time::{Duration, SystemTime};

use memchr::memmem;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;

use super::call::{Call, Effect};
use super::retry::retry_after;
use super::version::Version;
use crate::error::{Error, Refusal, Source, Upstream};

/// Bytes of an error's body that are read; the rest is left.
pub(super) const BODY_BYTES: usize = 64 << 10;

/// How long an error's body is waited for; the status alone will do.
pub(super) const BODY_TIME: Duration = Duration::from_secs(1);

/// Bytes of a message that are kept: a failed query holds all its parameters.
const MESSAGE_BYTES: usize = 2 << 10;

/// The shortest key that is struck out: a shorter one would strike out words.
const SHORTEST_KEY: usize = 8;

/// Characters of a code that is taken for one.
const CODE_CHARS: usize = 40;

/// What Dokploy says of a call that it does not have. Of a missing row it says which thing was not found.
const NO_SUCH_CALL: &str = "Not found";

/// What Traefik says where it has no route: while Dokploy behind it restarts, or if nothing is served there at all.
const NO_ROUTE: &str = "404 page not found";

/// An error as Dokploy writes it.
#[derive(Debug, Default, Deserialize)]
struct Words {
    #[serde(default)]
    message: String,
    code: Option<String>,
}

/// An answer with an error status, up to the beginning of its body.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What it means. `version` is the server's, as far as it is known.
pub(super) fn error(call: &Call, refused: &Refused, version: Option<Version>) -> Error {
    let Refused { status, headers, body } = refused;
    let words = serde_json::from_slice(body)
        .unwrap_or_else(|_| Words { message: String::from_utf8_lossy(body).into_owned(), code: None });
    let source: Source = Box::new(Upstream(shortened(words.message.trim())));
    let code = words.code.filter(|code| is_code(code)).map(String::into_boxed_str);
    let (name, status) = (call.name, *status);
    match (status, code.as_deref()) {
        (401, None) => Error::Unauthorized { call: name, cause: Refusal::Key, source },
        (401 | 403, _) => Error::Unauthorized { call: name, cause: Refusal::Permission, source },
        (404, Some("NOT_FOUND")) if words.message == NO_SUCH_CALL => match version {
            Some(version) => Error::Unsupported { call: name, version },
            None => Error::Rejected { call: name, status, code, source },
        },
        (404, Some("NOT_FOUND")) => Error::NotFound { call: name, source },
        (404, None) if words.message.trim() == NO_ROUTE => {
            Error::Unavailable { call: name, status: Some(status), retry_after: None, source }
        }
        // A time-out of a proxy, too many calls, and whatever failed inside.
        (408 | 425 | 429 | 500.., _) => {
            let retry_after = retry_after(headers, SystemTime::now());
            let status = Some(status);
            match call.effect {
                Effect::Reads => Error::Unavailable { call: name, status, retry_after, source },
                Effect::Writes => Error::MaybeDone { call: name, status, retry_after, source },
            }
        }
        _ => Error::Rejected { call: name, status, code, source },
    }
}

/// An error's body without the key that was sent: something on the way may repeat it. It goes before anything is cut
/// off, so that no half of it is left.
pub(super) fn without_key(body: &[u8], key: &HeaderValue) -> Vec<u8> {
    let key = key.as_bytes();
    if key.len() < SHORTEST_KEY {
        return body.to_vec();
    }
    let (mut left, mut from) = (Vec::with_capacity(body.len()), 0);
    for at in memmem::find_iter(body, key) {
        left.extend_from_slice(&body[from..at]);
        left.extend_from_slice(b"[redacted]");
        from = at + key.len();
    }
    left.extend_from_slice(&body[from..]);
    left
}

fn is_code(code: &str) -> bool {
    (1..=CODE_CHARS).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

fn shortened(message: &str) -> Box<str> {
    message[..message.floor_char_boundary(MESSAGE_BYTES)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_sent_is_struck_out() {
        let hidden = |body: &str, key: &'static str| {
            String::from_utf8(without_key(body.as_bytes(), &HeaderValue::from_static(key))).unwrap()
        };
        assert_eq!(hidden("no k-planted, nor k-planted", "k-planted"), "no [redacted], nor [redacted]");
        assert_eq!(hidden("k-plant and ed", "k-planted"), "k-plant and ed");
        assert_eq!(hidden("the test failed", "test"), "the test failed", "a word is no key");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(2000)).len(), MESSAGE_BYTES);
        assert_eq!(shortened(&format!("x{}", "é".repeat(2000))).len(), MESSAGE_BYTES - 1);
        assert_eq!(&*shortened("short"), "short");
    }

    #[test]
    fn a_call_that_the_server_lacks_is_not_a_row_that_it_lacks() {
        let answer = |body: &str, version| {
            let call = Call::query("deployment.readLogs");
            let refused = Refused { status: 404, headers: HeaderMap::new(), body: body.into() };
            error(&call, &refused, version)
        };
        let version = Some(Version::new(0, 30, 2));
        let lacks_call = r#"{"message":"Not found","code":"NOT_FOUND"}"#;
        assert!(matches!(answer(lacks_call, version), Error::Unsupported { .. }));
        assert!(matches!(answer(lacks_call, None), Error::Rejected { status: 404, .. }));
        let lacks_row = r#"{"message":"Deployment not found","code":"NOT_FOUND"}"#;
        assert!(matches!(answer(lacks_row, version), Error::NotFound { .. }));
        let no_route = answer("404 page not found\n", version);
        assert!(matches!(no_route, Error::Unavailable { status: Some(404), .. }), "{no_route:?}");
        for of_proxy in ["<html>", "", r#"{"message":"Not found"}"#] {
            let error = answer(of_proxy, version);
            assert!(matches!(error, Error::Rejected { status: 404, code: None, .. }), "{error:?}");
        }
    }
}
