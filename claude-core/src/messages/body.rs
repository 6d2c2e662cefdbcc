//! The body of an answer on its way, watched by the clock.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use tokio::time::{Instant, Sleep, sleep_until};

use super::limits::Limits;
use super::outcome::Cut;

/// The rest of an answer. Dropping it closes the connection, or resets its HTTP/2 stream.
#[derive(Debug)]
pub(super) struct Body {
    inner: reqwest::Body,
    watch: Watch,
}

impl Body {
    /// The body of a response whose call must be over at `deadline`.
    pub(super) fn new(response: reqwest::Response, limits: &Limits, deadline: Instant) -> Self {
        Self { inner: response.into(), watch: Watch::new(limits, deadline) }
    }

    /// The next bytes as they came from the connection; `None` at the end.
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
                return self.watch.poll_late(cx).map(|cut| Some(Err(cut)));
            };
            match frame {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(Cut::Connection(cause(&error))))),
                Some(Ok(frame)) => {
                    if let Some(cut) = self.watch.on_bytes() {
                        return Poll::Ready(Some(Err(cut)));
                    }
                    // Trailers say nothing here.
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
            }
        }
    }

    /// Content came, not just a sign of life.
    pub(super) fn on_content(&mut self) {
        self.watch.on_content();
    }

    /// All of it.
    ///
    /// # Errors
    /// It broke off, or is longer than `max` bytes.
    pub(super) async fn whole(mut self, max: usize) -> Result<Bytes, NotWhole> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = poll_fn(|cx| self.poll_chunk(cx)).await {
            let chunk = chunk.map_err(NotWhole::Cut)?;
            if whole.len() + chunk.len() > max {
                return Err(NotWhole::TooLong);
            }
            self.on_content();
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// What comes of it in this time and up to this length.
    pub(super) async fn beginning(mut self, max: usize, time: Duration) -> Bytes {
        let mut read = BytesMut::new();
        let reading = async {
            while let Some(Ok(chunk)) = poll_fn(|cx| self.poll_chunk(cx)).await {
                read.extend_from_slice(&chunk[..chunk.len().min(max - read.len())]);
                if read.len() == max {
                    break;
                }
            }
        };
        // Late or not, what came is what there is.
        _ = tokio::time::timeout(time, reading).await;
        read.freeze()
    }
}

/// Why a body could not be read to its end.
#[derive(Debug)]
pub(super) enum NotWhole {
    Cut(Cut),
    TooLong,
}

/// The innermost reason, which is what the system or TLS said.
pub(super) fn cause(error: &dyn std::error::Error) -> Box<str> {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    super::outcome::one_line(&innermost.to_string(), "unknown")
}

/// How long is waited. Only waiting counts: a reader that comes back late finds no limit passed.
#[derive(Debug)]
struct Watch {
    idle: Duration,
    idle_content: Duration,
    total: Duration,
    deadline: Instant,
    /// Since when there is no byte; `None` while nobody waits.
    silent_since: Option<Instant>,
    /// Since when there is no content; `None` while nobody waits.
    empty_since: Option<Instant>,
    /// Fires at the next limit or before; it is set anew only then, not with each chunk.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    fn new(limits: &Limits, deadline: Instant) -> Self {
        Self {
            idle: limits.idle,
            idle_content: limits.idle_content,
            total: limits.total,
            deadline,
            silent_since: None,
            empty_since: None,
            timer: None,
        }
    }

    /// Bytes came. They may come for ever, so the end of the call is looked at here too.
    fn on_bytes(&mut self) -> Option<Cut> {
        self.silent_since = None;
        (Instant::now() >= self.deadline).then_some(Cut::Total(self.total))
    }

    fn on_content(&mut self) {
        self.empty_since = None;
    }

    /// Nothing is there: ready once that lasted too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Cut> {
        loop {
            let now = Instant::now();
            let (limit, cut) = self.next_limit(now);
            if now >= limit {
                return Poll::Ready(cut);
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(limit)));
            if timer.is_elapsed() || timer.deadline() > limit {
                timer.as_mut().reset(limit);
            }
            ready!(timer.as_mut().poll(cx));
        }
    }

    fn next_limit(&mut self, now: Instant) -> (Instant, Cut) {
        let after = super::retry::after;
        let mut next = (self.deadline, Cut::Total(self.total));
        for (since, limit) in
            [(&mut self.silent_since, self.idle), (&mut self.empty_since, self.idle_content)]
        {
            let at = after(*since.get_or_insert(now), limit);
            if at < next.0 {
                next = (at, Cut::Idle(limit));
            }
        }
        next
    }
}
