//! What was recorded on three servers: one exchange a line.

use dokploy_client::testing::Version;
use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) fn exchanges(version: Version) -> Vec<Exchange> {
    let lines = match version {
        Version::V0_24_12 => include_str!("../recorded/v0.24.12.jsonl"),
        Version::V0_26_7 => include_str!("../recorded/v0.26.7.jsonl"),
        _ => include_str!("../recorded/v0.30.2.jsonl"),
    };
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[derive(Debug, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) n: u32,
    pub(crate) label: String,
    pub(crate) request: Request,
    pub(crate) response: Response,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<Map<String, Value>>,
    pub(crate) headers: Map<String, Value>,
    auth: String,
    body: Option<Value>,
    body_raw: Option<String>,
    body_note: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Map<String, Value>,
    #[serde(default)]
    pub(crate) body: Value,
    pub(crate) body_text: Option<String>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str().unwrap())
    }
}

/// Whose key a request came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    Owner,
    Nobody,
    Unknown,
    Default,
    Member,
}

impl Exchange {
    /// An exchange of 0.26.7 as it is by the source of 0.25.11: without the columns and relations that came later.
    pub(crate) fn before_0_26(mut self) -> Self {
        let body = std::mem::take(&mut self.response.body);
        self.response.body = before_0_26(body);
        self
    }

    pub(crate) fn auth(&self) -> Auth {
        match (&*self.request.auth, &*self.label) {
            ("api key", _) => Auth::Owner,
            ("no key", _) => Auth::Nobody,
            (_, label) if label.starts_with("default key") => Auth::Default,
            (_, label) if label.starts_with("member") => Auth::Member,
            (_, label) if label.contains("bad") => Auth::Unknown,
            (auth, label) => panic!("{auth}: {label}"),
        }
    }

    /// The body as it was sent; of the long ones only the beginning and the length are recorded.
    pub(crate) fn body(&self) -> String {
        if let Some(body) = &self.request.body {
            return body.to_string();
        }
        let Some(note) = &self.request.body_note else {
            return self.request.body_raw.clone().unwrap_or_default();
        };
        let length: usize = note.split(' ').next().unwrap().parse().unwrap();
        let begun = note.split_once('\'').unwrap().1.trim_end_matches('\'').trim_end_matches('x');
        format!("{begun}{}\"}}", "x".repeat(length - begun.len() - 2))
    }
}

fn before_0_26(value: Value) -> Value {
    const LATER: [&str; 9] = [
        "args",
        "bitbucketRepositorySlug",
        "buildRegistry",
        "buildRegistryId",
        "buildServerId",
        "createEnvFile",
        "isDefault",
        "rollbackRegistry",
        "rollbackRegistryId",
    ];
    match value {
        Value::Object(fields) => {
            let known = fields.into_iter().filter(|(name, _)| !LATER.contains(&&**name));
            let fields = known.map(|(name, value)| {
                let value = if name == "railpackVersion" { "0.2.2".into() } else { before_0_26(value) };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(values) => values.into_iter().map(before_0_26).collect(),
        Value::String(text) if text == "v0.26.7" => "v0.25.11".into(),
        other => other,
    }
}
