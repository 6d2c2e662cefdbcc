//! Events that come otherwise than the documentation says.

use bytes::Bytes;
use claude_core::messages::{ContentBlock, Decoder, Delta, Event, StopReason};

use crate::support::{decode, events, stream};

fn one(data: &str) -> Event {
    let events = events(stream(&[data]));
    assert_eq!(events.len(), 1, "{events:?}");
    events.into_iter().next().unwrap()
}

fn error(stream: &str) -> (String, String) {
    let Event::Error(it) = events(stream).into_iter().next().unwrap() else { panic!("no error") };
    (it.kind.to_string(), it.message.to_string())
}

fn is_malformed(stream: &str) -> bool {
    decode(vec![Bytes::copy_from_slice(stream.as_bytes())]).1.is_some()
}

#[test]
fn the_type_decides_and_the_name_is_a_hint() {
    assert_eq!(events("event: ping\ndata: {\"type\":\"message_stop\"}\n\n"), [Event::MessageStop]);
    assert_eq!(events("data: {\"type\":\"message_stop\"}\n\n"), [Event::MessageStop]);
    assert_eq!(
        events("event: content_block_stop\ndata: {\"index\":3}\n\n"),
        [Event::ContentBlockStop { index: 3 }]
    );
    assert_eq!(events("event: ping\ndata: {\"type\":null}\n\n"), [Event::Ping]);
    assert_eq!(events("event: ping\ndata:\n\n"), [Event::Ping]);
}

#[test]
fn key_order_spacing_and_more_members_do_not_matter() {
    let data = "{ \"delta\" : {\"text\":\"a\\nb\",\"new\":1,\"type\":\"text_delta\"},\n\"index\": 2 , \"x\":{}, \"type\":\"content_block_delta\"}";
    let lines: String = data.lines().map(|line| format!("data: {line}\n")).collect();
    let expected = Event::ContentBlockDelta { index: 2, delta: Delta::Text("a\nb".into()) };
    assert_eq!(events(format!("{lines}\n")), [expected]);
}

#[test]
fn what_is_unknown_is_passed_on() {
    let (name, data) = ("novel".into(), r#"{"type":"novel","n":123456789012345678901234567890}"#.into());
    assert_eq!(one(r#"{"type":"novel","n":123456789012345678901234567890}"#), Event::Unknown { name, data });
    let expected = |name: &str, data: &str| Event::Unknown { name: name.into(), data: data.into() };
    assert_eq!(one("[DONE]"), expected("message", "[DONE]"));
    assert_eq!(one("[1,2]"), expected("message", "[1,2]"));
    assert_eq!(events("event: novel\ndata: text\n\n"), [expected("novel", "text")]);
    assert_eq!(events("event: novel\ndata: {\"a\":1}\n\n"), [expected("novel", "{\"a\":1}")]);

    let delta = r#"{"type":"novel_delta","x":[1, 2]}"#;
    let event = one(&format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#));
    let Event::ContentBlockDelta { delta: Delta::Other(json), .. } = event else { panic!("{event:?}") };
    assert_eq!(json.as_str(), delta);

    let block = r#"{"type":"novel_block","x":1.50}"#;
    let event = one(&format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#));
    let Event::ContentBlockStart { content_block, .. } = event else { panic!("{event:?}") };
    assert!(matches!(*content_block, ContentBlock::Other(_)));
    assert_eq!(serde_json::to_string(&content_block).unwrap(), block);
}

#[test]
fn an_error_is_an_error_however_it_is_dressed() {
    let whole = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let overloaded = ("overloaded_error".to_owned(), "Overloaded".to_owned());
    assert_eq!(error(&format!("event: error\ndata: {whole}\n\n")), overloaded);
    assert_eq!(error(&format!("data: {whole}\n\n")), overloaded);
    let bare = r#"{"error":{"type":"overloaded_error","message":"Overloaded","code":null}}"#;
    assert_eq!(error(&format!("data: {bare}\n\n")), overloaded);
    for (data, message) in [
        (r#"{"type":"error","message":"m"}"#, "m"),
        (r#"{"error":"m"}"#, "m"),
        (r#"{"type":"error","error":{"message":"m"}}"#, "m"),
        (r#"{"type":"error"}"#, r#"{"type":"error"}"#),
    ] {
        assert_eq!(error(&format!("data: {data}\n\n")), ("api_error".to_owned(), message.to_owned()));
    }
    assert_eq!(error("event: error\ndata: upstream gone\n\n"), ("api_error".into(), "upstream gone".into()));
}

#[test]
fn a_known_event_of_another_shape_is_malformed() {
    for data in [
        r#"{"type":"message_start"}"#,
        r#"{"type":"message_start","message":[]}"#,
        r#"{"type":"content_block_start","index":0}"#,
        r#"{"type":"content_block_start","index":0,"content_block":"text"}"#,
        r#"{"type":"content_block_start","index":-1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":7}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":7}}"#,
        r#"{"type":"content_block_stop"}"#,
        r#"{"type":"message_delta","delta":"end_turn"}"#,
    ] {
        assert!(is_malformed(&stream(&[data])), "{data}");
    }
    assert!(is_malformed("event: content_block_delta\ndata: {\"type\":\"content_bl\n\n"));
}

#[test]
fn nothing_comes_behind_an_error_of_the_stream() {
    let mut decoder = Decoder::new();
    decoder.feed(Bytes::from_static(b"data: {\"type\":\"message_start\"}\n\ndata: {\"type\":\"ping\"}\n\n"));
    assert!(decoder.next().unwrap().is_err());
    decoder.feed(Bytes::from_static(b"data: {\"type\":\"ping\"}\n\n"));
    assert!(decoder.next().is_none());
}

#[test]
fn an_event_beyond_the_limit_is_malformed() {
    let mut decoder = Decoder::with_event_bytes(64);
    decoder.feed(Bytes::from(stream(&[&"x".repeat(64)])));
    assert_eq!(&*decoder.next().unwrap().unwrap_err().what, "an event is longer than 64 bytes");
}

#[test]
fn usage_may_be_missing_or_null() {
    for usage in ["", r#","usage":null"#, r#","usage":{}"#, r#","usage":{"output_tokens":null}"#] {
        let Event::MessageDelta { delta, usage } =
            one(&format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}}{usage}}}"#))
        else {
            panic!("no message_delta")
        };
        assert_eq!((delta.read::<&str>("stop_reason"), usage.output_tokens()), (Some("end_turn"), 0));
        let Event::MessageStart(message) =
            one(r#"{"type":"message_start","message":{"id":"m","content":[],"stop_reason":"novel"}}"#)
        else {
            panic!("no message_start")
        };
        assert_eq!((&*message.id, message.usage.input_tokens()), ("m", 0));
        assert_eq!(message.stop_reason, Some(StopReason::Other("novel".into())));
    }
}

#[test]
fn texts_are_slices_of_what_was_fed() {
    let chunk = Bytes::from(stream(&[
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}"#,
    ]));
    let mut decoder = Decoder::new();
    decoder.feed(chunk.clone());
    let Event::ContentBlockDelta { delta: Delta::Text(text), .. } = decoder.next().unwrap().unwrap() else {
        panic!("no text")
    };
    assert!(chunk.as_ptr_range().contains(&text.as_ptr()));
}
