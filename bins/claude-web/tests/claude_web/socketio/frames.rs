//! Packets and frames that no client of good faith sends.

use futures_util::SinkExt;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use super::wire::{Said, Wire};
use super::{CAT, place};
use crate::server::block_on;

pub(crate) fn packets_that_are_none_end_their_connection_alone() {
    block_on(async {
        let server = place(CAT).start().await;
        let deep = format!("42[\"input\",{}]", "[".repeat(100_000));
        let many = format!("42[\"input\"{}]", ",0".repeat(100_000));
        let mut bystander = Wire::connected(&server, true).await;
        bystander.until("ready|").await;
        for packet in [
            "",
            "9",
            "x",
            "4",
            "49",
            "42",
            "42{}",
            "42[]",
            "42[1]",
            "42[null]",
            "42[\"input\"",
            "42[\"input\",]",
            "42[\"input\",{\"data\":\"\\ud800\"}]",
            "42[\"input\",{\"data\":\"x\"}] ",
            "42[\"input\",NaN]",
            "42-1[\"input\"]",
            "4299999999999999999999[\"input\",{\"data\":\"x\"}]",
            "451-",
            "45-[\"input\"]",
            "4599999-[\"input\",{\"_placeholder\":true,\"num\":0}]",
            "4599999999999999999999-[\"input\"]",
            "451-[\"input\",{\"_placeholder\":true,\"num\":7}]",
            "43",
            "430[]",
            "4399999[1,2]",
            "461-0[{\"_placeholder\":true,\"num\":0}]",
            "40",
            "40{\"token\":\"none\"}",
            "41/foreign,",
            "42/foreign,[\"input\",{\"data\":\"x\"}]",
            "44{\"message\":\"x\"}",
            "5",
            "2probe",
            "6",
            "3",
            "0{\"sid\":\"x\"}",
            &deep,
            &many,
        ] {
            let mut wire = Wire::connected(&server, false).await;
            wire.send(packet).await;
            // Either it is closed, or it goes on: never both, and never a silence.
            wire.send("420[\"unknown\"]").await;
            match wire.next().await {
                Said::Text(text) => {
                    assert!(text == "430[]" || text.starts_with("42["), "{packet:.40}: {text}");
                }
                Said::Closed(code) => assert!(code.is_some(), "{packet:.40}: without a code"),
            }
        }
        for bytes in [&b""[..], b"x", &[0xff; 1000], &[4, b'2']] {
            let mut wire = Wire::connected(&server, false).await;
            let _ = wire.0.send(Message::binary(bytes.to_vec())).await;
            assert!(wire.close().await.is_some(), "a binary message of its own is none");
        }
        bystander.send("42[\"input\",{\"data\":\"still here\"}]").await;
        bystander.until("still here").await;
    });
}

pub(crate) fn frames_that_break_the_rules_close_with_their_code() {
    block_on(async {
        let server = place(CAT).start().await;
        let mut bystander = Wire::connected(&server, true).await;
        bystander.until("ready|").await;
        let mut large = vec![0x81, 0xff];
        large.extend((10_u64 << 20).to_be_bytes());
        large.extend([0; 4]);
        let mut beyond = vec![0x81, 0xff];
        beyond.extend(u64::MAX.to_be_bytes());
        beyond.extend([0; 4]);
        for (bytes, code) in [
            (&[0x81, 0x01, b'3'][..], 1002),                     // not masked
            (&[0xc1, 0x81, 0, 0, 0, 0, b'3'], 1002),             // a reserved bit: compressed
            (&[0x80, 0x81, 0, 0, 0, 0, b'3'], 1002),             // a continuation of nothing
            (&[0x83, 0x80, 0, 0, 0, 0], 1002),                   // a reserved type
            (&[0x09, 0x80, 0, 0, 0, 0], 1002),                   // a ping in fragments
            (&[0x81, 0x83, 0, 0, 0, 0, b'4', 0xff, 0xfe], 1007), // no UTF-8
            (&large, 1009),
            (&beyond, 1009),
        ] {
            let mut wire = Wire::connected(&server, false).await;
            wire.0.get_mut().write_all(bytes).await.unwrap();
            let told = wire.close().await;
            // The length beyond all lengths is a fault of the frame as well.
            let fits = told == Some(code) || (bytes == beyond.as_slice() && told == Some(1002));
            assert!(fits, "{:?}: {told:?}", &bytes[..bytes.len().min(10)]);
        }
        bystander.send("42[\"input\",{\"data\":\"still here\"}]").await;
        bystander.until("still here").await;
    });
}

pub(crate) fn fragments_and_pings_without_end_do_no_harm() {
    block_on(async {
        let server = place(CAT).start().await;
        let mut wire = Wire::connected(&server, true).await;
        wire.until("ready|").await;
        let frame = |head: u8, byte: &[u8]| {
            [&[head, 0x80 | u8::try_from(byte.len()).unwrap(), 0, 0, 0, 0], byte].concat()
        };
        let text = format!("42[\"input\",{{\"data\":\"{}fragments\"}}]", " ".repeat(200_000));
        let (first, rest) = text.as_bytes().split_first().unwrap();
        let mut frames = frame(0x01, &[*first]);
        for byte in &rest[..rest.len() - 1] {
            frames.extend(frame(0x00, &[*byte]));
        }
        frames.extend(frame(0x80, b"]"));
        wire.0.get_mut().write_all(&frames).await.unwrap();
        wire.until("fragments").await;
        // A message of a million frames of nothing: it is one in the end, or the connection is closed.
        let mut other = Wire::connected(&server, false).await;
        let nothing = frame(0x00, b"").repeat(1000);
        other.0.get_mut().write_all(&frame(0x01, b"420[")).await.unwrap();
        for _ in 0..1000 {
            if other.0.get_mut().write_all(&nothing).await.is_err() {
                break;
            }
        }
        // It may have been closed long ago.
        let _ = other.0.get_mut().write_all(&frame(0x80, b"\"unknown\"]")).await;
        match other.next().await {
            Said::Text(text) => assert_eq!(text, "430[]"),
            Said::Closed(code) => println!("a message of a million frames is closed with {code:?}"),
        }
        for _ in 0..50_000 {
            wire.send("3").await;
            wire.0.feed(Message::Ping(Vec::new().into())).await.unwrap();
        }
        wire.send("42[\"input\",{\"data\":\"pings\"}]").await;
        wire.until("pings").await;
        for id in 0..20_000 {
            wire.send(format!("43{id}[]")).await;
        }
        wire.send("42[\"input\",{\"data\":\"answers\"}]").await;
        wire.until("answers").await;
    });
}
