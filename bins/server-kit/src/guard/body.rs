//! Bodies of requests: not larger than the limit, not slower than patience.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::problem::Problem;
use crate::server::Limits;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Reads a body to its end.
///
/// # Errors
/// 413 `too_large`, 408 `timeout`, or 400 `invalid_request` for one that is cut off or badly framed.
pub async fn read(body: Body) -> Result<Bytes, Problem> {
    let error = match body.collect().await {
        Ok(collected) => return Ok(collected.to_bytes()),
        Err(error) => error.into_inner(),
    };
    if error.is::<LengthLimitError>() {
        return Err(too_large());
    }
    match error.downcast::<Problem>() {
        Ok(problem) => Err(*problem),
        Err(error) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_request", "the body is cut off or malformed")
                .because(std::io::Error::other(error)))
        }
    }
}

pub(crate) fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than this server takes")
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body came too slowly")
}

/// A body that is read within limits: beyond `body_bytes` it fails as `http_body_util` says it, which every
/// extractor knows; later than `body_wait` and the time its bytes earned, as a [`Problem`].
pub(crate) struct Guarded {
    inner: Limited<Incoming>,
    patience: Duration,
    rate: u64,
    late: Option<Late>,
}

/// Set when the body keeps its reader waiting for the first time.
struct Late {
    at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Guarded {
    pub(crate) fn new(body: Incoming, limits: &Limits) -> Self {
        let inner = Limited::new(body, limits.body_bytes);
        Self { inner, patience: limits.body_wait, rate: limits.body_rate.max(1), late: None }
    }

    /// Each byte earns time, so that a large body on a slow line is fine and a byte now and then is not.
    fn earn(&mut self, bytes: usize) {
        let earned = Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / self.rate);
        match &mut self.late {
            None => self.patience += earned,
            Some(late) => late.at += earned,
        }
    }

    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience;
        let late = self.late.get_or_insert_with(|| {
            let at = Instant::now() + patience;
            Late { at, sleep: Box::pin(sleep_until(at)) }
        });
        loop {
            ready!(late.sleep.as_mut().poll(context));
            if late.sleep.deadline() >= late.at {
                return Poll::Ready(());
            }
            late.sleep.as_mut().reset(late.at);
        }
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
            return self.poll_late(context).map(|()| Some(Err(too_slow().into())));
        };
        if let Some(Ok(frame)) = &frame {
            self.earn(frame.data_ref().map_or(0, Bytes::len));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
