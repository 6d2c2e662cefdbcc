use super::*;

fn event_of(text: &str) -> Option<(Option<u64>, usize, String, Vec<Value>)> {
    match Packet::parse(text) {
        Ok(Packet::Event { namespace: ROOT, id, attachments, name, arguments }) => {
            Some((id, attachments, name, arguments))
        }
        _ => None,
    }
}

/// The examples of the protocol's own document.
#[test]
fn packets_are_read_as_the_standard_writes_them() {
    assert_eq!(Packet::parse("0"), Ok(Packet::Connect { namespace: "/", auth: json!({}) }));
    let auth = json!({"token": "123"});
    assert_eq!(
        Packet::parse(r#"0{"token":"123"}"#),
        Ok(Packet::Connect { namespace: "/", auth: auth.clone() })
    );
    assert_eq!(
        Packet::parse(r#"0/admin,{"token":"123"}"#),
        Ok(Packet::Connect { namespace: "/admin", auth })
    );
    assert_eq!(Packet::parse("0/admin,"), Ok(Packet::Connect { namespace: "/admin", auth: json!({}) }));
    assert_eq!(Packet::parse("1"), Ok(Packet::Disconnect { namespace: "/" }));
    assert_eq!(Packet::parse("1/admin,"), Ok(Packet::Disconnect { namespace: "/admin" }));
    assert_eq!(event_of(r#"2["foo"]"#), Some((None, 0, "foo".to_owned(), vec![])));
    assert_eq!(event_of(r#"212["foo",1]"#), Some((Some(12), 0, "foo".to_owned(), vec![json!(1)])));
    let placeholder = json!({"_placeholder": true, "num": 0});
    let binary = r#"51-["baz",{"_placeholder":true,"num":0}]"#;
    assert_eq!(event_of(binary), Some((None, 1, "baz".to_owned(), vec![placeholder])));
    assert_eq!(Packet::parse(r#"3/admin,13["bar"]"#), Ok(Packet::Acknowledgement { attachments: 0 }));
    let binary = r#"61-15["bar",{"_placeholder":true,"num":0}]"#;
    assert_eq!(Packet::parse(binary), Ok(Packet::Acknowledgement { attachments: 1 }));
}

#[test]
fn what_is_no_packet_is_refused() {
    for text in [
        "",
        "2",
        "2[",
        "2[]",
        "2[1]",
        "2{}",
        r#"2["a""#,
        r#"2["a"]x"#,
        "2null",
        r#"2-1["a"]"#,
        "5",
        "51",
        "5-",
        r#"5-["a"]"#,
        r#"5x-["a"]"#,
        r#"2999999999999999999999["a"]"#,
        r#"5999999999999999999999-["a"]"#,
        "0[]",
        "0\"x\"",
        "0null",
        "0{",
        "4",
        "7",
        "x",
        "é",
    ] {
        assert_eq!(Packet::parse(text), Err(NoPacket), "{text}");
    }
    for text in ["", "0", "5", "7", "b4", "é", "\u{1e}"] {
        assert_eq!(Frame::of(text), Err(NoPacket), "{text}");
    }
    let deep = format!("2[\"a\",{}]", "[".repeat(100_000));
    assert_eq!(Packet::parse(&deep), Err(NoPacket));
}

#[test]
fn halves_of_characters_are_no_reason_to_lose_a_packet() {
    let said =
        |json: &str| event_of(&format!("2[\"a\",\"{json}\"]")).map(|(.., arguments)| arguments[0].clone());
    for (json, text) in [
        (r"x\ud83dy", "x\u{fffd}y"),
        (r"\ude00", "\u{fffd}"),
        (r"\ud83d\ud83d\ude00\ude00", "\u{fffd}\u{1f600}\u{fffd}"),
        (r"\\ud83d\ud83d", "\\ud83d\u{fffd}"),
        (r"é\nß\ud800", "é\nß\u{fffd}"),
    ] {
        assert_eq!(said(json), Some(json!(text)), "{json}");
    }
    for json in [r"\ud83", r"\", r"\ud83d\x", r"\u+123"] {
        assert_eq!(said(json), None, "{json}");
    }
}

#[test]
fn packets_are_written_as_clients_read_them() {
    assert_eq!(connected("x-1"), r#"40{"sid":"x-1"}"#);
    let error = r#"{"data":{"code":"no"},"message":"not \"you\""}"#;
    assert_eq!(connect_error("/", "no", "not \"you\""), format!("44{error}"));
    assert_eq!(connect_error("/a", "no", "not \"you\""), format!("44/a,{error}"));
    assert_eq!(acknowledgement(7), "437[]");
    assert_eq!(begin_event("a\"b"), br#"42["a\"b","#);
}
