//! Sends a call, again where it may be, and takes its answer in.

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use tokio::time::{timeout, timeout_at};

use super::Client;
use super::call::{Call, Payload};
use super::key::X_API_KEY;
use super::refusal::{self, Refused};
use super::retry::Attempts;
use crate::error::{Error, Result, Source, Upstream};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Client {
    /// The body of an answer with a good status.
    pub(super) async fn send(&self, call: &Call) -> Result<Bytes> {
        let mut attempts = Attempts::new(self.limits(), self.inner.seed);
        loop {
            let attempt = timeout_at(attempts.deadline, self.attempt(call)).await;
            match attempt.unwrap_or_else(|_| Err(call.late(self.limits()))) {
                Ok(body) => return Ok(body),
                Err(failure) => attempts.wait(failure).await?,
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Bytes> {
        let key = if call.is_public { None } else { Some(self.inner.key.header()?) };
        let sent = self.request(call, key.as_ref()).send().await;
        let response = sent.map_err(|error| unanswered(call, &error))?;
        let status = response.status();
        if status.is_success() {
            return self.whole(call, response).await;
        }
        let headers = response.headers().clone();
        let mut body = beginning(response).await;
        if let Some(key) = &key {
            body = refusal::without_key(&body, key);
        }
        let refused = Refused { status: status.as_u16(), headers, body };
        Err(refusal::error(call, &refused, *self.kept_version()))
    }

    fn request(&self, call: &Call, key: Option<&HeaderValue>) -> reqwest::RequestBuilder {
        let transport = &self.inner.transport;
        let mut url = transport.endpoint.url(call.name);
        let request = match &call.payload {
            Payload::Query(parameters) => {
                if !parameters.is_empty() {
                    url.query_pairs_mut().extend_pairs(parameters);
                }
                transport.http.get(url)
            }
            Payload::Body(body) => transport.http.post(url).header(CONTENT_TYPE, JSON).body(body.clone()),
        };
        let request = request.header(ACCEPT, JSON);
        match key {
            Some(key) => request.header(X_API_KEY, key.clone()),
            None => request,
        }
    }

    async fn whole(&self, call: &Call, mut response: reqwest::Response) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| call.lost(cause(&error)))? {
            if whole.len() + chunk.len() > self.limits().answer_bytes {
                return Err(call.unreadable("it is longer than the limit `answer_bytes`", None));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

/// There is no answer.
fn unanswered(call: &Call, error: &reqwest::Error) -> Error {
    if error.is_builder() {
        return Error::invalid("request", "it is no valid HTTP request");
    }
    // A connection that does not stand has carried nothing.
    if error.is_connect() {
        let source = cause(error);
        return Error::Unavailable { call: call.name, status: None, retry_after: None, source };
    }
    call.lost(cause(error))
}

/// What there is of an error's body; the status alone will do.
async fn beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            read.extend_from_slice(&chunk[..chunk.len().min(refusal::BODY_BYTES - read.len())]);
            if read.len() == refusal::BODY_BYTES {
                break;
            }
        }
    };
    // Late or not, what came is what there is.
    _ = timeout(refusal::BODY_TIME, reading).await;
    read
}

/// The innermost reason, which is what the system or TLS said.
fn cause(error: &dyn std::error::Error) -> Source {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Box::new(Upstream(innermost.to_string().into()))
}
