//! What is answered: a status, headers and a body.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::versions::Version;

/// An answer, as a [`Fault`](super::Fault) may put in place of the real one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    pub(super) framing: Framing,
}

/// How an answer's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Chunked,
    Length,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), framing: Framing::Chunked }
    }

    /// With JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text(body.to_string()).header("content-type", "application/json")
    }

    /// With a web page, as a proxy before Dokploy answers.
    #[must_use]
    pub fn html(self, body: impl Into<String>) -> Self {
        self.text(body).header("content-type", "text/html")
    }

    /// With a body as it is.
    #[must_use]
    pub fn text(self, body: impl Into<String>) -> Self {
        Self { body: Bytes::from(body.into()), ..self }
    }

    /// With a header, such as `retry-after`.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// JSON as it comes from before the calls: with a `Content-Length` instead of chunks.
    pub(super) fn plain_json(self, body: &Value) -> Self {
        let answer = self.text(body.to_string()).header("content-type", "application/json; charset=utf-8");
        Self { framing: Framing::Length, ..answer }
    }
}

/// What a call that is carried out answers.
#[derive(Debug)]
pub(super) enum Reply {
    Json(Value),
    /// 200 with nothing in it.
    Nothing,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Json(value) => Self::status(200).json(&value),
            Reply::Nothing => Self::status(200).header("content-type", "application/json"),
        }
    }
}

/// Why a call is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
    issues: Option<Issues>,
}

/// What is wrong with the input.
#[derive(Debug, Default)]
pub(super) struct Issues {
    pub(super) issues: Vec<Value>,
    /// Messages by field.
    pub(super) fields: Map<String, Value>,
}

impl Refusal {
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BAD_REQUEST", message)
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "UNAUTHORIZED", message)
    }

    /// There is no such `Project`, `Application` and so on.
    pub(super) fn not_found(thing: &str) -> Self {
        Self::new(404, "NOT_FOUND", format!("{thing} not found"))
    }

    /// There is no such call.
    pub(super) fn no_call() -> Self {
        Self::new(404, "NOT_FOUND", "Not found")
    }

    pub(super) fn unsupported(content_type: &str) -> Self {
        // The quote is not closed in the recordings either.
        let message = format!("Unsupported content-type \"{content_type}");
        Self::new(415, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "INTERNAL_SERVER_ERROR", message)
    }

    pub(super) fn invalid(issues: Issues) -> Self {
        Self { issues: Some(issues), ..Self::bad_request("Input validation failed") }
    }

    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), issues: None }
    }

    /// As a version tells it of a call; `None` for one that it does not have.
    pub(super) fn answer(self, version: Version, call: Option<&str>) -> Answer {
        let mut body = json!({ "message": self.message, "code": self.code });
        let fields = self.issues.as_ref().map(|issues| issues.fields.clone());
        if let Some(issues) = self.issues {
            body["issues"] = issues.issues.into();
        }
        if version.is_strict() {
            let zod = fields.map(|fields| json!({ "formErrors": [], "fieldErrors": fields }));
            body["data"] = json!({ "code": self.code, "httpStatus": self.status, "zodError": zod });
            if let Some(call) = call {
                body["data"]["path"] = call.into();
            }
        }
        Answer::status(self.status).json(&body)
    }
}
