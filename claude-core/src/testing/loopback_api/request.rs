//! What the server was asked.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::Value;

use super::REQUESTS_MAX;

/// Headers whose values are no business of a log.
const SECRET: [&str; 3] = ["authorization", "x-api-key", "cookie"];

/// One request as it came.
#[derive(Clone, PartialEq)]
pub struct RecordedRequest {
    /// `GET`, `HEAD` or `POST`.
    pub method: String,
    /// The path without the query: `/v1/messages`.
    pub path: String,
    /// What stands behind `?`, or nothing.
    pub query: String,
    /// All headers in their order; names in lower case, values that are no text read as far as they are.
    pub headers: Vec<(String, String)>,
    /// The body; `null` if there is none or it is no JSON.
    pub body: Value,
    /// The body as it came, where each digit counts.
    pub raw: Bytes,
}

impl RecordedRequest {
    pub(super) fn new(parts: &Parts, body: &Bytes) -> Self {
        let headers = parts.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: headers.collect(),
            body: serde_json::from_slice(body).unwrap_or_default(),
            raw: body.clone(),
        }
    }

    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The version of the API: the header `anthropic-version`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.header("anthropic-version")
    }

    /// The key, where it came as `x-api-key`.
    #[must_use]
    pub fn api_key(&self) -> Option<&str> {
        self.header("x-api-key")
    }

    /// The key, where it came as `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The names in all headers `anthropic-beta`.
    #[must_use]
    pub fn betas(&self) -> Vec<&str> {
        let headers = self.headers.iter().filter(|(name, _)| name == "anthropic-beta");
        let names = headers.flat_map(|(_, value)| value.split(',').map(str::trim));
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The model asked for.
    #[must_use]
    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    /// Whether the answer is to be a stream.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.body["stream"] == true
    }

    /// The messages of the conversation.
    #[must_use]
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter().map(|(name, value)| {
            (name, if SECRET.contains(&name.as_str()) { "<redacted>" } else { value.as_str() })
        });
        f.debug_struct("RecordedRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &headers.collect::<Vec<_>>())
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// The newest requests.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<VecDeque<Arc<RecordedRequest>>>);

impl Requests {
    pub(super) fn all(&self) -> Vec<Arc<RecordedRequest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn add(&self, request: Arc<RecordedRequest>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= REQUESTS_MAX {
            kept.pop_front();
        }
        kept.push_back(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_shown() {
        let request = RecordedRequest {
            method: "POST".to_owned(),
            path: "/v1/messages".to_owned(),
            query: String::new(),
            headers: vec![
                ("x-api-key".to_owned(), "planted".to_owned()),
                ("authorization".to_owned(), "Bearer planted".to_owned()),
            ],
            body: Value::Null,
            raw: Bytes::new(),
        };
        assert!(!format!("{request:?}").contains("planted"));
        assert_eq!(request.header("x-api-key"), Some("planted"));
    }
}
