//! Makes requests: one attempt for a change, several for a look.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::attempts::Attempts;
use super::limits::Limits;
use super::rate_limit::RateLimit;
use super::refusal::{self, Failure};
use super::request::Request;
use super::token;
use crate::client::KeySource;
use crate::dns::DnsError;
use crate::http::{NoAnswer, Secret, exchange};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

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
        let token = token::read(&self.token).map_err(Failure::Final)?;
        let answer = exchange(self.built(request, &token), self.limits.answer_bytes).await;
        let answer = answer.map_err(|none| unanswered(request, none))?;
        self.keep(RateLimit::read(&answer.headers));
        let said = token.struck_out(&answer.body);
        if answer.is_good() { Ok(said) } else { Err(refusal::failure(request, &answer, &said, &self.limits)) }
    }

    fn built(&self, request: &Request, token: &Secret) -> reqwest::RequestBuilder {
        let built = self.http.request(request.method.clone(), request.url(&self.base));
        let built = built.header(ACCEPT, JSON).header(AUTHORIZATION, token.header());
        match &request.body {
            Some(body) => built.header(CONTENT_TYPE, JSON).body(body.clone()),
            None => built,
        }
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
fn unanswered(request: &Request, none: NoAnswer) -> Failure {
    match none {
        NoAnswer::Unsendable => {
            let reason = "it is no valid HTTP request".into();
            Failure::Final(DnsError::Invalid { field: "request", reason })
        }
        NoAnswer::Unsent(source)
        | NoAnswer::Mismatch(_, source)
        | NoAnswer::NoHttp(source)
        | NoAnswer::Lost(source) => {
            let call = request.name;
            Failure::Passing(DnsError::Unavailable { call, status: None, retry_after: None, source })
        }
        NoAnswer::TooLong => {
            request.misread(request.unreadable("it is longer than the limit `answer_bytes`"))
        }
    }
}
