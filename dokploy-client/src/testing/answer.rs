//! What is answered: a status, headers and a body.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING};
use serde_json::{Map, Value, json};

use super::versions::Version;
use crate::error::{Error, Result};

/// An answer, as a [`Fault`](super::Fault) may put in place of the real one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
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
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no status of an answer: those are 200 to 599.
    pub fn status(status: u16) -> Result<Self> {
        match StatusCode::from_u16(status) {
            Ok(status) if is_final(status) => Ok(Self::of(status)),
            _ => Err(Error::invalid("status", "it must be 200 to 599")),
        }
    }

    /// With JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text(body.to_string()).with(CONTENT_TYPE, "application/json")
    }

    /// With a web page, as a proxy before Dokploy answers.
    #[must_use]
    pub fn html(self, body: impl Into<String>) -> Self {
        self.text(body).with(CONTENT_TYPE, "text/html")
    }

    /// With a body as it is.
    #[must_use]
    pub fn text(self, body: impl Into<String>) -> Self {
        Self { body: Bytes::from(body.into()), ..self }
    }

    /// With a header, such as `retry-after`, in place of one of this name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no name or no value, and for a header that tells where the body ends: the server
    /// tells that itself.
    pub fn header(self, name: &str, value: &str) -> Result<Self> {
        let name = HeaderName::try_from(name).map_err(|_| Error::invalid("header", "that is no name"))?;
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            return Err(Error::invalid("header", "the server tells itself where a body ends"));
        }
        if HeaderValue::from_str(value).is_err() {
            return Err(Error::invalid("header", "that is no value"));
        }
        Ok(self.with(name, value))
    }
}

/// What the server answers by itself.
impl Answer {
    pub(super) fn of(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), framing: Framing::Chunked }
    }

    pub(super) fn ok() -> Self {
        Self::of(StatusCode::OK)
    }

    /// A value that no header takes is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// JSON as it comes from before the calls: with a `Content-Length` instead of chunks.
    pub(super) fn plain_json(self, body: &Value) -> Self {
        let answer = self.text(body.to_string()).with(CONTENT_TYPE, "application/json; charset=utf-8");
        Self { framing: Framing::Length, ..answer }
    }

    /// To a key that is unknown or used up.
    pub(super) fn bad_key() -> Self {
        Self::of(StatusCode::UNAUTHORIZED).plain_json(&json!({ "message": "Unauthorized" }))
    }

    /// To a body that is longer than [`BODY_MAX`](super::BODY_MAX).
    pub(super) fn too_large() -> Self {
        Self::of(StatusCode::PAYLOAD_TOO_LARGE).text("Body exceeded 1mb limit")
    }

    pub(super) fn too_many_requests(seconds: u64) -> Self {
        let answer = Self::of(StatusCode::TOO_MANY_REQUESTS).text("Too Many Requests");
        answer.with(RETRY_AFTER, &seconds.to_string())
    }

    pub(super) fn bad_gateway() -> Self {
        Self::of(StatusCode::BAD_GATEWAY).html("<html><body>Bad Gateway</body></html>")
    }

    /// What a version answers to a call with this status, though nothing is wrong.
    pub(super) fn injected(status: u16, version: Version, call: &str) -> Self {
        let status = StatusCode::from_u16(status).ok().filter(|status| is_final(*status));
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large();
        }
        match code(status) {
            Some(code) => Refusal::new(status, code, "Injected").answer(version, Some(call)),
            None => Self::of(status),
        }
    }
}

fn is_final(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}

/// The codes of tRPC, in which Dokploy's calls are written.
fn code(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        402 => "PAYMENT_REQUIRED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_SUPPORTED",
        408 => "TIMEOUT",
        409 => "CONFLICT",
        412 => "PRECONDITION_FAILED",
        415 => "UNSUPPORTED_MEDIA_TYPE",
        422 => "UNPROCESSABLE_CONTENT",
        428 => "PRECONDITION_REQUIRED",
        429 => "TOO_MANY_REQUESTS",
        499 => "CLIENT_CLOSED_REQUEST",
        500 => "INTERNAL_SERVER_ERROR",
        501 => "NOT_IMPLEMENTED",
        502 => "BAD_GATEWAY",
        503 => "SERVICE_UNAVAILABLE",
        504 => "GATEWAY_TIMEOUT",
        _ => return None,
    })
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
            Reply::Json(value) => Self::ok().json(&value),
            Reply::Nothing => Self::ok().with(CONTENT_TYPE, "application/json"),
        }
    }
}

/// Why a call is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
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
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    }

    /// There is no such `Project`, `Application` and so on.
    pub(super) fn not_found(thing: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{thing} not found"))
    }

    /// There is no such call.
    pub(super) fn no_call() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Not found")
    }

    pub(super) fn unsupported(content_type: &str) -> Self {
        // The quote is not closed in the recordings either.
        let message = format!("Unsupported content-type \"{content_type}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", message)
    }

    pub(super) fn invalid(issues: Issues) -> Self {
        Self { issues: Some(issues), ..Self::bad_request("Input validation failed") }
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
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
            body["data"] = json!({ "code": self.code, "httpStatus": self.status.as_u16(), "zodError": zod });
            if let Some(call) = call {
                body["data"]["path"] = call.into();
            }
        }
        Answer::of(self.status).json(&body)
    }
}
