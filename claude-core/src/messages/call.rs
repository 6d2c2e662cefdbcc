//! One request and the head of its answer.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::body::{Body, NotWhole, cause};
use super::client::{Client, ClientBuilder};
use super::outcome::{Cut, boxed};
use super::refusal;
use super::retry::{Failure, after};
use super::stream::End;
use super::transport::Transport;
use crate::error::{Error, Phase};
use crate::text::Text;

const VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const BETA: HeaderName = HeaderName::from_static("anthropic-beta");

pub(super) const JSON: &str = "application/json";
pub(super) const EVENTS: &str = "text/event-stream";

/// What is sent. A body makes it a POST.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) path: &'static str,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Bytes>,
    pub(super) accept: &'static str,
    pub(super) betas: &'a [Text],
    pub(super) first_byte: Duration,
}

/// An answer with status 200, up to its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) request_id: Option<Text>,
    pub(super) media_type: Option<Box<str>>,
    pub(super) body: Body,
}

impl Client {
    /// Sends a call once.
    pub(super) async fn attempt(&self, call: &Call<'_>, deadline: Instant) -> Result<Answer, Failure> {
        let transport = self.transport()?;
        let limits = &self.settings().limits;
        let (name, key) = self.settings().credentials.header(self.settings().version)?;
        let sending = request(transport, self.settings(), call)?.header(name, key.clone()).send();
        let limit = after(Instant::now(), call.first_byte).min(deadline);
        let Ok(sent) = tokio::time::timeout_at(limit, sending).await else {
            let (phase, after) = match limit == deadline {
                true => (Phase::Total, limits.total),
                false => (Phase::FirstByte, call.first_byte),
            };
            return Err(Failure::last(Error::TimedOut { phase, after }));
        };
        let response = sent.map_err(|error| unsent(&error, transport, limits.connect))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = Body::new(response, limits, deadline);
        if !(200..300).contains(&status) {
            let beginning = body.beginning(refusal::BODY_BYTES, refusal::BODY_TIME).await;
            return Err(refusal::failure(status, &headers, &refusal::without_key(&beginning, &key)));
        }
        let media_type = refusal::media_type(&headers).map(|it| it.to_ascii_lowercase().into());
        Ok(Answer { request_id: refusal::request_id(&headers), media_type, body })
    }
}

fn request(
    transport: &Transport,
    settings: &ClientBuilder,
    call: &Call<'_>,
) -> Result<reqwest::RequestBuilder, Error> {
    let mut url = transport.endpoint.url(call.path);
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    let mut headers = HeaderMap::new();
    headers.insert(VERSION, HeaderValue::from_static(settings.version.as_str()));
    headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
    let betas: Vec<&str> = settings.betas.iter().chain(call.betas).map(|beta| &**beta).collect();
    if !betas.is_empty() {
        let value = HeaderValue::try_from(betas.join(",")).map_err(|_| Error::Invalid {
            field: "betas",
            reason: "a name has a character that no header takes".into(),
        })?;
        headers.insert(BETA, value);
    }
    Ok(match &call.body {
        Some(body) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
            transport.http.post(url).headers(headers).body(body.clone())
        }
        None => transport.http.get(url).headers(headers),
    })
}

/// There is no answer.
fn unsent(error: &reqwest::Error, transport: &Transport, connect: Duration) -> Failure {
    if error.is_builder() {
        return Failure::last(Error::Invalid { field: "request", reason: cause(error) });
    }
    Failure::passing(if error.is_connect() && error.is_timeout() {
        Error::TimedOut { phase: Phase::Connect, after: connect }
    } else {
        let what = if error.is_connect() { "can't be reached" } else { "broke the connection off" };
        let message = format!("{} {what}: {}", transport.endpoint.host(), cause(error)).into();
        Error::Unavailable { message, request_id: None }
    })
}

impl Answer {
    /// The whole body, which is to be JSON.
    pub(super) async fn json(self, max: usize) -> Result<Bytes, Failure> {
        let request_id = self.request_id;
        if self.media_type.as_deref().is_some_and(|it| it != JSON) {
            return Err(not_json(self.media_type, request_id));
        }
        self.body.whole(max).await.map_err(|error| {
            let request_id = boxed(request_id);
            Failure::last(match error {
                NotWhole::TooLong => {
                    let what = format!("it is longer than {max} bytes").into();
                    Error::Protocol { what, request_id }
                }
                NotWhole::Cut(cut) => late(&cut)
                    .unwrap_or_else(|| Error::Incomplete { what: cut.to_string().into(), request_id }),
            })
        })
    }
}

/// An answer of another type than was asked for.
pub(super) fn not_json(media_type: Option<Box<str>>, request_id: Option<Text>) -> Failure {
    let media_type = media_type.unwrap_or_default();
    let what = format!("its content type is `{media_type}`; is the base URL right?").into();
    Failure::last(Error::Protocol { what, request_id: boxed(request_id) })
}

/// A stream that ended before its first content.
pub(super) fn before_content(end: End, request_id: Option<Text>) -> Failure {
    match end {
        End::ApiError(error) => {
            let reason = error.kind.detached();
            let error = error.into_error(request_id);
            let failure = if error.is_retryable() { Failure::passing(error) } else { Failure::last(error) };
            Failure { reason, ..failure }
        }
        End::Cut(cut) => match late(&cut) {
            Some(error) => Failure::last(error),
            None => {
                let message = format!("before any content {cut}").into();
                Failure::passing(Error::Unavailable { message, request_id: boxed(request_id) })
            }
        },
        End::Complete => Failure::last(Error::Protocol {
            what: "it ended before it began".into(),
            request_id: boxed(request_id),
        }),
        End::Protocol(what) => Failure::last(Error::Protocol { what, request_id: boxed(request_id) }),
    }
}

/// The error of a limit that passed; `None` where the other side broke off.
fn late(cut: &Cut) -> Option<Error> {
    match cut {
        Cut::Idle(limit) => Some(Error::TimedOut { phase: Phase::Idle, after: *limit }),
        Cut::Total(limit) => Some(Error::TimedOut { phase: Phase::Total, after: *limit }),
        Cut::Ended | Cut::Connection(_) => None,
    }
}
