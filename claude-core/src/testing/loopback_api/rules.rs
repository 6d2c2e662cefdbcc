//! What a plan refuses before it answers: keys, versions, bad histories, too many requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::history;
use super::problem::Problem;
use super::reply::Reply;
use super::request::RecordedRequest;

/// The version that refuses what [`GONE`] names.
const NEW_VERSION: &str = "2026-10-21";

const VERSIONS: [&str; 2] = ["2023-06-01", NEW_VERSION];

/// Members of a request that the newer version refuses.
const GONE: [&str; 3] = ["temperature", "top_p", "top_k"];

/// What is checked; by default only what every request must have.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) key: Option<String>,
    pub(super) strict: bool,
    pub(super) rate: Option<RateLimit>,
}

impl Rules {
    /// The key, for every path of the API.
    pub(super) fn authorize(&self, request: &RecordedRequest) -> Result<(), Problem> {
        let Some(key) = &self.key else { return Ok(()) };
        match request.api_key().or(request.bearer()) {
            Some(given) if given == key => Ok(()),
            Some(_) => Err(Problem::new(401, "invalid x-api-key")),
            None => Err(Problem::new(401, "x-api-key header is required")),
        }
    }

    /// The members of a request for a message.
    pub(super) fn check(&self, request: &RecordedRequest) -> Result<(), Problem> {
        self.check_members(request, &["model", "messages", "max_tokens"])
    }

    /// The members of a request that only counts.
    pub(super) fn check_count(&self, request: &RecordedRequest) -> Result<(), Problem> {
        self.check_members(request, &["model", "messages"])
    }

    fn check_members(&self, request: &RecordedRequest, needed: &[&str]) -> Result<(), Problem> {
        let refuse = |message| Problem::new(400, message);
        members(&request.body, needed).map_err(refuse)?;
        if !self.strict {
            return Ok(());
        }
        version(request).map_err(refuse)?;
        history::check(&request.body).map_err(refuse)
    }

    /// The refusal, once there were too many requests.
    pub(super) fn limit(&self) -> Option<Reply> {
        self.rate.as_ref()?.count()
    }
}

/// The members without which the API answers 400.
fn members(body: &Value, needed: &[&str]) -> Result<(), String> {
    if !body.is_object() {
        return Err("The request body is not valid JSON".to_owned());
    }
    let present = [
        ("model", body["model"].is_string()),
        ("messages", body["messages"].is_array()),
        ("max_tokens", body["max_tokens"].is_u64()),
    ];
    let missing = present.iter().find(|(name, present)| !present && needed.contains(name));
    missing.map_or(Ok(()), |(name, _)| Err(format!("{name}: Field required")))
}

fn version(request: &RecordedRequest) -> Result<(), String> {
    let version = request.version().ok_or("anthropic-version: header is required")?;
    if !VERSIONS.contains(&version) {
        return Err(format!("anthropic-version: \"{version}\" is not a valid version"));
    }
    let gone = GONE.iter().find(|name| version == NEW_VERSION && !request.body[**name].is_null());
    gone.map_or(Ok(()), |name| Err(format!("{name}: Extra inputs are not permitted")))
}

/// So many requests in a window of time; the window begins with its first request.
pub(super) struct RateLimit {
    requests: u32,
    window: Duration,
    state: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    start: Option<Instant>,
    requests: u32,
}

impl RateLimit {
    pub(super) fn new(requests: u32, window: Duration) -> Self {
        Self { requests, window, state: Mutex::default() }
    }

    fn count(&self) -> Option<Reply> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = state.start.map(|start| start.elapsed()).filter(|passed| *passed < self.window);
        if passed.is_none() {
            *state = Window { start: Some(Instant::now()), requests: 0 };
        }
        state.requests = state.requests.saturating_add(1);
        let left = self.window.saturating_sub(passed.unwrap_or_default());
        (state.requests > self.requests).then(|| self.refusal(left))
    }

    /// The wait is rounded up, so that whoever waits that long is let in.
    fn refusal(&self, left: Duration) -> Reply {
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Reply::status(429)
            .message("This request would exceed your account's rate limit.")
            .retry_after(seconds)
            .header("anthropic-ratelimit-requests-limit", self.requests.to_string())
            .header("anthropic-ratelimit-requests-remaining", "0")
    }
}
