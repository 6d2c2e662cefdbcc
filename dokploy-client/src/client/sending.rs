//! Sends a call, again where it may be, and takes its answer in.

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use tokio::time::{Instant, timeout_at};

use super::Client;
use super::call::{Call, Payload};
use super::key::X_API_KEY;
use super::refusal;
use crate::error::{Error, Result};
use crate::http::{Attempts, Secret, Told, exchange};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Client {
    /// The body of an answer with a good status.
    pub(super) async fn send(&self, call: &Call, until: Instant) -> Result<Bytes> {
        let mut attempts = Attempts::new(self.limits().policy(), self.inner.seed, until);
        loop {
            let attempt = timeout_at(until, self.attempt(call)).await;
            match attempt.unwrap_or_else(|_| Err(call.late(self.limits()))) {
                // Only this failure says that nothing was done.
                Err(failure @ Error::Unavailable { retry_after, .. }) => {
                    attempts.wait(Told::from(retry_after), failure).await?;
                }
                result => return result,
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Bytes> {
        let key = if call.is_public { None } else { Some(self.inner.key.secret()?) };
        let request = self.request(call, key.as_ref());
        let answer = exchange(request, self.limits().answer_bytes).await;
        let answer = answer.map_err(|none| call.unanswered(none))?;
        if answer.is_good() {
            return Ok(answer.body);
        }
        let said = match &key {
            Some(key) => key.struck_out(&answer.body),
            None => String::from_utf8_lossy(&answer.body).into_owned(),
        };
        Err(refusal::error(call, &answer, &said, self.known_version().version()))
    }

    fn request(&self, call: &Call, key: Option<&Secret>) -> reqwest::RequestBuilder {
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
            Some(key) => request.header(X_API_KEY, key.header()),
            None => request,
        }
    }
}
