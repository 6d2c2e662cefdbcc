//! How a stream is written and when it is sent.

use std::time::{Duration, Instant};

use claude_core::testing::{LineEnd, LoopbackApi, Reply};

use super::http::{ask, question};

#[tokio::test]
async fn lines_end_as_planned() {
    let streams = [(LineEnd::Lf, "\n"), (LineEnd::CrLf, "\r\n"), (LineEnd::Cr, "\r")];
    for (end, written) in streams {
        let api = LoopbackApi::start(Reply::text("a b").line_end(end)).await.unwrap();
        let body = ask(&api, &question(true)).await.body;
        assert!(body.starts_with(&format!("event: message_start{written}data: {{")), "{body}");
        assert_eq!(body.matches(&written.repeat(2)).count(), 8, "{body:?}");
        let other = body.replace(written, "");
        assert!(!other.contains(['\r', '\n']), "{other:?}");
    }
}

#[tokio::test]
async fn events_may_come_without_names() {
    let api = LoopbackApi::start(Reply::text("a b").unnamed_events().error_event_after(4)).await.unwrap();
    let answer = ask(&api, &question(true)).await;
    assert!(!answer.body.contains("event:"));
    assert_eq!(answer.kinds().last().unwrap(), "error");
}

#[tokio::test]
async fn a_stream_split_at_each_byte_is_the_same_stream() {
    let api = LoopbackApi::start(Reply::text("ä€😀 ").split_every(1)).await.unwrap();
    let answer = ask(&api, &question(true)).await;
    assert!(answer.whole);
    assert_eq!(answer.text(), "ä€😀 ");
}

#[tokio::test]
async fn tokens_come_at_their_rate_and_none_is_missing() {
    let api = LoopbackApi::start(Reply::tokens(201).per_second(1000)).await.unwrap();
    let start = Instant::now();
    let answer = ask(&api, &question(true)).await;
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
    assert_eq!(answer.pieces("text"), vec!["token "; 201]);
}
