//! What can go wrong, named by what the caller does next.

mod cause;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use cause::{Mismatch, Refusal};

use crate::client::Version;

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Dokploy's code for what is not there: a row, or a call.
pub(crate) const NOT_FOUND: &str = "NOT_FOUND";

/// Why there is no answer, for a log: [`Upstream`], or what the system said.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong. Messages say what to do. They hold no secret and nothing that the server said: that is in
/// [`source()`](std::error::Error::source), for a log, and not in the `Debug` form either.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the caller gave can't be sent. It was not sent.
    #[error("{field}: {reason}")]
    Invalid {
        /// What is wrong.
        field: &'static str,
        /// Why, and what is right. It never repeats the value.
        reason: Cow<'static, str>,
    },
    /// Something that the call needs was not set.
    #[error("{what} is missing; set it")]
    NotConfigured {
        /// What.
        what: &'static str,
    },
    /// The server refused the key for this call: 401 or 403. Never repeated.
    #[error("Dokploy refused `{call}`: {cause}")]
    Unauthorized {
        /// The call.
        call: &'static str,
        /// Which of the causes is likely.
        cause: Refusal,
        /// HTTP status.
        status: u16,
        /// Dokploy's own code, where the answer had one.
        code: Option<Box<str>>,
        /// What the server said.
        source: Source,
    },
    /// What answers is not what the URL says, so the set-up is wrong. Nothing was carried out, and repeating it changes
    /// nothing.
    #[error("`{call}`: {cause}")]
    WrongEndpoint {
        /// The call.
        call: &'static str,
        /// What is not as it should be.
        cause: Mismatch,
        /// What TLS or the server said.
        source: Source,
    },
    /// There is no such project, application, domain or the like.
    #[error("`{call}`: there is none with this id")]
    NotFound {
        /// The call.
        call: &'static str,
        /// What the server said.
        source: Source,
    },
    /// The server refused the request; repeating it changes nothing.
    #[error("Dokploy refused `{call}` with status {status}{}", Hint(*status, code.is_some()))]
    Rejected {
        /// The call.
        call: &'static str,
        /// HTTP status.
        status: u16,
        /// Dokploy's own code, such as `BAD_REQUEST`. Without one, something before Dokploy may have answered.
        code: Option<Box<str>>,
        /// What the server said. Since 0.30 that may be SQL with its parameters.
        source: Source,
    },
    /// The call was not carried out: it only reads, or it was never sent.
    #[error("Dokploy is unavailable for `{call}`{}; try again later", Status(*status))]
    Unavailable {
        /// The call.
        call: &'static str,
        /// HTTP status, where there was an answer.
        status: Option<u16>,
        /// Dokploy's own code, where the answer had one.
        code: Option<Box<str>>,
        /// The least wait, where it was told.
        retry_after: Option<Duration>,
        /// What happened.
        source: Source,
    },
    /// The call changes something, and may have done so. Look before it is repeated: a create that is repeated makes
    /// a second one.
    #[error("`{call}` may have been carried out{}; look before it is repeated", Status(*status))]
    MaybeDone {
        /// The call.
        call: &'static str,
        /// HTTP status, where there was an answer.
        status: Option<u16>,
        /// Dokploy's own code, where the answer had one.
        code: Option<Box<str>>,
        /// The least wait before the look, where it was told.
        retry_after: Option<Duration>,
        /// What happened.
        source: Source,
    },
    /// A call that only reads took too long. So ends a call that changes something where the question for the
    /// version, which `call` names then, took all of its time: the change was not sent.
    #[error("`{call}` was not answered within {after:?}")]
    TimedOut {
        /// The call.
        call: &'static str,
        /// The limit.
        after: Duration,
    },
    /// A call that only reads was answered with something that is no answer of Dokploy.
    #[error("the answer to `{call}` can't be read: {what}")]
    Protocol {
        /// The call.
        call: &'static str,
        /// What was wrong.
        what: &'static str,
        /// Where, as far as the reader tells.
        source: Option<Source>,
    },
    /// The server's version has no such call.
    #[error("Dokploy {version} has no `{call}`")]
    Unsupported {
        /// The call.
        call: &'static str,
        /// The server's version.
        version: Version,
    },
    /// The server is older than this client knows.
    #[error("Dokploy {version} is too old; update the server to {} or newer", Version::OLDEST)]
    TooOld {
        /// The server's version.
        version: Version,
    },
    /// A limit that the caller set was reached. Nothing was sent.
    #[error("limit reached: {limit} is {max}")]
    LimitReached {
        /// A member of [`Limits`](crate::client::Limits).
        limit: &'static str,
        /// Its value.
        max: usize,
    },
    /// The system failed.
    #[error("{what}")]
    System {
        /// Doing what.
        what: &'static str,
        /// What it said.
        source: Source,
    },
}

/// What the server said, shortened and without the key. It may hold SQL: for a log, not for users.
///
/// Its `Debug` form tells the length only.
pub struct Upstream(pub(crate) Box<str>);

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({} bytes)", self.0.len())
    }
}

impl std::error::Error for Upstream {}

impl Error {
    /// A stable name in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid_request",
            Self::NotConfigured { .. } => "not_configured",
            Self::Unauthorized { .. } => "unauthorized",
            Self::WrongEndpoint { .. } => "wrong_endpoint",
            Self::NotFound { .. } => "not_found",
            Self::Rejected { .. } => "rejected",
            Self::Unavailable { .. } => "unavailable",
            Self::MaybeDone { .. } => "maybe_done",
            Self::TimedOut { .. } => "timed_out",
            Self::Protocol { .. } => "protocol",
            Self::Unsupported { .. } => "unsupported",
            Self::TooOld { .. } => "too_old",
            Self::LimitReached { .. } => "limit_reached",
            Self::System { .. } => "system",
        }
    }

    /// Whether the same call may simply be made again later. After [`Error::MaybeDone`] it may not.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::TimedOut { .. })
    }

    /// The least wait before anything is asked again, where it was told.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } | Self::MaybeDone { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The HTTP status, where the answer was a refusal or a failure.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unauthorized { status, .. } | Self::Rejected { status, .. } => Some(*status),
            Self::NotFound { .. } => Some(404),
            Self::Unavailable { status, .. } | Self::MaybeDone { status, .. } => *status,
            _ => None,
        }
    }

    /// Dokploy's own code, such as `BAD_REQUEST`, where the answer had one. Without one, something before Dokploy may
    /// have answered. [`code`](Self::code) is another: the name of the kind of error.
    #[must_use]
    pub fn upstream_code(&self) -> Option<&str> {
        match self {
            Self::NotFound { .. } => Some(NOT_FOUND),
            Self::Unauthorized { code, .. }
            | Self::Rejected { code, .. }
            | Self::Unavailable { code, .. }
            | Self::MaybeDone { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn invalid(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

/// What a status of a refusal hints at, without or with a code of Dokploy's.
struct Hint(u16, bool);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.0, self.1) {
            (300..400, _) => ": it points elsewhere, which is not followed; is the URL right?",
            (404, false) => ", and not in Dokploy's words; is the URL right?",
            (404, true) => ": it has no such call",
            (413, _) => ": it is too long",
            _ => "",
        })
    }
}

/// ` (status …)`, or nothing.
struct Status(Option<u16>);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(404) => f.write_str(" (status 404: nothing is served at this URL)"),
            Some(status) => write!(f, " (status {status})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert!(size_of::<Error>() < 128, "{}", size_of::<Error>());
    }

    #[test]
    fn a_404_hints_at_the_url_unless_dokploy_answered() {
        let rejected = |status, code: Option<&str>| {
            let (code, source) = (code.map(Into::into), Box::new(Upstream("".into())));
            Error::Rejected { call: "x", status, code, source }.to_string()
        };
        let words = "Dokploy refused `x` with status 404, and not in Dokploy's words; is the URL right?";
        assert_eq!(rejected(404, None), words);
        assert_eq!(
            rejected(404, Some(NOT_FOUND)),
            "Dokploy refused `x` with status 404: it has no such call"
        );
        assert_eq!(rejected(400, Some("BAD_REQUEST")), "Dokploy refused `x` with status 400");
    }

    #[test]
    fn what_the_server_said_is_in_the_source_only() {
        let source = || -> Source { Box::new(Upstream("insert into planted".into())) };
        let call = "project.create";
        for error in [
            Error::Unauthorized { call, cause: Refusal::Key, status: 401, code: None, source: source() },
            Error::WrongEndpoint { call, cause: Mismatch::Certificate, source: source() },
            Error::NotFound { call, source: source() },
            Error::Rejected { call, status: 400, code: None, source: source() },
            Error::Unavailable { call, status: Some(502), code: None, retry_after: None, source: source() },
            Error::MaybeDone { call, status: None, code: None, retry_after: None, source: source() },
            Error::Protocol { call, what: "it is no JSON", source: Some(source()) },
        ] {
            assert!(!format!("{error} {error:?} {error:#?}").contains("planted"), "{error:?}");
            let source = std::error::Error::source(&error).unwrap();
            assert!(source.to_string().contains("planted"), "{error:?}");
        }
    }
}
