//! How the tests feed streams.

use bytes::Bytes;
use claude_core::messages::{Accumulator, Decoder, Event, Malformed, Partial};

/// The chunks of `stream` when it is cut after each of `lengths`, over and over.
pub(crate) fn chunks(stream: &[u8], lengths: &[usize]) -> Vec<Bytes> {
    let (mut rest, mut lengths, mut chunks) = (stream, lengths.iter().cycle(), Vec::new());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
        chunks.push(Bytes::copy_from_slice(chunk));
        rest = after;
    }
    chunks
}

/// Every event, and what ended them before their time.
pub(crate) fn decode(chunks: Vec<Bytes>) -> (Vec<Event>, Option<Malformed>) {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    for chunk in chunks {
        decoder.feed(chunk);
        while let Some(next) = decoder.next() {
            match next {
                Ok(event) => events.push(event),
                Err(malformed) => {
                    assert!(decoder.next().is_none(), "nothing comes behind an error");
                    return (events, Some(malformed));
                }
            }
        }
    }
    (events, None)
}

/// The events of a whole stream without an error.
pub(crate) fn events(stream: impl AsRef<[u8]>) -> Vec<Event> {
    let (events, malformed) = decode(vec![Bytes::copy_from_slice(stream.as_ref())]);
    assert_eq!(malformed, None);
    events
}

/// A stream of events, each given as its JSON.
pub(crate) fn stream(events: &[&str]) -> String {
    events.iter().map(|data| format!("data: {data}\n\n")).collect()
}

/// What events add up to, and whether they are complete.
pub(crate) fn add_up(events: &[Event]) -> (Partial, bool) {
    let mut accumulator = Accumulator::new();
    events.iter().for_each(|event| accumulator.push(event));
    let is_complete = accumulator.is_complete();
    (accumulator.into_partial(), is_complete)
}
