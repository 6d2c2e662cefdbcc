//! How an answer ended.

use std::fmt;
use std::time::Duration;

use super::event::ApiError;
use super::message::Message;
use crate::error::{Error, Result};
use crate::text::Text;

/// The one end of a stream.
#[derive(Debug, Clone)]
#[must_use = "only `Complete` is an answer"]
pub enum Outcome {
    /// The whole answer.
    Complete(Message),
    /// The API gave up in the middle.
    ApiError {
        /// What it said.
        error: ApiError,
        /// What came before.
        partial: Partial,
    },
    /// The stream broke off. It may have been billed.
    Incomplete {
        /// How.
        cut: Cut,
        /// What came before.
        partial: Partial,
    },
    /// What came is no Messages API stream.
    Protocol {
        /// What was wrong.
        what: Box<str>,
        /// What came before.
        partial: Partial,
    },
}

impl Outcome {
    /// The whole answer, or an error that says why there is none.
    ///
    /// # Errors
    /// [`Error::Incomplete`], [`Error::Protocol`], or what belongs to the API's own error. What came before is
    /// dropped; [`Outcome::partial`] has it.
    pub fn into_result(self) -> Result<Message> {
        Err(match self {
            Self::Complete(message) => return Ok(message),
            Self::ApiError { error, partial } => error.into_error(partial.request_id),
            Self::Incomplete { cut, partial } => {
                Error::Incomplete { what: cut.to_string().into(), request_id: boxed(partial.request_id) }
            }
            Self::Protocol { what, partial } => {
                Error::Protocol { what, request_id: boxed(partial.request_id) }
            }
        })
    }

    /// What came of an answer that did not complete.
    #[must_use]
    pub fn partial(&self) -> Option<&Partial> {
        match self {
            Self::Complete(_) => None,
            Self::ApiError { partial, .. }
            | Self::Incomplete { partial, .. }
            | Self::Protocol { partial, .. } => Some(partial),
        }
    }
}

impl ApiError {
    /// The error of ours that tells what to do about it. A kind that is not known is a failure inside.
    pub(super) fn into_error(self, request_id: Option<Text>) -> Error {
        let (message, request_id) = (one_line(&self.message, &self.kind), boxed(request_id));
        let retry_after = None;
        let status = match &*self.kind {
            "overloaded_error" => return Error::Overloaded { retry_after, message, request_id },
            "rate_limit_error" => return Error::RateLimited { retry_after, message, request_id },
            "authentication_error" | "permission_error" => {
                return Error::Unauthorized { message, request_id };
            }
            "invalid_request_error" => 400,
            "billing_error" => 402,
            "not_found_error" => 404,
            "request_too_large" => 413,
            _ => return Error::Unavailable { message, request_id },
        };
        Error::Rejected { status, message, request_id }
    }
}

pub(super) fn boxed(request_id: Option<Text>) -> Option<Box<str>> {
    request_id.map(|id| Box::from(&*id))
}

/// The most characters of a message that is passed on.
const MESSAGE_CHARS: usize = 500;

/// A message in one line of bounded length; `instead` where it is empty.
pub(super) fn one_line(message: &str, instead: &str) -> Box<str> {
    let mut words = message.split_whitespace();
    let mut line = words.next().unwrap_or(instead).to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
        if line.len() > MESSAGE_CHARS * 4 {
            break;
        }
    }
    let is_long = line.chars().count() > MESSAGE_CHARS;
    let kept = line.chars().filter(|it| !it.is_control()).take(MESSAGE_CHARS);
    kept.chain(is_long.then_some('…')).collect::<String>().into()
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the connection was closed before the end of the answer"),
            Self::Connection(cause) => write!(f, "the connection broke: {cause}"),
            Self::Idle(limit) => write!(f, "nothing came for {limit:?}"),
            Self::Total(limit) => write!(f, "it was not finished after {limit:?}"),
        }
    }
}

/// How a stream broke off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// The body ended before `message_stop`.
    Ended,
    /// The connection broke.
    Connection(Box<str>),
    /// No byte, or no content, for so long.
    Idle(Duration),
    /// The answer took longer than allowed.
    Total(Duration),
}

/// What came of an answer that did not complete.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// The message so far; `None` before `message_start`. Inputs of tools that did not end say so.
    pub message: Option<Message>,
    /// Whether the usage is the final one and not that of the start.
    pub is_usage_final: bool,
    /// The request's id, where the API told one.
    pub request_id: Option<Text>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api_error(kind: &str) -> Outcome {
        let error = ApiError { kind: kind.into(), message: "so\nit is".into() };
        let partial = Partial { request_id: Some("req_1".into()), ..Partial::default() };
        Outcome::ApiError { error, partial }
    }

    #[test]
    fn each_kind_of_error_has_its_own() {
        for (kind, code, status) in [
            ("overloaded_error", "overloaded", None),
            ("rate_limit_error", "rate_limited", None),
            ("api_error", "unavailable", None),
            ("timeout_error", "unavailable", None),
            ("of_tomorrow", "unavailable", None),
            ("authentication_error", "unauthorized", None),
            ("permission_error", "unauthorized", None),
            ("invalid_request_error", "rejected", Some(400)),
            ("billing_error", "rejected", Some(402)),
            ("not_found_error", "rejected", Some(404)),
            ("request_too_large", "rejected", Some(413)),
        ] {
            let error = api_error(kind).into_result().unwrap_err();
            assert_eq!(error.code(), code, "{kind}");
            assert!(error.to_string().contains("so it is (request req_1)"), "{error}");
            let told = if let Error::Rejected { status, .. } = error { Some(status) } else { None };
            assert_eq!(told, status, "{kind}");
        }
    }

    #[test]
    fn what_is_not_complete_is_an_error() {
        let partial = Partial { request_id: Some("req_1".into()), ..Partial::default() };
        let cut = Outcome::Incomplete { cut: Cut::Ended, partial: partial.clone() };
        assert!(cut.partial().is_some());
        let error = cut.into_result().unwrap_err();
        assert!(matches!(error, Error::Incomplete { request_id: Some(_), .. }) && !error.is_retryable());
        let error = Outcome::Protocol { what: "x".into(), partial }.into_result().unwrap_err();
        assert!(matches!(error, Error::Protocol { request_id: Some(_), .. }));
        let message = Message { id: "msg_1".into(), ..Message::default() };
        assert_eq!(Outcome::Complete(message).into_result().unwrap().id, "msg_1");
    }

    #[test]
    fn messages_are_one_line_of_bounded_length() {
        assert_eq!(&*one_line(" a\n\tb\u{1b}c ", "x"), "a bc");
        assert_eq!(&*one_line(" \n", "x"), "x");
        for long in ["ä".repeat(100_000), "ä ".repeat(100_000)] {
            assert_eq!(one_line(&long, "x").chars().count(), MESSAGE_CHARS + 1);
        }
    }
}
