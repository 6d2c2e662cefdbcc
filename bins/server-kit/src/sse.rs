//! A run's events as an HTTP answer: `text/event-stream`.
//!
//! The format is the one of the HTML standard, section 9.2 "Server-sent events". Each event has its number as `id:`;
//! comments stand between events while nothing happens, so that proxies keep the connection.

mod frame;

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http_body::{Body, Frame};
use tokio::time::{Duration, Instant, Sleep};

pub use frame::{SentEvent, SentEvents};

use crate::problem::Problem;
use crate::runs::{ReadError, Reader, Seq};

/// The longest silence; then a comment is sent.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// Where a client says which event it got last.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Tells nginx to pass everything on at once.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Which event a client got last: the header `Last-Event-ID`, else the parameter `after`, else none.
///
/// # Errors
/// 400 for anything that is no number.
pub fn last_event(headers: &HeaderMap, after: Option<&str>) -> Result<Seq, Problem> {
    let (field, text) = match headers.get(LAST_EVENT_ID) {
        Some(value) => ("last-event-id", value.to_str().unwrap_or("?")),
        None => ("after", after.unwrap_or("0")),
    };
    let number = text.trim().parse().map_err(|_| Problem::invalid(field, "is not an event's number"))?;
    Ok(Seq::new(number))
}

type Leave = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An answer that streams what it is given, which is encoded already, until that ends.
///
/// When the source fails, or [`Sse::until`] says so, the connection is cut in mid-answer: a client sees that this was
/// not the end, and may come back behind the last event it got.
pub struct Sse<S = Reader> {
    source: S,
    first: Option<Bytes>,
    until: Option<Leave>,
    heartbeat: Pin<Box<Sleep>>,
    active_at: Instant,
}

impl<S> Sse<S>
where
    S: Stream<Item = Result<Bytes, ReadError>> + Send + Unpin + 'static,
{
    /// Streams from this source.
    #[must_use]
    pub fn new(source: S) -> Self {
        let active_at = Instant::now();
        let heartbeat = Box::pin(tokio::time::sleep_until(active_at + HEARTBEAT));
        Self { source, first: None, until: None, heartbeat, active_at }
    }

    /// Says something in a comment first; one line.
    #[must_use]
    pub fn comment(mut self, text: &str) -> Self {
        self.first = Some(format!(": {text}\n\n").into());
        self
    }

    /// Cuts the stream when this is done: when the reader's token counts no more. What it holds is dropped with the
    /// stream, so a permit may live in it.
    #[must_use]
    pub fn until(mut self, leave: impl Future<Output = ()> + Send + 'static) -> Self {
        self.until = Some(Box::pin(leave));
        self
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        while self.heartbeat.as_mut().poll(cx).is_ready() {
            // Looked at only when it rings: a busy stream doesn't set it anew with each event.
            let due = self.active_at + HEARTBEAT;
            let now = Instant::now();
            if due <= now {
                self.active_at = now;
                self.heartbeat.as_mut().reset(now + HEARTBEAT);
                return Poll::Ready(Bytes::from_static(b": still here\n\n"));
            }
            self.heartbeat.as_mut().reset(due);
        }
        Poll::Pending
    }
}

/// Why a stream was cut: in the log, the client only sees the connection end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cut {
    /// Its source failed.
    #[error(transparent)]
    Source(#[from] ReadError),
    /// The reader may not read any more.
    #[error("the reader's token counts no more")]
    Left,
}

impl<S> Body for Sse<S>
where
    S: Stream<Item = Result<Bytes, ReadError>> + Send + Unpin + 'static,
{
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if let Some(until) = &mut this.until
            && until.as_mut().poll(cx).is_ready()
        {
            this.until = None;
            return Poll::Ready(Some(Err(Cut::Left)));
        }
        if let Poll::Ready(next) = Pin::new(&mut this.source).poll_next(cx) {
            this.active_at = Instant::now();
            return Poll::Ready(next.map(|bytes| bytes.map(Frame::data).map_err(Cut::from)));
        }
        this.poll_silence(cx).map(|comment| Some(Ok(Frame::data(comment))))
    }
}

impl<S> IntoResponse for Sse<S>
where
    S: Stream<Item = Result<Bytes, ReadError>> + Send + Unpin + 'static,
{
    fn into_response(self) -> Response {
        let mut response = Response::new(axum::body::Body::new(self));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, EVENT_STREAM);
        headers.insert(CACHE_CONTROL, NO_STORE);
        headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        response
    }
}
