//! A relay as one makes it of our crates: the agent loop without tools, its turn events as an event stream. What is
//! ready goes on in one chunk.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use claude_core::agent::AgentLoop;
use claude_core::messages::Client;
use claude_core::{Backend, Turn, TurnEvent, TurnRequest};
use futures_core::Stream;
use hyper::body::{Body, Frame};

use super::serve::serve as serve_turns;

/// No chunk takes more events once it has so many bytes.
const CHUNK: usize = 16 * 1024;

/// Serves until somebody ends this process.
pub(crate) fn serve() -> anyhow::Result<()> {
    let agent = AgentLoop::new(Client::builder().build());
    serve_turns(move || {
        let turn = agent.start(TurnRequest::new("claude-sonnet-5-5", "Say hello."));
        async { Ok(Events { turn, out: BytesMut::new() }) }
    })
}

/// A turn as the body of an answer.
struct Events {
    turn: Turn,
    out: BytesMut,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { turn, out } = &mut *self;
        while out.len() < CHUNK {
            match Pin::new(&mut *turn).poll_next(cx) {
                Poll::Ready(Some(event)) => encode(&event, out),
                Poll::Ready(None) if out.is_empty() => return Poll::Ready(None),
                Poll::Pending if out.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Ready(Some(Ok(Frame::data(out.split().freeze()))))
    }
}

fn encode(event: &TurnEvent, out: &mut BytesMut) {
    out.extend_from_slice(b"data: ");
    // Writing to memory can't fail, nor can an event be no JSON.
    let _ = serde_json::to_writer(out.writer(), event);
    out.extend_from_slice(b"\n\n");
}
