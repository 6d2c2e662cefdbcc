//! The scanner of the usual shape and the parser of every shape read the same.

use claude_core::messages::{Delta, Event, Malformed};
use proptest::prelude::*;

use crate::support::{chunks, decode};

/// A delta in the usual shape, with this between the quotes.
fn usual(index: &str, kind: (&str, &str), inside: &[u8]) -> Vec<u8> {
    let head = format!(
        r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{}","{}":""#,
        kind.0, kind.1
    );
    [b"data: ", head.as_bytes(), inside, b"\"}}\n\n"].concat()
}

/// The same, but for a space that the scanner does not know.
fn unusual(stream: &[u8]) -> Vec<u8> {
    [b"data: { ", &stream[b"data: {".len()..]].concat()
}

/// What came, without what tells the two apart.
fn read(stream: &[u8]) -> Result<Option<(usize, Delta)>, Malformed> {
    let (events, malformed) = decode(chunks(stream, &[usize::MAX]));
    match (malformed, &events[..]) {
        (Some(malformed), []) => Err(malformed),
        (None, [Event::ContentBlockDelta { index, delta }]) => Ok(Some((*index, delta.clone()))),
        (None, [Event::Unknown { .. }]) => Ok(None),
        other => panic!("{other:?}"),
    }
}

fn kinds() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        Just(("text_delta", "text")),
        Just(("thinking_delta", "thinking")),
        Just(("input_json_delta", "partial_json")),
        Just(("signature_delta", "signature")),
        Just(("text_delta", "thinking")),
        Just(("novel_delta", "text")),
    ]
}

/// Insides of strings, good and bad, without the line ends that would end the event.
fn insides() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        "[ -~é€😀]{0,12}".prop_map(String::into_bytes),
        r#"\\[nrtbf/"\\u]"#.prop_map(String::into_bytes),
        r"\\u[0-9a-fA-F]{4}".prop_map(String::into_bytes),
        r"\\ud[89abcdef][0-9a-f]{2}".prop_map(String::into_bytes),
        r"\\ud83d\\ude0[0-9a-f]".prop_map(String::into_bytes),
        Just(b"\\".to_vec()),
        Just(b"\"}}".to_vec()),
        Just(b"\",\"text\":\"".to_vec()),
        Just(b"\t".to_vec()),
        Just(b"\x01".to_vec()),
        Just(b"\x7f".to_vec()),
        Just(b"\xff\xe2\x82".to_vec()),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn any_string_is_read_as_a_parser_reads_it(kind in kinds(), inside in insides()) {
        let stream = usual("7", kind, &inside);
        prop_assert_eq!(read(&stream), read(&unusual(&stream)));
    }

    #[test]
    fn any_text_comes_back(text in "\\PC{0,40}|[\u{0}-\u{ff}]{0,40}") {
        let inside = serde_json::to_string(&text).unwrap();
        let stream = usual("0", ("text_delta", "text"), &inside.as_bytes()[1..inside.len() - 1]);
        prop_assert_eq!(read(&stream), Ok(Some((0, Delta::Text(text.as_str().into())))));
    }

    #[test]
    fn any_index_is_read_as_a_parser_reads_it(index in r"-?[0-9]{0,22}(\.[0-9])?") {
        let stream = usual(&index, ("text_delta", "text"), b"x");
        prop_assert_eq!(read(&stream), read(&unusual(&stream)));
    }
}

#[test]
fn what_json_refuses_is_refused() {
    for inside in [&b"a\tb"[..], b"a\x1fb", br"a\xb", br"\u12", br"\u12g4", br"\", br#"a","b":"#, br"\u+123"]
    {
        let stream = usual("0", ("text_delta", "text"), inside);
        assert_eq!(read(&stream), Ok(None), "{}", String::from_utf8_lossy(inside));
    }
    for index in ["01", "-1", "1.0", "", "1e2", "99999999999999999999999", "null"] {
        let stream = usual(index, ("text_delta", "text"), b"a");
        assert!(!matches!(read(&stream), Ok(Some(_))), "{index}");
    }
}

#[test]
fn half_a_surrogate_pair_costs_one_character() {
    for (inside, text) in [
        (r"a\ud83db", "a\u{fffd}b"),
        (r"\ude00", "\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\uD83D\uDE00", "😀"),
    ] {
        let stream = usual("0", ("text_delta", "text"), inside.as_bytes());
        assert_eq!(read(&stream), Ok(Some((0, Delta::Text(text.into())))), "{inside}");
        assert_eq!(read(&unusual(&stream)), Ok(Some((0, Delta::Text(text.into())))), "{inside}");
    }
}
