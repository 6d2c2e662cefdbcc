//! One call: what is sent, and what its answer means.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limits::Limits;
use crate::error::{Error, Result, Source, Upstream};

/// Whether a call changes something, by which a lost answer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changes nothing: it may be repeated.
    Reads,
    /// It changes something: it is repeated only if it was never sent.
    Writes,
}

/// What is sent. The name, such as `project.create`, is the path behind `/api/`. It has no `Debug` form: a body may hold
/// secrets.
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) effect: Effect,
    pub(super) payload: Payload,
    /// Whether the key is sent with it.
    pub(super) is_public: bool,
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
        Self { name, effect: Effect::Reads, payload: Payload::Query(Vec::new()), is_public: false }
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
        Ok(Self { name, effect: Effect::Writes, payload, is_public: false })
    }

    /// A mutation by name only: it changes nothing.
    pub(super) fn that_only_reads(self) -> Self {
        Self { effect: Effect::Reads, ..self }
    }

    /// Reads an answer that is JSON.
    pub(super) fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body).map_err(|error| {
            let what = if body.is_empty() {
                "it is empty"
            } else if is_page(body) {
                "it is a web page; is the URL right?"
            } else {
                "it is not the JSON that was expected"
            };
            self.unreadable(what, Some(Box::new(Upstream(place(&error)))))
        })
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
                retry_after: None,
                source: source.unwrap_or_else(|| Box::new(Upstream(what.into()))),
            },
        }
    }

    /// The connection broke after the request may have been sent.
    pub(super) fn lost(&self, source: Source) -> Error {
        let call = self.name;
        match self.effect {
            Effect::Reads => Error::Unavailable { call, status: None, retry_after: None, source },
            Effect::Writes => Error::MaybeDone { call, status: None, retry_after: None, source },
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

fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Where an answer can't be read, and why, if that is in words of ours: others repeat what they found, which may be
/// long, and secret.
fn place(error: &serde_json::Error) -> Box<str> {
    let words = error.to_string();
    if words.starts_with("missing field") || words.starts_with("no ") {
        return words.into();
    }
    format!("line {} column {}", error.line(), error.column()).into()
}
