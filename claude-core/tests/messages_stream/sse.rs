//! Server-sent events as the standard has them.

use std::time::Duration;

use bytes::Bytes;
use claude_core::sse::{Decoder, End, Event, EventTooLong};
use proptest::prelude::*;

use crate::support::chunks;

/// Everything there is to see of a stream.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Name, data, and the id as of then.
    events: Vec<(String, String, String)>,
    error: Option<EventTooLong>,
    retry: Option<Duration>,
    end: End,
}

fn see(mut decoder: Decoder, chunks: Vec<Bytes>) -> Seen {
    let (mut events, mut error) = (Vec::new(), None);
    for chunk in chunks {
        decoder.feed(chunk);
        while let Some(next) = decoder.next() {
            match next {
                Ok(Event { name, data, .. }) => {
                    events.push((name.to_string(), data.to_string(), decoder.last_event_id().to_owned()));
                }
                Err(it) => {
                    assert_eq!(error, None, "an error comes once");
                    error = Some(it);
                }
            }
        }
    }
    Seen { events, error, retry: decoder.retry(), end: decoder.finish() }
}

fn read(stream: impl AsRef<[u8]>) -> Seen {
    see(Decoder::default(), chunks(stream.as_ref(), &[usize::MAX]))
}

fn data(stream: impl AsRef<[u8]>) -> Vec<String> {
    read(stream).events.into_iter().map(|(_, data, _)| data).collect()
}

#[test]
fn lines_end_with_lf_crlf_or_cr() {
    for stream in [
        "data: a\ndata: b\n\ndata: c\n\n",
        "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n",
        "data: a\rdata: b\r\rdata: c\r\r",
    ] {
        assert_eq!(data(stream), ["a\nb", "c"], "{stream:?}");
    }
    assert_eq!(data("data: a\r\n\rdata: b\n\r\n"), ["a", "b"]);
}

#[test]
fn a_cr_at_the_end_of_a_chunk_ends_the_line_at_once() {
    let mut decoder = Decoder::default();
    decoder.feed(Bytes::from_static(b"data: a\r\n\r"));
    assert_eq!(decoder.next().unwrap().unwrap().data, "a");
    decoder.feed(Bytes::from_static(b"\ndata: b\r\r"));
    assert_eq!(decoder.next().unwrap().unwrap().data, "b");
    assert_eq!(decoder.finish(), End::Whole);
}

#[test]
fn the_examples_of_the_standard_are_read_as_it_says() {
    assert_eq!(data("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
    let seen =
        read(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n");
    let expected = [("first event", "1"), ("second event", ""), (" third event", "")];
    let expected = expected.map(|(data, id)| ("message".to_owned(), data.to_owned(), id.to_owned()));
    assert_eq!(seen.events, expected);
    let seen = read("data\n\ndata\ndata\n\ndata:");
    assert_eq!(seen.events.iter().map(|(_, data, _)| &**data).collect::<Vec<_>>(), ["", "\n"]);
    assert_eq!(seen.end, End::Cut);
    assert_eq!(data("data:test\n\ndata: test\n\n"), ["test", "test"]);
}

#[test]
fn an_event_has_the_last_name_it_is_given() {
    let seen = read("event: a\nevent: b\ndata: 1\n\nevent: c\n\ndata: 2\n\nevent:\ndata: 3\n\n");
    let names: Vec<_> = seen.events.iter().map(|(name, ..)| &**name).collect();
    assert_eq!(names, ["b", "message", "message"]);
}

#[test]
fn an_id_stays_until_the_next_one_and_none_has_a_nul() {
    let seen = read("id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid: 2\n\ndata: d\n\nid: 3\n");
    let ids: Vec<_> = seen.events.iter().map(|(.., id)| &**id).collect();
    assert_eq!(ids, ["1", "1", "1", "2"]);
}

#[test]
fn retry_is_digits_only() {
    assert_eq!(read("retry: 1500\n\n").retry, Some(Duration::from_millis(1500)));
    assert_eq!(
        read("retry: 7\nretry: 1s\nretry: -1\nretry:\nretry: +3\n\n").retry,
        Some(Duration::from_millis(7))
    );
}

#[test]
fn comments_and_unknown_fields_are_passed_over() {
    assert_eq!(data(":\n: data: no\nfoo: bar\nfoo\ndatas: x\n data: y\ndata: yes\n\n"), ["yes"]);
}

#[test]
fn a_byte_order_mark_counts_only_at_the_start() {
    assert_eq!(data("\u{feff}data: a\n\n\u{feff}data: b\n\ndata: \u{feff}c\n\n"), ["a", "\u{feff}c"]);
    assert_eq!(data("\u{feff}\u{feff}data: a\n\n"), Vec::<String>::new());
}

#[test]
fn an_event_without_its_blank_line_is_discarded() {
    for (stream, end) in [("data: a\n\n", End::Whole), ("", End::Whole), (": ping\n", End::Whole)] {
        assert_eq!(read(stream).end, end, "{stream:?}");
    }
    for stream in ["data: a\n\ndata: b\n", "data: a\n\ndata: b", "event: x\n", "dat"] {
        assert_eq!(read(stream).end, End::Cut, "{stream:?}");
        assert!(read(stream).events.len() < 2);
    }
}

#[test]
fn invalid_utf8_becomes_replacement_characters() {
    assert_eq!(data(b"data: a\xffb\xe2\x82\n\ndata: \xe2\x82\xac\n\n"), ["a\u{fffd}b\u{fffd}", "€"]);
}

#[test]
fn data_inside_of_a_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from(b"event: x\ndata: hello\n\ndata: ".to_vec());
    let place = chunk[15..].as_ptr();
    let mut decoder = Decoder::default();
    decoder.feed(chunk);
    let event = decoder.next().unwrap().unwrap();
    assert_eq!((&*event.name, &*event.data, event.data.as_ptr()), ("x", "hello", place));
    assert!(decoder.next().is_none());
    decoder.feed(Bytes::from_static(b"more\n\n"));
    assert_eq!(decoder.next().unwrap().unwrap().data, "more");
}

#[test]
fn the_longest_event_passes_and_one_byte_more_fails_once() {
    let read = |stream: &str, length| see(Decoder::new(16), chunks(stream.as_bytes(), &[length]));
    for length in [1, 3, usize::MAX] {
        assert_eq!(read("data: 0123456789\n\ndata: b\n\n", length).events.len(), 2);
        let seen = read("data: a\n\ndata: 0123456789a\n\ndata: b\n\n", length);
        assert_eq!((seen.events.len(), seen.error), (1, Some(EventTooLong { max: 16 })));
        let seen = read("data: 012345678\ndata: 012345678\n\n", length);
        assert_eq!((seen.events.len(), seen.error), (0, Some(EventTooLong { max: 16 })));
        assert_eq!(read(":0123456789012345\n\n", length).error, Some(EventTooLong { max: 16 }));
    }
    assert_eq!(read("data: 0123456789a", 4).error, Some(EventTooLong { max: 16 }), "without its end, too");
    assert_eq!(read(&": 0123456789\n".repeat(100), 7).error, None, "comments don't add up");
}

/// Streams that are full of what matters.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just(&b"\n"[..]), 2 => Just(&b"\r"[..]), 2 => Just(&b"\r\n"[..]), 4 => Just(&b"data: "[..]),
        2 => Just(&b"data:"[..]), 1 => Just(&b"data"[..]), 2 => Just(&b"event: "[..]), 1 => Just(&b"id: "[..]),
        1 => Just(&b"retry: 12"[..]), 1 => Just(&b":"[..]), 1 => Just(&b"\xef\xbb\xbf"[..]),
        2 => Just("é€😀".as_bytes()), 1 => Just(&b"\xe2\x82"[..]), 1 => Just(&b"\0"[..]), 2 => Just(&b"text"[..]),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

/// The standard's own rules, written for a whole stream and without a thought of speed.
fn by_the_book(stream: &[u8]) -> Vec<(String, String, String)> {
    let text = String::from_utf8_lossy(stream).into_owned();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut name, mut data) = (Vec::new(), "", None::<String>);
    let mut next_id = "";
    let Some((lines, _cut)) = text.rsplit_once('\n') else { return events };
    for line in lines.split('\n') {
        if line.is_empty() {
            if let Some(data) = data.take() {
                let name = if name.is_empty() { "message" } else { name };
                events.push((name.to_owned(), data, next_id.to_owned()));
            }
            name = "";
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value,
            "data" => data = Some(data.map_or_else(|| value.to_owned(), |data| format!("{data}\n{value}"))),
            "id" if !value.contains('\0') => next_id = value,
            _ => {}
        }
    }
    events
}

proptest! {
    #[test]
    fn any_stream_is_read_by_the_book(stream in streams()) {
        prop_assert_eq!(read(&stream).events, by_the_book(&stream));
    }

    #[test]
    fn every_split_gives_the_same_events(
        stream in streams(),
        lengths in prop::collection::vec(1_usize..9, 1..30),
        max in prop_oneof![Just(1 << 20), 30_usize..90],
    ) {
        let whole = see(Decoder::new(max), chunks(&stream, &[usize::MAX]));
        prop_assert_eq!(&see(Decoder::new(max), chunks(&stream, &lengths)), &whole);
        prop_assert_eq!(&see(Decoder::new(max), chunks(&stream, &[1])), &whole);
    }

    #[test]
    fn chunks_may_be_fed_ahead(stream in streams(), lengths in prop::collection::vec(1_usize..9, 1..30)) {
        let mut decoder = Decoder::default();
        chunks(&stream, &lengths).into_iter().for_each(|chunk| decoder.feed(chunk));
        let count = std::iter::from_fn(|| decoder.next()).count();
        prop_assert_eq!(count, read(&stream).events.len());
    }
}
