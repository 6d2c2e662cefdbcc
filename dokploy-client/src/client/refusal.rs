//! What an answer with an error status means.

use std::time::SystemTime;

use serde::Deserialize;

use super::call::{Call, Effect};
use super::version::Version;
use crate::error::{Error, Mismatch, NOT_FOUND, Refusal, Source, Upstream};
use crate::http::{Answer, is_code, retry_after, shortened};

/// What Dokploy says of a call that it does not have. Of a missing row it says which thing was not found.
const NO_SUCH_CALL: &str = "Not found";

/// What Traefik says where it has no route: while Dokploy behind it restarts, or if nothing is served there at all.
const NO_ROUTE: &str = "404 page not found";

/// What servers say where HTTP was sent to a port for TLS: those in Go, such as Traefik and Caddy; nginx; Apache.
const NO_PLAIN_HTTP: [&str; 3] = [
    "Client sent an HTTP request to an HTTPS server",
    "The plain HTTP request was sent to HTTPS port",
    "speaking plain HTTP to an SSL-enabled server port",
];

/// An error as Dokploy writes it.
#[derive(Debug, Default, Deserialize)]
struct Words {
    #[serde(default)]
    message: String,
    code: Option<String>,
}

/// What an answer means. `said` is its body without the key, and `version` the server's, as far as it is known.
pub(super) fn error(call: &Call, answer: &Answer, said: &str, version: Option<Version>) -> Error {
    let words = serde_json::from_str(said).unwrap_or_else(|_| Words { message: said.to_owned(), code: None });
    let source: Source = Box::new(Upstream(shortened(&words.message)));
    let code = words.code.filter(|code| is_code(code, u8::is_ascii_uppercase)).map(String::into_boxed_str);
    let (name, status) = (call.name, answer.status);
    match (status, code.as_deref()) {
        (401 | 403, _) => {
            let is_key = status == 401 && code.is_none();
            let cause = if is_key { Refusal::Key } else { Refusal::Permission };
            Error::Unauthorized { call: name, cause, status, code, source }
        }
        (404, Some(NOT_FOUND)) if words.message == NO_SUCH_CALL => match version {
            Some(version) => Error::Unsupported { call: name, version },
            None => Error::Rejected { call: name, status, code, source },
        },
        (404, Some(NOT_FOUND)) => Error::NotFound { call: name, source },
        (404, None) if words.message.trim() == NO_ROUTE => {
            Error::Unavailable { call: name, status: Some(status), code, retry_after: None, source }
        }
        (400, None) if NO_PLAIN_HTTP.iter().any(|words_of| words.message.contains(words_of)) => {
            Error::WrongEndpoint { call: name, cause: Mismatch::NoHttp, source }
        }
        // A time-out of a proxy, too many calls, and whatever failed inside.
        (408 | 425 | 429 | 500.., _) => {
            let retry_after = retry_after(&answer.headers, SystemTime::now());
            let status = Some(status);
            match call.effect {
                Effect::Reads => Error::Unavailable { call: name, status, code, retry_after, source },
                Effect::Writes => Error::MaybeDone { call: name, status, code, retry_after, source },
            }
        }
        _ => Error::Rejected { call: name, status, code, source },
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;

    #[test]
    fn a_call_that_the_server_lacks_is_not_a_row_that_it_lacks() {
        let answer = |body: &str, version| {
            let call = Call::query("deployment.readLogs");
            let answer = Answer { status: 404, headers: HeaderMap::new(), body: Bytes::new() };
            error(&call, &answer, body, version)
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
