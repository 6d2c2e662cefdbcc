//! One call: what is sent, and what its answer means.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limits::Limits;
use super::version::Version;
use crate::error::{Error, Mismatch, Result, Source, Upstream};
use crate::http::{NoAnswer, place, what_is_wrong};

/// Whether a call changes something, by which a lost answer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changes nothing: it may be repeated.
    Reads,
    /// It changes something: it is repeated only if it was never sent.
    Writes,
}

/// What is sent. The name, such as `project.create`, is the path behind `/api/`. It has no `Debug` form: a body may
/// hold secrets.
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) effect: Effect,
    pub(super) payload: Payload,
    /// Whether the key is sent with it.
    pub(super) is_public: bool,
    /// Whether a version has it; all have it, where there is none.
    pub(super) needs: Option<fn(Version) -> bool>,
}

pub(super) enum Payload {
    /// A GET with these parameters.
    Query(Vec<(&'static str, String)>),
    /// A POST of this JSON.
    Body(Bytes),
}

impl Call {
    /// A query of Dokploy's: it reads, by GET.
    pub(super) fn query(name: &'static str) -> Self {
        Self {
            name,
            effect: Effect::Reads,
            payload: Payload::Query(Vec::new()),
            is_public: false,
            needs: None,
        }
    }

    /// With a parameter of a query.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Payload::Query(parameters) = &mut self.payload {
            parameters.push((name, value.to_string()));
        }
        self
    }

    /// A query that anybody may make.
    pub(super) fn public(name: &'static str) -> Self {
        Self { is_public: true, ..Self::query(name) }
    }

    /// A mutation of Dokploy's: it changes something, by POST.
    ///
    /// # Errors
    /// [`Error::LimitReached`] where the body is too long.
    pub(super) fn mutation(name: &'static str, body: &impl Serialize, limits: &Limits) -> Result<Self> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::System { what: "a request can't be written", source: Box::new(error) })?;
        if body.len() > limits.request_bytes {
            return Err(Error::LimitReached { limit: "request_bytes", max: limits.request_bytes });
        }
        let payload = Payload::Body(body.into());
        Ok(Self { name, effect: Effect::Writes, payload, is_public: false, needs: None })
    }

    /// Only some versions have it; others are not asked.
    pub(super) fn needing(self, has: fn(Version) -> bool) -> Self {
        Self { needs: Some(has), ..self }
    }

    /// A mutation by name only: it changes nothing.
    pub(super) fn that_only_reads(self) -> Self {
        Self { effect: Effect::Reads, ..self }
    }

    /// Reads an answer that is JSON.
    pub(super) fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body)
            .map_err(|error| self.unreadable(what_is_wrong(body), Some(Box::new(Upstream(place(&error))))))
    }

    /// Reads an answer that is `true`.
    pub(super) fn read_true(&self, body: &[u8]) -> Result<()> {
        if self.read(body)? { Ok(()) } else { Err(self.unreadable("it is `false`", None)) }
    }

    /// Reads the answer to a call that only starts something: it is empty, or whatever JSON.
    pub(super) fn read_nothing(&self, body: &[u8]) -> Result<()> {
        if body.is_empty() { Ok(()) } else { self.read::<serde::de::IgnoredAny>(body).map(|_| ()) }
    }

    /// An answer with a good status that is no answer.
    pub(super) fn unreadable(&self, what: &'static str, source: Option<Source>) -> Error {
        match self.effect {
            Effect::Reads => Error::Protocol { call: self.name, what, source },
            Effect::Writes => Error::MaybeDone {
                call: self.name,
                status: None,
                code: None,
                retry_after: None,
                source: source.unwrap_or_else(|| Box::new(Upstream(what.into()))),
            },
        }
    }

    /// There is no answer.
    pub(super) fn unanswered(&self, none: NoAnswer) -> Error {
        match none {
            NoAnswer::Unsendable => Error::invalid("request", "it is no valid HTTP request"),
            NoAnswer::Unsent(source) => {
                Error::Unavailable { call: self.name, status: None, code: None, retry_after: None, source }
            }
            NoAnswer::Mismatch(cause, source) => Error::WrongEndpoint { call: self.name, cause, source },
            // Of a change nobody knows what became of it, but a wrong set-up shows in the question for the version.
            NoAnswer::NoHttp(source) if self.effect == Effect::Reads => {
                Error::WrongEndpoint { call: self.name, cause: Mismatch::NoHttp, source }
            }
            NoAnswer::NoHttp(source) | NoAnswer::Lost(source) => self.lost(source),
            NoAnswer::TooLong => self.unreadable("it is longer than the limit `answer_bytes`", None),
        }
    }

    /// The request may have been sent, and nobody knows what became of it.
    fn lost(&self, source: Source) -> Error {
        let call = self.name;
        match self.effect {
            Effect::Reads => Error::Unavailable { call, status: None, code: None, retry_after: None, source },
            Effect::Writes => Error::MaybeDone { call, status: None, code: None, retry_after: None, source },
        }
    }

    /// The time of the call is over.
    pub(super) fn late(&self, limits: &Limits) -> Error {
        match self.effect {
            Effect::Reads => Error::TimedOut { call: self.name, after: limits.call },
            Effect::Writes => self.lost(Box::new(Upstream(format!("no answer in {:?}", limits.call).into()))),
        }
    }
}
