//! Sends requests to the Messages API.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::call::{Call, EVENTS, JSON, before_content, not_json};
use super::endpoint;
use super::key::{Credentials, KeySource};
use super::limits::Limits;
use super::message::Message;
use super::outcome::boxed;
use super::request::{Delivery, Request};
use super::retry::{Attempts, Failure, Retry};
use super::stream::Stream;
use super::transport::Transport;
use super::version::Version;
use crate::error::{Error, Result};
use crate::object::Object;
use crate::text::{Text, read_slices};

/// The Messages API. `Clone`; connects on first use, and keeps connections for the next call.
///
/// A request is repeated only before the first content of its answer, and only where that is safe: after a status
/// 408, 409, 429 or 5xx, a failed connection, or an answer that broke off before any content. Never after that:
/// what was answered is billed, and the caller decides.
///
/// ```no_run
/// use claude_core::messages::{Client, MessageParam, Request};
///
/// # async fn example() -> claude_core::Result<()> {
/// let client = Client::builder().build(); // the key is looked for at each call
/// let request = Request::new("claude-sonnet-5-5", 1024, vec![MessageParam::user("Why did the backup fail?")]);
/// let mut answer = client.stream(&request).await?;
/// while let Some(event) = answer.next().await {
///     println!("{event:?}");
/// }
/// let message = answer.outcome().await.into_result()?;
/// println!("{}", message.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    settings: ClientBuilder,
    /// Made by the first call that gets so far.
    transport: OnceLock<Transport>,
}

/// Builds a [`Client`].
#[derive(Clone)]
pub struct ClientBuilder {
    pub(super) credentials: Credentials,
    base_url: Option<String>,
    pub(super) version: Version,
    pub(super) betas: Vec<Text>,
    pub(super) limits: Limits,
    seed: Option<u64>,
}

impl Client {
    /// With a key from `ANTHROPIC_API_KEY`, else a token from `ANTHROPIC_AUTH_TOKEN`, and the base URL of
    /// `ANTHROPIC_BASE_URL`, unless set otherwise.
    #[must_use]
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            credentials: Credentials::Environment,
            base_url: None,
            version: Version::default(),
            betas: Vec::new(),
            limits: Limits::default(),
            seed: None,
        }
    }

    /// Asks, and returns once the first content is there; until then the request is repeated as it may be.
    ///
    /// # Errors
    /// Why there is no answer. What fails later is the stream's [`Outcome`](super::Outcome).
    pub async fn stream(&self, request: &Request) -> Result<Stream> {
        self.stream_observed(request, |_| {}).await
    }

    /// As [`Client::stream`]; hears of each repetition before the wait for it.
    ///
    /// # Errors
    /// As [`Client::stream`].
    pub async fn stream_observed(
        &self,
        request: &Request,
        mut on_retry: impl FnMut(Retry) + Send,
    ) -> Result<Stream> {
        let first_byte = self.settings().limits.first_byte;
        let call = Call { accept: EVENTS, ..messages(request, Delivery::Stream, first_byte) };
        let mut attempts = self.attempts();
        loop {
            match self.open(&call, &attempts).await {
                Ok(stream) => return Ok(stream),
                Err(failure) => attempts.wait(failure, &mut on_retry).await?,
            }
        }
    }

    /// Asks for the whole answer at once. Where answers are long, a stream is better: it shows that it lives.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn create(&self, request: &Request) -> Result<Message> {
        let first_byte = self.settings().limits.first_byte_whole;
        let (body, request_id) = self.json(&messages(request, Delivery::Whole, first_byte)).await?;
        read_message(&body, request_id)
    }

    /// The tokens that a request would take in. Counting is free; nothing is answered.
    ///
    /// # Errors
    /// Why there is no count.
    pub async fn count_tokens(&self, request: &Request) -> Result<u64> {
        let first_byte = self.settings().limits.first_byte;
        let call = messages(request, Delivery::Count, first_byte);
        let call = Call { path: "/v1/messages/count_tokens", ..call };
        let (body, request_id) = self.json(&call).await?;
        let members: Object = read(&body, request_id.clone())?;
        let count = members.read("input_tokens");
        count.ok_or_else(|| protocol("it has no `input_tokens`", request_id))
    }

    /// Sends a call whose answer is JSON, again where it may be.
    pub(super) async fn json(&self, call: &Call<'_>) -> Result<(Bytes, Option<Text>)> {
        let mut attempts = self.attempts();
        loop {
            let answer = async {
                let answer = self.attempt(call, attempts.deadline()).await?;
                let request_id = answer.request_id.clone();
                Ok((answer.json(self.settings().limits.answer_bytes).await?, request_id))
            };
            match answer.await {
                Ok(whole) => return Ok(whole),
                Err(failure) => attempts.wait(failure, &mut |_| {}).await?,
            }
        }
    }

    async fn open(&self, call: &Call<'_>, attempts: &Attempts<'_>) -> Result<Stream, Failure> {
        let answer = self.attempt(call, attempts.deadline()).await?;
        let request_id = answer.request_id.clone();
        match answer.media_type.as_deref() {
            // Without a type it is taken for what was asked for.
            Some(EVENTS) | None => {
                let begun =
                    Stream::begin(answer.body, request_id.clone(), self.settings().limits.stream_bytes).await;
                begun.map_err(|end| before_content(end, request_id))
            }
            // Some gateways do not stream.
            Some(JSON) => {
                let body = answer.json(self.settings().limits.answer_bytes).await?;
                let message = read_message(&body, request_id.clone())?;
                Ok(Stream::of_message(message, request_id))
            }
            Some(_) => Err(not_json(answer.media_type, request_id)),
        }
    }

    pub(super) fn settings(&self) -> &ClientBuilder {
        &self.inner.settings
    }

    /// The connections, which the first call makes. Of two first calls at once, one's are kept.
    pub(super) fn transport(&self) -> Result<&Transport> {
        if let Some(transport) = self.inner.transport.get() {
            return Ok(transport);
        }
        let settings = self.settings();
        let transport = Transport::new(&settings.resolved_base_url(), settings.limits.connect)?;
        Ok(self.inner.transport.get_or_init(|| transport))
    }

    fn attempts(&self) -> Attempts<'_> {
        Attempts::new(&self.settings().limits, self.settings().seed)
    }
}

fn messages(request: &Request, delivery: Delivery, first_byte: std::time::Duration) -> Call<'_> {
    Call {
        path: "/v1/messages",
        query: Vec::new(),
        body: Some(request.body(delivery)),
        accept: JSON,
        betas: &request.betas,
        first_byte,
    }
}

fn read_message(body: &Bytes, request_id: Option<Text>) -> Result<Message> {
    let members: Object = read(body, request_id.clone())?;
    match members.read::<Text>("type").as_deref() {
        Some("message") => Ok(Message::from_members(members)),
        Some("error") => {
            let words = super::ApiError::of_body(body).map(|error| error.message).unwrap_or_default();
            Err(protocol(&format!("status 200 with an error: {words}"), request_id))
        }
        _ => Err(protocol("it is no message", request_id)),
    }
}

/// Reads an answer that is JSON.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes, request_id: Option<Text>) -> Result<T> {
    read_slices(body).map_err(|error| protocol(&format!("its JSON can't be read: {error}"), request_id))
}

fn protocol(what: &str, request_id: Option<Text>) -> Error {
    Error::Protocol { what: super::outcome::one_line(what, ""), request_id: boxed(request_id) }
}

impl ClientBuilder {
    /// The key.
    #[must_use]
    pub fn key(mut self, key: KeySource) -> Self {
        self.credentials = Credentials::Key(key);
        self
    }

    /// A token instead of a key, for gateways that want one: `Authorization: Bearer` in every version.
    #[must_use]
    pub fn auth_token(mut self, token: KeySource) -> Self {
        self.credentials = Credentials::Token(token);
        self
    }

    /// Where the API is: `https://HOST`, with a port and a path before `/v1` where there are some. `http://` works
    /// too, and shows the key to whoever is on the way. Proxies are taken from the environment, but not to this
    /// machine.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The API's version.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The name of a beta that each request is to have, besides its own.
    #[must_use]
    pub fn beta(mut self, name: impl Into<Text>) -> Self {
        self.betas.push(name.into());
        self
    }

    /// With these limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Makes the chance in the waits between attempts repeatable, for tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The client. It checks nothing yet: what is wrong is told by the call.
    #[must_use]
    pub fn build(self) -> Client {
        Client { inner: Arc::new(Inner { settings: self, transport: OnceLock::new() }) }
    }

    fn resolved_base_url(&self) -> String {
        let of_environment = || std::env::var("ANTHROPIC_BASE_URL").ok().filter(|url| !url.trim().is_empty());
        self.base_url.clone().or_else(of_environment).unwrap_or_else(|| endpoint::DEFAULT.to_owned())
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL with a password or query is refused by the call, but it may be shown before.
        let base_url = self.base_url.as_ref().filter(|url| !url.contains(['@', '?', '#']));
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .field("base_url", &base_url)
            .field("version", &self.version)
            .field("betas", &self.betas)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.inner.settings).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for url in ["https://planted@host", "https://host?key=planted", "https://host#planted"] {
            let client = Client::builder().key(KeySource::Fixed("planted".into())).base_url(url).build();
            assert!(!format!("{client:?}").contains("planted"), "{client:?}");
        }
        assert!(format!("{:?}", Client::builder().base_url("https://host").build()).contains("https://host"));
    }
}
