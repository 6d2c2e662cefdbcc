//! The limit of a relay that speaks another language than its upstream: each event is decoded by memchr and
//! serde_json into borrowed structs and encoded anew; all events of a chunk go on in one.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming};

use super::serve::{ask, serve as serve_turns, upstream};
use crate::codec::limit::{Event, Pieces, data};

/// Serves until somebody ends this process.
pub(crate) fn serve() -> anyhow::Result<()> {
    let upstream = upstream()?;
    serve_turns(move || {
        let body = ask(upstream.clone());
        async { Ok(ReEncoded { upstream: body.await?, pieces: Pieces::events(), out: BytesMut::new() }) }
    })
}

/// A body whose events are encoded anew.
struct ReEncoded {
    upstream: Incoming,
    pieces: Pieces,
    out: BytesMut,
}

impl Body for ReEncoded {
    type Data = Bytes;
    type Error = anyhow::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<anyhow::Result<Frame<Bytes>>>> {
        loop {
            let frame = match Pin::new(&mut self.upstream).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(frame)) => frame?,
            };
            let Some(chunk) = frame.data_ref() else { continue };
            let Self { pieces, out, .. } = &mut *self;
            pieces.push(chunk, |event| encode(data(event)?, out))?;
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.split().freeze()))));
            }
        }
    }
}

fn encode(data: &str, out: &mut BytesMut) -> anyhow::Result<()> {
    let event: Event<'_> = serde_json::from_str(data)?;
    match event.delta.and_then(|delta| delta.text) {
        Some(text) => {
            out.extend_from_slice(b"event: text_delta\ndata: {\"type\":\"text_delta\",\"text\":");
            serde_json::to_writer(out.writer(), &text.0)?;
            out.extend_from_slice(b"}\n\n");
        }
        None if event.kind == "message_stop" => {
            out.extend_from_slice(b"event: completed\ndata: {\"type\":\"completed\"}\n\n");
        }
        None => write!(out.writer(), "event: other\ndata: {{\"type\":\"{}\"}}\n\n", event.kind)?,
    }
    Ok(())
}
