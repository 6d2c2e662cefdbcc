//! A call as it came, and what is looked at before any call is carried out.

use std::fmt;

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Map, Value};

use super::answer::{Answer, Refusal};
use super::rows::Row;
use super::versions::Version;

/// The largest body that a server takes, in bytes; a larger one is answered with 413.
pub const BODY_MAX: usize = 1 << 20;

/// A call that came.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// `GET`, `POST`.
    pub method: String,
    /// The path behind `/api/`, such as `project.create`.
    pub name: String,
    /// The parameters of the query, in their order.
    pub query: Vec<(String, String)>,
    /// The body; empty where it was longer than [`BODY_MAX`].
    pub body: Bytes,
}

impl Call {
    /// A field of the body where that is a JSON object, or a parameter of the query.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Value> {
        let of_query =
            self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str().into());
        of_query.or_else(|| serde_json::from_slice::<Row>(&self.body).ok()?.remove(name))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A body may hold what a test takes for a secret.
        let body = format_args!("{} bytes", self.body.len());
        let mut call = f.debug_struct("Call");
        call.field("method", &self.method).field("name", &self.name).field("query", &self.query);
        call.field("body", &body).finish()
    }
}

/// What a request is made of.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) path: String,
    pub(super) key: Option<String>,
    /// Without its parameters.
    pub(super) content_type: String,
    pub(super) is_too_long: bool,
}

impl Request {
    /// What is answered to a body that can't be read, before anybody asks who calls.
    pub(super) fn unreadable(&self) -> Option<Answer> {
        if self.is_too_long {
            return Some(Answer::too_large());
        }
        let is_bad = self.is_json() && !self.call.body.is_empty() && self.json().is_none();
        is_bad.then(|| Answer::of(StatusCode::BAD_REQUEST).text("Invalid JSON"))
    }

    /// The parameters of a query. An empty one is none. One that came twice is a list, or the first where the version is
    /// not strict.
    pub(super) fn query(&self, version: Version) -> Row {
        let mut input = Map::new();
        for (name, value) in self.call.query.iter().filter(|(_, value)| !value.is_empty()) {
            match input.get_mut(name) {
                None => _ = input.insert(name.clone(), value.as_str().into()),
                Some(first) if version.is_strict() => {
                    *first = vec![first.take(), value.as_str().into()].into();
                }
                Some(_) => {}
            }
        }
        input
    }

    /// The fields of a body. What is no object has none.
    pub(super) fn body(&self, version: Version) -> Result<Row, Refusal> {
        let is_empty = self.content_type.is_empty() && self.call.body.is_empty();
        if version.is_strict() && !self.is_json() && !is_empty {
            return Err(Refusal::unsupported(&self.content_type));
        }
        let value = match &*self.content_type {
            "application/x-www-form-urlencoded" => Some(self.form()),
            _ if self.is_json() => self.json(),
            _ => None,
        };
        Ok(match value {
            Some(Value::Object(fields)) => fields,
            _ => Row::new(),
        })
    }

    fn form(&self) -> Value {
        let fields = form_urlencoded::parse(&self.call.body).into_owned();
        Value::Object(fields.map(|(name, value)| (name, Value::String(value))).collect())
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.call.body).ok()
    }

    fn is_json(&self) -> bool {
        self.content_type == "application/json"
    }
}
