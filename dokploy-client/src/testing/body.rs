//! An answer's body on its way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::answer::Framing;

/// How a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Delivery {
    #[default]
    Whole,
    /// Its second half after a wait.
    Slow(Duration),
    /// Without its second half.
    Cut,
}

/// A body in two halves, so that no answer comes at once by chance. One whose length is told is whole unless that goes wrong.
#[derive(Debug)]
pub(super) struct Pieces {
    first: Bytes,
    second: Bytes,
    between: Between,
    has_length: bool,
}

/// What is still to happen before the second half.
#[derive(Debug)]
enum Between {
    Nothing,
    Wait(Pin<Box<Sleep>>),
    /// What came before is written out first.
    Flush,
    Cut,
}

impl Pieces {
    pub(super) fn new(body: Bytes, framing: Framing, delivery: Delivery) -> Self {
        let has_length = framing == Framing::Length;
        let is_halved = !has_length || delivery != Delivery::Whole;
        let mut second = body;
        let first = second.split_to(if is_halved { second.len().div_ceil(2) } else { second.len() });
        let between = match delivery {
            Delivery::Whole => Between::Nothing,
            Delivery::Slow(wait) => Between::Wait(Box::pin(sleep(wait))),
            Delivery::Cut => Between::Flush,
        };
        Self { first, second, between, has_length }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        match &mut self.between {
            Between::Nothing => {}
            Between::Wait(wait) => {
                std::task::ready!(wait.as_mut().poll(context));
                self.between = Between::Nothing;
            }
            Between::Flush => {
                self.between = Between::Cut;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Between::Cut => return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into()))),
        }
        let second = std::mem::take(&mut self.second);
        Poll::Ready((!second.is_empty()).then(|| Ok(Frame::data(second))))
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.first.len() + self.second.len();
        if self.has_length { SizeHint::with_exact(left as u64) } else { SizeHint::default() }
    }
}
