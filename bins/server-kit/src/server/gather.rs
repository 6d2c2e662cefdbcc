//! Small frames of an answer that are ready together, written together: each chunk and each write has its price.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

/// Frames smaller than this are gathered; copying larger ones costs more than it saves.
const SMALL: usize = 8 << 10;
/// Bytes gathered at most.
const FULL: usize = 64 << 10;

/// A frame, the end, or a failure.
type Next = Option<Result<Frame<Bytes>, axum::Error>>;

/// An answer's body. A frame that is alone is passed on as it is, and at once.
pub(super) struct Gather {
    body: Body,
    /// What was found behind gathered frames and is no part of them.
    behind: Option<Next>,
}

impl Gather {
    pub(super) const fn new(body: Body) -> Self {
        Self { body, behind: None }
    }

    pub(super) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        if let Some(behind) = self.behind.take() {
            return Poll::Ready(behind);
        }
        let Poll::Ready(first) = self.poll_inner(context) else { return Poll::Pending };
        match small(first) {
            Ok(first) => Poll::Ready(Some(Ok(Frame::data(self.gather(first, context))))),
            Err(other) => Poll::Ready(other),
        }
    }

    /// Adds what is ready to a small piece.
    fn gather(&mut self, first: Bytes, context: &mut Context<'_>) -> Bytes {
        let mut pieces = Pieces::One(first);
        while pieces.len() < FULL {
            let Poll::Ready(next) = self.poll_inner(context) else { break };
            match small(next) {
                Ok(next) => pieces = pieces.with(&next),
                Err(other) => {
                    self.behind = Some(other);
                    break;
                }
            }
        }
        pieces.whole()
    }

    fn poll_inner(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        http_body::Body::poll_frame(Pin::new(&mut self.body), context)
    }

    pub(super) fn is_end_stream(&self) -> bool {
        match &self.behind {
            None => http_body::Body::is_end_stream(&self.body),
            Some(behind) => behind.is_none(),
        }
    }

    /// Only asked before the first frame, when nothing is behind another.
    pub(super) fn size_hint(&self) -> SizeHint {
        if self.behind.is_some() { SizeHint::default() } else { http_body::Body::size_hint(&self.body) }
    }
}

/// A small piece of data, or what else there was.
fn small(frame: Next) -> Result<Bytes, Next> {
    match frame {
        Some(Ok(frame)) if frame.data_ref().is_some_and(|data| data.len() < SMALL) => {
            frame.into_data().map_err(|frame| Some(Ok(frame)))
        }
        other => Err(other),
    }
}

/// Data that becomes one piece; copied only if there is more than one.
enum Pieces {
    One(Bytes),
    Many(BytesMut),
}

impl Pieces {
    fn len(&self) -> usize {
        match self {
            Self::One(piece) => piece.len(),
            Self::Many(pieces) => pieces.len(),
        }
    }

    fn with(self, next: &Bytes) -> Self {
        let mut pieces = match self {
            Self::Many(pieces) => pieces,
            Self::One(first) => {
                let mut pieces = BytesMut::with_capacity(FULL + SMALL);
                pieces.extend_from_slice(&first);
                pieces
            }
        };
        pieces.extend_from_slice(next);
        Self::Many(pieces)
    }

    fn whole(self) -> Bytes {
        match self {
            Self::One(piece) => piece,
            Self::Many(pieces) => pieces.freeze(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::task::Waker;

    use super::*;

    /// Frames as they are ready: `None` is a pause.
    struct Script(VecDeque<Option<Frame<Bytes>>>);

    impl http_body::Body for Script {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.0.pop_front() {
                None => Poll::Ready(None),
                Some(None) => Poll::Pending,
                Some(Some(frame)) => Poll::Ready(Some(Ok(frame))),
            }
        }
    }

    fn data(length: usize) -> Option<Frame<Bytes>> {
        Some(Frame::data(Bytes::from(vec![b'x'; length])))
    }

    /// The lengths of what comes out; 0 where nothing was ready.
    fn lengths(script: impl IntoIterator<Item = Option<Frame<Bytes>>>) -> Vec<usize> {
        let mut gather = Gather::new(Body::new(Script(script.into_iter().collect())));
        let mut context = Context::from_waker(Waker::noop());
        std::iter::from_fn(|| match gather.poll_frame(&mut context) {
            Poll::Pending => Some(0),
            Poll::Ready(None) => None,
            Poll::Ready(Some(frame)) => {
                Some(frame.unwrap().into_data().map_or(usize::MAX, |data| data.len()))
            }
        })
        .collect()
    }

    #[test]
    fn what_is_ready_goes_out_and_nothing_waits_for_more() {
        assert_eq!(lengths([data(10), None, data(20)]), [10, 20]);
        assert_eq!(lengths([None, data(10), None, None, data(20)]), [0, 10, 0, 20]);
        assert_eq!(lengths([data(10), data(20), None, data(30), data(40)]), [30, 70]);
    }

    #[test]
    fn large_frames_pass_as_they_are_and_in_order() {
        assert_eq!(lengths([data(10), data(20), data(SMALL), data(30)]), [30, SMALL, 30]);
        assert_eq!(lengths([data(100_000), data(100_000)]), [100_000, 100_000]);
        let trailers = Some(Frame::trailers(http::HeaderMap::new()));
        assert_eq!(lengths([data(10), trailers]), [10, usize::MAX]);
    }

    #[test]
    fn a_piece_has_its_limit() {
        let out = lengths((0..1000).map(|_| data(1000)));
        assert_eq!(out.iter().sum::<usize>(), 1_000_000);
        assert!(out.iter().all(|length| *length < FULL + SMALL));
    }
}
