//! The recorded streams: whole, byte by byte, and however they are cut.

use claude_core::messages::{Event, Message};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{add_up, chunks, decode};

struct Fixture {
    name: String,
    stream: Vec<u8>,
    expected: Value,
}

fn fixtures() -> Vec<Fixture> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/messages-api");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let fixtures: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "sse"))
        .map(|path| Fixture {
            name: path.display().to_string(),
            stream: std::fs::read(&path).unwrap(),
            expected: serde_json::from_slice(&std::fs::read(path.with_extension("expected.json")).unwrap())
                .unwrap(),
        })
        .collect();
    assert_eq!(fixtures.len(), 12);
    fixtures
}

fn check(fixture: &Fixture, lengths: &[usize]) {
    let Fixture { name, stream, expected } = fixture;
    let (events, malformed) = decode(chunks(stream, lengths));
    assert_eq!(malformed, None, "{name}");
    assert_eq!(events.len() as u64, expected["events"], "{name}");
    let error = events.iter().find_map(|event| match event {
        Event::Error(error) => Some(serde_json::to_value(error).unwrap()),
        _ => None,
    });
    assert_eq!(error.unwrap_or_default(), expected["error"], "{name}");
    let (partial, is_complete) = add_up(&events);
    assert_eq!(is_complete, expected["complete"], "{name}");
    assert_eq!(partial.is_usage_final, is_complete, "{name}");
    let message = partial.message.unwrap();
    assert_eq!(serde_json::to_value(&message).unwrap(), expected["message"], "{name}");
    let whole: Message = serde_json::from_value(expected["message"].clone()).unwrap();
    assert_eq!(serde_json::to_value(whole).unwrap(), expected["message"], "{name}");
}

#[test]
fn every_fixture_adds_up_to_its_message() {
    for fixture in fixtures() {
        check(&fixture, &[usize::MAX]);
    }
}

#[test]
fn byte_by_byte_gives_the_same() {
    for fixture in fixtures() {
        check(&fixture, &[1]);
    }
}

#[test]
fn other_line_ends_give_the_same() {
    for fixture in fixtures() {
        let text = String::from_utf8(fixture.stream).unwrap();
        for end in ["\r\n", "\r"] {
            let stream = format!("\u{feff}{}", text.replace('\n', end)).into_bytes();
            let fixture = Fixture { stream, name: fixture.name.clone(), expected: fixture.expected.clone() };
            check(&fixture, &[usize::MAX]);
            check(&fixture, &[1]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_split_gives_the_same(lengths in prop::collection::vec(1_usize..200, 1..50)) {
        for fixture in fixtures() {
            check(&fixture, &lengths);
        }
    }
}
