//! Which reply a request gets.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::reply::Reply;
use super::request::RecordedRequest;
use super::rules::{RateLimit, Rules};
use super::scenario;

/// How `POST /v1/messages` is answered: a reply, a row of replies, or a function of the request. Rules may
/// refuse a request before.
pub struct Plan {
    kind: Kind,
    pub(super) rules: Rules,
}

enum Kind {
    Sequence { replies: Vec<Reply>, next: AtomicUsize },
    By(Box<dyn Fn(&RecordedRequest) -> Reply + Send + Sync>),
}

impl Plan {
    /// Each request takes the next reply; the last one repeats. Without any reply all is answered with 500.
    pub fn sequence(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::new(Kind::Sequence { replies: replies.into_iter().collect(), next: AtomicUsize::new(0) })
    }

    /// The reply is a function of the request.
    pub fn by(decide: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::new(Kind::By(Box::new(decide)))
    }

    /// Requires this key, as `x-api-key` or as `Authorization: Bearer`; without it any path is answered with 401.
    #[must_use]
    pub fn require_key(mut self, key: impl Into<String>) -> Self {
        self.rules.key = Some(key.into());
        self
    }

    /// Refuses with 400 what the real API refuses: an unknown version, members that the version does not take,
    /// calls of tools without results and results without calls, empty texts, thinking with another signature
    /// than it was sent with, and the like. A client's history is tested honestly only so.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.rules.strict = true;
        self
    }

    /// Lets so many requests in per window of time, which begins with its first one; the others are answered
    /// with 429 and a `retry-after`, in whole seconds, that ends with the window.
    #[must_use]
    pub fn rate_limit(mut self, requests: u32, window: Duration) -> Self {
        self.rules.rate = Some(RateLimit::new(requests, window));
        self
    }

    /// The newest text of the user chooses: `scenario:NAME key=value …`, so that whoever writes a prompt decides
    /// what the model does. Values with blanks stand in single or double quotes.
    ///
    /// | scenario | its own keys, with defaults | answer |
    /// |---|---|---|
    /// | `text` | n=8 words, or say | a text |
    /// | `thinking` | n=8 words, signatures=1 | thinking, signed in so many deltas, then a text |
    /// | `redacted_thinking` | n=8 words | redacted thinking, then a text |
    /// | `tool` | name=Read, input={} | a call of this tool |
    /// | `tool_write` | path=/tmp/loopback.txt, content=hello | a call of `Write` |
    /// | `tool_bash` | command | a call of `Bash` |
    /// | `two_tools` | command, command2 | two calls of `Bash` in one message |
    /// | `tools` | n=3, name=Read, input={} | n calls of one tool in one message |
    /// | `empty_input` | name=Read | a call with the input `{}` |
    /// | `big_integers` | name=Read | a call whose input has integers beyond 64 bits |
    /// | `escapes` | name=Read | a call whose input has escapes and characters of all sizes |
    /// | `cut_input` | name=Read, input, after=10 bytes | a call whose input `max_tokens` cuts off |
    /// | `web_search` |  | a search by the API itself, cited |
    /// | `citations` |  | texts that cite documents |
    /// | `refusal` | n=3 words | a text that breaks off with a refusal |
    /// | `pause_turn` | pauses=1 | a search that pauses; sent back as it is, it goes on |
    /// | `cache` | read=2000, write=500, write_1h=0 | a text with usage of the cache |
    /// | `max_tokens` | n=8 words | a text that `max_tokens` cuts off |
    /// | `stop_sequence` | n=8 words, sequence=END | a text that a stop sequence ends |
    /// | `unknown` | n=8 words | events, blocks, deltas, members and a stop reason that nobody knows |
    /// | `big` | bytes=1048576 | a text in one delta of this size |
    /// | `tokens` | n=1000, rate=100 | n equal words, so many in a second |
    /// | `slow` | n=20 words, delay=200 ms | a text, word by word |
    /// | `error` | status=500, body=json/html/empty, retry_after=s, retry_after_ms, retry_at=s, message, kind | an error |
    /// | `mid_stream_error` | after=4 events | a text that breaks off with an `error` event |
    /// | `first_error` |  | an `error` event before anything else |
    /// | `stall` | after=4 events | a text that stops and never ends |
    /// | `cut` | after=1000 bytes | a text whose connection breaks |
    /// | `close` |  | a connection that closes without a response |
    ///
    /// Every scenario knows:
    ///
    /// | key | what it does |
    /// |---|---|
    /// | `rounds=N` | a scenario that calls tools does so N times (1) |
    /// | `first=MS` | waits before the head of the response |
    /// | `delay=MS` | waits before each event |
    /// | `rate=N` | N deltas in a second |
    /// | `split=BYTES` | sends the body in pieces of this size |
    /// | `delta_bytes=N` | deltas of this size instead of words |
    /// | `line_end=crlf/cr/lf` | how lines end |
    /// | `events=unnamed/unnamed_errors` | leaves out `event:` lines |
    /// | `usage=none` | leaves out all usage |
    /// | `stop=REASON` | the stop reason |
    /// | `stall=PLACE` | sends nothing more from there on |
    /// | `pings=MS` | goes on with pings while it stalls |
    /// | `cut=PLACE` | breaks the connection there |
    /// | `end=PLACE` | ends the body there as if it were whole |
    /// | `fail=PLACE` | sends an `error` event there, and ends |
    /// | `error_type=TYPE` | the type of that error (`overloaded_error`) |
    ///
    /// A PLACE is `before` (the head), `head`, `start` (the first event), `last` (delta), N events, or Nb bytes.
    ///
    /// Once the results of its tools are there, the answer is `Done after N tool round(s); …`. Any other prompt
    /// gets a text that names all of this.
    #[must_use]
    pub fn scenarios() -> Self {
        Self::by(scenario::reply)
    }

    fn new(kind: Kind) -> Self {
        Self { kind, rules: Rules::default() }
    }

    pub(super) fn reply(&self, request: &RecordedRequest) -> Reply {
        match &self.kind {
            Kind::By(decide) => decide(request),
            Kind::Sequence { replies, next } => {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let reply = replies.get(number).or(replies.last());
                reply.cloned().unwrap_or_else(|| Reply::status(500).message("The plan has no reply."))
            }
        }
    }
}

impl From<Reply> for Plan {
    fn from(reply: Reply) -> Self {
        Self::sequence([reply])
    }
}

impl<const N: usize> From<[Reply; N]> for Plan {
    fn from(replies: [Reply; N]) -> Self {
        Self::sequence(replies)
    }
}

impl From<Vec<Reply>> for Plan {
    fn from(replies: Vec<Reply>) -> Self {
        Self::sequence(replies)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Sequence { replies, .. } => f.debug_tuple("Sequence").field(replies).finish(),
            Kind::By(_) => f.write_str("By"),
        }
    }
}
