//! What is published for event streams, with the same typed JSON behind it as the limit's.

use std::convert::Infallible;

use anyhow::Context;
use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt, stream};
use sse_stream::SseStream;

use crate::wire::Tally;

fn source(chunks: &[Bytes]) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    stream::iter(chunks.iter().cloned().map(Ok))
}

pub(super) fn sse_stream(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let mut found = Tally::default();
    let mut events = SseStream::from_bytes_stream(source(chunks));
    while let Some(event) = events.next().now_or_never().context("it waits")? {
        found.event(event?.data.as_deref().context("an event without data")?)?;
    }
    Ok(found)
}

pub(super) fn eventsource_stream(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let mut found = Tally::default();
    let mut events = source(chunks).eventsource();
    while let Some(event) = events.next().now_or_never().context("it waits")? {
        found.event(&event?.data)?;
    }
    Ok(found)
}
