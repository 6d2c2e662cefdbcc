//! Bytes as text.

use std::fmt::Write;

use serde_json::{Value, json};

use super::driver::drive;
use super::{TRANSPORTS, end, place};
use crate::server::block_on;

/// Writes these bytes in pieces of this size, each by itself.
fn writer(bytes: &[u8], size: usize) -> String {
    let mut script = "stty raw -echo; ".to_owned();
    for piece in bytes.chunks(size) {
        let escaped = piece.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\x{byte:02x}").unwrap();
            text
        });
        write!(script, "printf '{escaped}'; sleep 0.01; ").unwrap();
    }
    script
}

/// Every output with the part of the bytes that it stands for.
fn parts<'a>(seen: &'a Value, bytes: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
    let mut at = 0;
    let outputs = seen["outputs"].as_array().unwrap().iter();
    let parts = outputs.map(|output| {
        let offset = usize::try_from(output["offset"].as_u64().unwrap()).unwrap();
        let part = &bytes[at..offset];
        at = offset;
        (output["data"].as_str().unwrap(), part)
    });
    parts.collect()
}

pub(crate) fn characters_survive_however_they_are_split() {
    block_on(async {
        let mut bytes = "aß€\u{1f600}漢字 👩‍👩‍👧 e\u{301}\u{10ffff}\u{0}\u{1b}[0m\r\n".as_bytes().to_vec();
        // Never UTF-8: a lone continuation, overlong forms, a surrogate, beyond the last, and parts of characters.
        bytes.extend(
            b"\x80|\xc0\xaf|\xe0\x80\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xff\xfe|\xf0\x9f\x98|\xe6\xbc|\xc3|",
        );
        bytes.extend(b"\xf0\x9f\x98\xf0\x9f\x98\x80\xe6\xbc\xe6\xbc\xa2");
        // The end comes in mid-character.
        bytes.extend(b"end\xf0\x9f\x98");
        let wanted = String::from_utf8_lossy(&bytes).into_owned();
        for size in [1, 2, 3, 5, bytes.len()] {
            let server = place(&writer(&bytes, size)).start().await;
            for transports in TRANSPORTS {
                let seen = drive(&server, "watch", json!({"transports": transports})).await;
                assert_eq!(seen["text"], wanted, "{size} {transports:?}");
                let parts = parts(&seen, &bytes);
                if size == 1 {
                    assert!(parts.len() > bytes.len() / 4, "it came in {} parts only", parts.len());
                }
                for (text, part) in parts {
                    assert_eq!(text, String::from_utf8_lossy(part), "{size} {transports:?}: its offset fits");
                }
                let id = seen["statuses"][0]["id"].as_str().unwrap();
                let head = &server.get(&format!("/api/terminals/{id}")).await["head"];
                assert_eq!((&seen["offset"], head), (&json!(bytes.len()), &json!(bytes.len())), "{size}");
            }
        }
    });
}

pub(crate) fn clipboard_writes_are_removed_unless_they_are_wanted() {
    block_on(async {
        // More than a window, which removed bytes must not fill.
        let large = "QUJD".repeat(100_000);
        let text = "a\x1b]52;c;aGVsbG8=\x07b\x1b]52;c;aGk=\x1b\\c\x1b]0;title\x07\x1b]520;x\x07\x1b]5;2\x07\x1b]52;;?\x07d";
        let kept = "abc\x1b]0;title\x07\x1b]520;x\x07\x1b]5;2\x07d";
        let cases =
            [(text.as_bytes(), 1, kept), (text.as_bytes(), 3, kept), (text.as_bytes(), text.len(), kept)];
        for (bytes, size, kept) in cases {
            for (wanted, is_kept) in [(kept, false), (text, true)] {
                let place = place(&writer(bytes, size));
                let place = if is_kept { place.set("SOCKETIO_CLIPBOARD", "true") } else { place };
                let seen = drive(&place.start().await, "watch", json!({})).await;
                assert_eq!((&seen["text"], &seen["offset"]), (&json!(wanted), &json!(bytes.len())), "{size}");
            }
        }
        let script = format!("stty raw -echo; printf 'a\\e]52;c;%s\\ab' '{large}'");
        let seen = drive(&place(&script).start().await, "watch", json!({"client": 3})).await;
        assert_eq!((&seen["text"], &seen["offset"]), (&json!("ab"), &json!(large.len() + 10)));
        assert_eq!(end(&seen).0["code"], 0);
    });
}
