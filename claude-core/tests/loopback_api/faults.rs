//! What goes wrong by plan.

use std::time::{Duration, Instant};

use claude_core::testing::{LoopbackApi, Point, Reply};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::http::{ask, open, parse, question};

/// Long enough to see that nothing more comes.
const SILENCE: Duration = Duration::from_millis(200);

/// What comes until it stays silent; whether the connection is still open then.
async fn read_until_silence(api: &LoopbackApi) -> (Vec<u8>, bool) {
    let body = question(true);
    let mut socket = open(api, "POST", "/v1/messages", Some(&body)).await;
    let mut bytes = Vec::new();
    loop {
        match timeout(SILENCE, socket.read_buf(&mut bytes)).await {
            Err(_) => return (bytes, true),
            Ok(Ok(0) | Err(_)) => return (bytes, false),
            Ok(Ok(_)) => {}
        }
    }
}

#[tokio::test]
async fn stalls_before_the_head() {
    let api = LoopbackApi::start(Reply::text("a").stall_before()).await.unwrap();
    assert_eq!(read_until_silence(&api).await, (Vec::new(), true));
    assert_eq!(api.requests().len(), 1);
}

#[tokio::test]
async fn stalls_after_some_events() {
    let api = LoopbackApi::start(Reply::text("a b c d").stall_after_events(5)).await.unwrap();
    let (bytes, open) = read_until_silence(&api).await;
    let answer = parse(&bytes);
    assert!(open && !answer.whole);
    assert_eq!((answer.events().len(), answer.text().as_str()), (5, "a b "));
}

#[tokio::test]
async fn stalls_at_any_place() {
    for (at, status, kinds) in [
        (Point::Head, 200, 0),
        (Point::Events(1), 200, 1),
        (Point::LastDelta, 200, 5),
        (Point::Events(99), 200, 8),
    ] {
        let api = LoopbackApi::start(Reply::text("a b").stall(at)).await.unwrap();
        let (bytes, open) = read_until_silence(&api).await;
        let answer = parse(&bytes);
        assert!(open && !answer.whole, "{at:?}");
        assert_eq!((answer.status, answer.events().len()), (status, kinds), "{at:?}");
    }
    let api = LoopbackApi::start(Reply::text("a b").stall(Point::Bytes(40))).await.unwrap();
    let (bytes, open) = read_until_silence(&api).await;
    assert_eq!((parse(&bytes).body.len(), open), (40, true));
}

#[tokio::test]
async fn pings_go_on_while_it_stalls_between_events() {
    let reply = Reply::text("a b").stall(Point::LastDelta).pings_every(Duration::from_millis(5));
    let api = LoopbackApi::start(reply).await.unwrap();
    let mut socket = open(&api, "POST", "/v1/messages", Some(&question(true))).await;
    let mut bytes = Vec::new();
    while parse(&bytes).body.matches("event: ping").count() < 5 {
        assert!(socket.read_buf(&mut bytes).await.unwrap() > 0);
    }
    assert!(!parse(&bytes).whole);
}

#[tokio::test]
async fn closes_without_a_response() {
    for reply in [Reply::text("a").cut(Point::BeforeHead), Reply::status(500).cut(Point::BeforeHead)] {
        let api = LoopbackApi::start([reply, Reply::text("fine")]).await.unwrap();
        let (bytes, open) = read_until_silence(&api).await;
        assert_eq!((bytes.len(), open), (0, false));
        assert_eq!(ask(&api, &question(true)).await.text(), "fine");
    }
}

#[tokio::test]
async fn ends_early_as_if_it_were_whole() {
    let api = LoopbackApi::start(Reply::text("a b c").end(Point::Events(4))).await.unwrap();
    let answer = ask(&api, &question(true)).await;
    assert_eq!((answer.whole, answer.events().len()), (true, 4));
}

#[tokio::test]
async fn recorded_streams_have_faults_too() {
    let reply = Reply::raw_stream("data: 1\n\ndata: 2\n\n").cut(Point::Bytes(12));
    let api = LoopbackApi::start(reply).await.unwrap();
    let answer = ask(&api, &question(true)).await;
    assert_eq!((answer.whole, answer.body.as_str()), (false, "data: 1\n\ndat"));
}

#[tokio::test]
async fn knows_which_answers_are_on_their_way() {
    let api = LoopbackApi::start(Reply::text("a b").stall(Point::LastDelta)).await.unwrap();
    let mut socket = open(&api, "POST", "/v1/messages", Some(&question(true))).await;
    socket.read_buf(&mut Vec::new()).await.unwrap();
    assert_eq!(api.in_flight(), 1);
    drop(socket);
    let deadline = Instant::now() + Duration::from_secs(5);
    while api.in_flight() > 0 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn breaks_the_connection_after_some_bytes() {
    for (bytes, stream) in [(0, true), (700, true), (20, false)] {
        let api = LoopbackApi::start(Reply::text("a b c d").cut_after_bytes(bytes)).await.unwrap();
        let answer = ask(&api, &question(stream)).await;
        assert_eq!((answer.status, answer.whole, answer.body.len()), (200, false, bytes), "{bytes}");
    }
}

#[tokio::test]
async fn sends_an_error_event_in_mid_stream() {
    let api = LoopbackApi::start(Reply::text("a b c d").error_event_after(4)).await.unwrap();
    let answer = ask(&api, &question(true)).await;
    let events = answer.events();
    assert_eq!((events.len(), events[4]["error"]["type"].as_str()), (5, Some("overloaded_error")));
    assert!(answer.whole && answer.body.contains("event: error\n"));
}

#[tokio::test]
async fn splits_a_stream_anywhere() {
    let text = "ä€😀 ".repeat(10);
    let api = LoopbackApi::start(Reply::text(&text).split_every(7)).await.unwrap();
    let mut socket = open(&api, "POST", "/v1/messages", Some(&question(true))).await;
    let (mut bytes, mut pieces) = (Vec::new(), 0);
    while socket.read_buf(&mut bytes).await.unwrap() > 0 {
        pieces += 1;
    }
    let answer = parse(&bytes);
    assert_eq!(answer.text(), text);
    assert!(pieces > answer.body.len() / 14, "{pieces} pieces of {} bytes", answer.body.len());
}

#[tokio::test]
async fn stops_with_answers_on_their_way() {
    let api = LoopbackApi::start([
        Reply::text("a b").stall_after_events(3),
        Reply::text("a").stall_before(),
        Reply::text("a").after(Duration::from_secs(60)),
    ])
    .await
    .unwrap();
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(open(&api, "POST", "/v1/messages", Some(&question(true))).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (address, start) = (api.address(), Instant::now());
    api.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    for mut socket in sockets {
        _ = timeout(Duration::from_secs(1), socket.read_to_end(&mut Vec::new())).await.unwrap();
    }
}

#[tokio::test]
async fn closes_when_dropped() {
    let api = LoopbackApi::start(Reply::text("a")).await.unwrap();
    let address = api.address();
    drop(api);
    let deadline = Instant::now() + Duration::from_secs(5);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
