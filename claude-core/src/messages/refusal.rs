//! What an answer with an error status means.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use memchr::memmem;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::event::ApiError;
use super::outcome::{boxed, one_line};
use super::retry::{Failure, again, retry_after};
use crate::error::Error;
use crate::object::Object;
use crate::text::Text;

/// Bytes of an error's body that are read; the rest is left.
pub(super) const BODY_BYTES: usize = 64 << 10;

/// How long an error's body is waited for; the status alone will do.
pub(super) const BODY_TIME: Duration = Duration::from_secs(5);

/// The shortest key that is struck out: a shorter one would strike out words.
const SHORTEST_KEY: usize = 8;

/// An error's body without the key that was sent: some gateways repeat it. It goes before anything is cut off, so that
/// no half of it is left.
pub(super) fn without_key<'a>(body: &'a [u8], sent: &HeaderValue) -> Cow<'a, [u8]> {
    let key = sent.as_bytes();
    let key = key.strip_prefix(b"Bearer ").unwrap_or(key);
    let places: Vec<usize> = match key.len() >= SHORTEST_KEY {
        true => memmem::find_iter(body, key).collect(),
        false => Vec::new(),
    };
    if places.is_empty() {
        return Cow::Borrowed(body);
    }
    let (mut left, mut from) = (Vec::with_capacity(body.len()), 0);
    for at in places {
        left.extend_from_slice(&body[from..at]);
        left.extend_from_slice(b"[redacted]");
        from = at + key.len();
    }
    left.extend_from_slice(&body[from..]);
    Cow::Owned(left)
}

/// The request's id, where the API told one.
pub(super) fn request_id(headers: &HeaderMap) -> Option<Text> {
    headers.get("request-id")?.to_str().ok().map(Text::from)
}

/// What a status, its headers and the beginning of its body mean.
pub(super) fn failure(status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
    let now = SystemTime::now();
    let told = ApiError::of_body(body);
    let kind = told.as_ref().map(|error| error.kind.clone()).filter(|kind| !kind.is_empty());
    let message = match told {
        Some(error) => one_line(&error.message, &error.kind),
        None => without_words(status, headers, body),
    };
    let error = of_status(status, message, boxed(request_id(headers)), retry_after(headers, now));
    let reason = kind.unwrap_or_else(|| error.code().into());
    Failure { error, reason, again: again(status, headers, now) }
}

fn of_status(
    status: u16,
    message: Box<str>,
    request_id: Option<Box<str>>,
    retry_after: Option<Duration>,
) -> Error {
    match status {
        401 | 403 => Error::Unauthorized { message, request_id },
        429 => Error::RateLimited { retry_after, message, request_id },
        503 | 529 => Error::Overloaded { retry_after, message, request_id },
        500.. => Error::Unavailable { message, request_id },
        _ => Error::Rejected { status, message, request_id },
    }
}

/// A sentence of our own, where the body has none that is fit to be shown.
fn without_words(status: u16, headers: &HeaderMap, body: &[u8]) -> Box<str> {
    let content_type = media_type(headers).unwrap_or_default();
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    if (300..400).contains(&status) {
        format!("status {status}: redirects are not followed; is the base URL right?").into()
    } else if content_type.eq_ignore_ascii_case("text/html") || text.starts_with('<') {
        format!("status {status} with a web page; is the base URL right?").into()
    } else if text.is_empty() || text.starts_with(['{', '[']) {
        format!("status {status} without a message").into()
    } else {
        one_line(text, "")
    }
}

/// The content type without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

impl ApiError {
    /// The error that a JSON body tells: the API's `{"error": {"type", "message"}}`, or what proxies make of it,
    /// `{"error": "…"}`, `{"message": "…"}` and `{"detail": "…"}`.
    pub(super) fn of_body(body: &[u8]) -> Option<Self> {
        let members: Object = serde_json::from_slice(body).ok()?;
        if let Some(error) = members.read::<Self>("error") {
            return Some(error).filter(|it| !it.kind.is_empty() || !it.message.is_empty());
        }
        let message = ["error", "message", "detail"].iter().find_map(|name| members.read::<Text>(name))?;
        Some(Self { kind: Text::default(), message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(status: u16, content_type: &str, body: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        failure(status, &headers, body.as_bytes()).error.to_string()
    }

    #[test]
    fn the_bodys_own_words_are_passed_on() {
        for body in [
            r#"{"type":"error","error":{"type":"api_error","message":"so it is"}}"#,
            r#"{"error":{"message":"so it is","code":null}}"#,
            r#"{"error":"so it is"}"#,
            r#"{"message":"so it is"}"#,
            r#"{"detail":"so\nit is"}"#,
            "so it is\n",
        ] {
            assert_eq!(words(500, "x/y", body), "the service is unavailable: so it is", "{body}");
        }
    }

    #[test]
    fn the_key_that_was_sent_is_struck_out() {
        let hidden = |body: &str, sent: &'static str| {
            let sent = HeaderValue::from_static(sent);
            String::from_utf8(without_key(body.as_bytes(), &sent).into_owned()).unwrap()
        };
        for sent in ["sk-planted", "Bearer sk-planted"] {
            assert_eq!(
                hidden("no sk-planted, nor sk-planted", sent),
                "no [redacted], nor [redacted]",
                "{sent}"
            );
        }
        assert_eq!(hidden("sk-plant and ed", "sk-planted"), "sk-plant and ed");
        assert_eq!(hidden("the test failed", "test"), "the test failed", "a word is no key");
    }

    #[test]
    fn a_body_without_words_gets_a_sentence_and_is_not_shown() {
        for (content_type, body) in [
            ("text/html; charset=utf-8", "<html>planted</html>"),
            ("Text/HTML", "planted"),
            ("text/plain", " <!doctype html>planted"),
            ("application/json", r#"{"planted":1}"#),
            ("application/json", r#"{"error":"planted"#),
            ("application/json", r#"["planted"]"#),
            ("application/json", ""),
            ("x/y", "\u{0}"),
        ] {
            let words = words(502, content_type, body);
            assert!(words.contains("status 502") || body == "\u{0}", "{words}");
            assert!(!words.contains("planted") && words.len() < 120, "{words}");
        }
        assert!(words(301, "text/html", "<html>").contains("redirects"));
    }
}
