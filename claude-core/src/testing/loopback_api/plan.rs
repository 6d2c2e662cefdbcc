//! Which reply a request gets.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::reply::Reply;
use super::request::RecordedRequest;
use super::scenario;

/// How `POST /v1/messages` is answered: a reply, a row of replies, or a function of the request.
pub struct Plan(Kind);

enum Kind {
    Sequence { replies: Vec<Reply>, next: AtomicUsize },
    By(Box<dyn Fn(&RecordedRequest) -> Reply + Send + Sync>),
}

impl Plan {
    /// Each request takes the next reply; the last one repeats. Without any reply all is answered with 500.
    pub fn sequence(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self(Kind::Sequence { replies: replies.into_iter().collect(), next: AtomicUsize::new(0) })
    }

    /// The reply is a function of the request.
    pub fn by(decide: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self(Kind::By(Box::new(decide)))
    }

    /// The newest text of the user chooses: `scenario:NAME key=value …`, so that whoever writes a prompt decides
    /// what the model does. Values with blanks stand in single or double quotes.
    ///
    /// | scenario | keys | answer |
    /// |---|---|---|
    /// | `text` | `n` words (8), or `say` | a text |
    /// | `tool_write` | `path`, `content` | a call of `Write` |
    /// | `tool_bash` | `command` | a call of `Bash` |
    /// | `tool` | `name`, `input` (JSON) | a call of this tool |
    /// | `two_tools` | `command`, `command2` | two calls of `Bash` in one message |
    /// | `thinking` | `n` words of text (8) | thinking, then a text |
    /// | `slow` | `n` words (20), `delay` in ms (200), `first` in ms (0) | a text, word by word |
    /// | `error` | `status` (500), `retry_after` in s, `message` | an error |
    /// | `mid_stream_error` | `after` events (4) | a text that breaks off with an error event |
    /// | `stall` | `after` events (4) | a text that stops and never ends |
    /// | `cut` | `after` bytes (1000) | a text whose connection breaks |
    ///
    /// Once the results of a tool are there, the answer is `Done after N tool round(s); …`. Any other prompt gets
    /// a text that names the scenarios.
    #[must_use]
    pub fn scenarios() -> Self {
        Self::by(scenario::reply)
    }

    pub(super) fn reply(&self, request: &RecordedRequest) -> Reply {
        match &self.0 {
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
        match &self.0 {
            Kind::Sequence { replies, .. } => f.debug_tuple("Sequence").field(replies).finish(),
            Kind::By(_) => f.write_str("By"),
        }
    }
}
