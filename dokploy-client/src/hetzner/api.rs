//! Makes requests: one attempt for a change, several for a look.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::attempts::Attempts;
use super::limits::Limits;
use super::rate_limit::RateLimit;
use super::refusal::{self, Failure, Refused};
use super::request::Request;
use super::token::Token;
use crate::client::KeySource;
use crate::dns::DnsError;
use crate::error::{Source, Upstream};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Bytes of an error's body that are read; the rest is left.
const ERROR_BYTES: usize = 64 << 10;

/// How long an error's body is waited for; the status alone will do.
const ERROR_TIME: Duration = Duration::from_secs(1);

/// The API: a pool of connections, and a token for each request.
pub(super) struct Api {
    pub(super) http: reqwest::Client,
    pub(super) base: Url,
    pub(super) token: KeySource,
    pub(super) limits: Limits,
    pub(super) seed: Option<u64>,
    /// As it was told last.
    pub(super) told: Mutex<Option<RateLimit>>,
}

impl Api {
    /// Looks, until there is an answer or no further attempt is made.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        request: &Request,
        until: Instant,
    ) -> Result<T, Failure> {
        let mut attempts = Attempts::new(self, until);
        loop {
            match self.exchange(request, until).await {
                Err(Failure::Passing(error)) => attempts.wait(error).await.map_err(Failure::Final)?,
                result => return result,
            }
        }
    }

    /// Makes a request once.
    pub(super) async fn exchange<T: DeserializeOwned>(
        &self,
        request: &Request,
        until: Instant,
    ) -> Result<T, Failure> {
        let after = self.limits.attempt.min(until.duration_since(Instant::now()));
        let late = || Err(Failure::Passing(DnsError::TimedOut { call: request.name, after }));
        let body = timeout(after, self.answer(request)).await.unwrap_or_else(|_| late())?;
        request.read(&body)
    }

    pub(super) fn rate_limit(&self) -> Option<RateLimit> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body of an answer with a good status. It is without the token too: the reason of a failed action is in one.
    async fn answer(&self, request: &Request) -> Result<String, Failure> {
        let token = Token::read(&self.token).map_err(Failure::Final)?;
        let sent = self.built(request, &token).send().await;
        let response = sent.map_err(|error| unanswered(request, &error))?;
        self.keep(RateLimit::read(response.headers()));
        if response.status().is_success() {
            return Ok(token.struck_out(&self.whole(request, response).await?));
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = token.struck_out(&beginning(response).await);
        let refused = Refused { status, headers: &headers, body: &body, now: SystemTime::now() };
        Err(refusal::failure(request, &refused, &self.limits))
    }

    fn built(&self, request: &Request, token: &Token) -> reqwest::RequestBuilder {
        let built = self.http.request(request.method.clone(), request.url(&self.base));
        let built = built.header(ACCEPT, JSON).header(AUTHORIZATION, token.header.clone());
        match &request.body {
            Some(body) => built.header(CONTENT_TYPE, JSON).body(body.clone()),
            None => built,
        }
    }

    async fn whole(&self, request: &Request, mut response: reqwest::Response) -> Result<BytesMut, Failure> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(request, &error))? {
            if whole.len() + chunk.len() > self.limits.answer_bytes {
                let error = request.unreadable("it is longer than the limit `answer_bytes`");
                return Err(request.misread(error));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    fn keep(&self, told: Option<RateLimit>) {
        if told.is_some() {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("base", &self.base.as_str())
            .field("token", &self.token)
            .field("limits", &self.limits)
            .field("rate_limit", &self.rate_limit())
            .finish_non_exhaustive()
    }
}

/// There is no answer, or no end of it.
fn unanswered(request: &Request, error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        let reason = "it is no valid HTTP request".into();
        return Failure::Final(DnsError::Invalid { field: "request", reason });
    }
    let source = cause(error);
    Failure::Passing(DnsError::Unavailable { call: request.name, status: None, retry_after: None, source })
}

/// What there is of an error's body.
async fn beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            read.extend_from_slice(&chunk[..chunk.len().min(ERROR_BYTES - read.len())]);
            if read.len() == ERROR_BYTES {
                break;
            }
        }
    };
    // Late or not, what came is what there is.
    _ = timeout(ERROR_TIME, reading).await;
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
