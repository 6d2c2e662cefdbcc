//! On the steady path a delta costs no allocation: not to decode it, and not to add it to its message.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "allocations/counting.rs"]
mod counting;

use bytes::Bytes;
use claude_core::messages::{Accumulator, Decoder};

use crate::counting::allocations;

const DELTAS: usize = 10_000;

/// Deltas before the count begins: buffers have found their size.
const WARM_UP: usize = 1_000;

fn event(data: &str) -> String {
    format!("event: content_block_delta\ndata: {data}\n\n")
}

/// A body of deltas of one kind, and where each ends.
fn body(kind: &str, member: &str, inside: &str) -> (Bytes, Vec<usize>) {
    let (mut body, mut ends) = (String::new(), Vec::new());
    for _ in 0..WARM_UP + DELTAS {
        body += &event(&format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"{kind}","{member}":"{inside}"}}}}"#
        ));
        ends.push(body.len());
    }
    (Bytes::from(body), ends)
}

fn by_event(body: &Bytes, ends: &[usize]) -> Vec<Bytes> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| body.slice(start..*end)).collect()
}

fn by_length(body: &Bytes, length: usize) -> Vec<Bytes> {
    (0..body.len()).step_by(length).map(|at| body.slice(at..body.len().min(at + length))).collect()
}

/// Allocations for the deltas behind the warm-up, and how many those were.
fn decode(chunks: Vec<Bytes>, mut accumulator: Option<Accumulator>) -> (usize, usize) {
    let (mut decoder, mut count, mut before) = (Decoder::new(), 0, 0);
    for chunk in chunks {
        decoder.feed(chunk);
        while let Some(event) = decoder.next() {
            let event = event.unwrap();
            if let Some(accumulator) = &mut accumulator {
                accumulator.push(&event);
            }
            count += 1;
            if count == WARM_UP {
                before = allocations();
            }
        }
    }
    (allocations() - before, count - WARM_UP)
}

/// An accumulator with an open block.
fn started(block: &str) -> Accumulator {
    let mut decoder = Decoder::new();
    let start = r#"{"type":"message_start","message":{"content":[]}}"#;
    let block = format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#);
    decoder.feed(Bytes::from(event(start) + &event(&block)));
    let mut accumulator = Accumulator::new();
    while let Some(event) = decoder.next() {
        accumulator.push(&event.unwrap());
    }
    accumulator
}

#[test]
fn decoding_a_delta_allocates_nothing() {
    for (kind, member, inside) in [
        ("text_delta", "text", "some words, and more"),
        ("text_delta", "text", r"line\nand \u00e9 \ud83d\ude00"),
        ("thinking_delta", "thinking", "größer, 大きい"),
        ("input_json_delta", "partial_json", r#"{\"path\":\"/a\"}"#),
    ] {
        let (body, ends) = body(kind, member, inside);
        for (how, chunks) in
            [("16 KiB a chunk", by_length(&body, 16 << 10)), ("one event a chunk", by_event(&body, &ends))]
        {
            assert_eq!(decode(chunks, None), (0, DELTAS), "{kind} {inside} {how}");
        }
        // Lines that are cut are put together in a buffer of 16 KiB, which is one allocation, and its count another.
        let (allocations, deltas) = decode(by_length(&body, 50), None);
        assert!(deltas == DELTAS && allocations <= 2 * body.len() / (16 << 10), "{kind}: {allocations}");
    }
}

#[test]
fn adding_deltas_up_allocates_only_to_double_a_buffer() {
    for (block, kind, member) in [
        (r#"{"type":"text","text":""}"#, "text_delta", "text"),
        (r#"{"type":"thinking","thinking":"","signature":""}"#, "thinking_delta", "thinking"),
        (r#"{"type":"tool_use","id":"t","name":"n","input":{}}"#, "input_json_delta", "partial_json"),
    ] {
        let (body, ends) = body(kind, member, "some words, and more");
        let (allocations, deltas) = decode(by_event(&body, &ends), Some(started(block)));
        assert_eq!(deltas, DELTAS);
        // From 20 KB behind the warm-up to 220 KB.
        assert!(allocations <= 4, "{kind}: {allocations}");
    }
}
