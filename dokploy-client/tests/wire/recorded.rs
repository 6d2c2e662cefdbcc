//! What was recorded on three servers: one exchange a line.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::server::{Answer, Reply};

/// The servers' versions, and what was recorded on each.
pub(crate) const SERVERS: [(&str, &str); 3] = [
    ("v0.24.12", include_str!("../recorded/v0.24.12.jsonl")),
    ("v0.26.7", include_str!("../recorded/v0.26.7.jsonl")),
    ("v0.30.2", include_str!("../recorded/v0.30.2.jsonl")),
];

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) n: u32,
    pub(crate) label: String,
    pub(crate) request: Request,
    pub(crate) response: Response,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<Map<String, Value>>,
    pub(crate) body: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Map<String, Value>,
    pub(crate) body: Option<Value>,
    body_text: Option<String>,
}

pub(crate) fn exchanges(lines: &str) -> Vec<Exchange> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Exchange {
    /// The call, such as `project.all`.
    pub(crate) fn call(&self) -> &str {
        self.request.path.strip_prefix("/api/").unwrap()
    }

    /// A text of the query or the body.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let of_query = self.request.query.as_ref().and_then(|query| query.get(name));
        of_query.or_else(|| self.request.body.as_ref()?.get(name))?.as_str()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let of_query = self.request.query.as_ref().and_then(|query| query.get(name));
        of_query.or_else(|| self.request.body.as_ref()?.get(name))?.as_u64()
    }

    /// As a server would have answered that does not tell this field, in whichever row.
    pub(crate) fn without(&self, field: &str) -> Self {
        let mut without = self.clone();
        without.response.body.iter_mut().for_each(|body| take_out(field, body));
        without
    }

    /// The answer as it was: status, headers, body and framing.
    pub(crate) fn reply(&self) -> Reply {
        let is_chunked = self.response.headers.contains_key("Transfer-Encoding");
        // Two bodies of the recordings were compressed on the wire, for a request that asked for it; they are stored as
        // they read. The length is that of the body.
        let of_framing = ["Transfer-Encoding", "Content-Length", "Content-Encoding"];
        let headers = self.response.headers.iter().filter(|(name, _)| !of_framing.contains(&&***name));
        let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        Reply::Answer(Answer {
            status: self.response.status,
            headers: headers.collect(),
            body: self.body().into_bytes(),
            chunked: is_chunked,
        })
    }

    fn body(&self) -> String {
        match (&self.response.body, &self.response.body_text) {
            (Some(body), _) => body.to_string(),
            (None, Some(text)) => text.clone(),
            // A recorded `null`.
            (None, None) => "null".to_owned(),
        }
    }
}

fn take_out(field: &str, from: &mut Value) {
    match from {
        Value::Object(fields) => {
            fields.remove(field);
            fields.values_mut().for_each(|value| take_out(field, value));
        }
        Value::Array(rows) => rows.iter_mut().for_each(|row| take_out(field, row)),
        _ => {}
    }
}
