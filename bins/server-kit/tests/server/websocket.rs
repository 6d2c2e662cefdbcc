//! WebSockets: with a client that others wrote, and with bytes that no decent client sends.

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, ClientRequestBuilder, Message, WebSocket};

use crate::support::{App, Ask, FIN, Frame, RTTS, Raw, json, masked};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Runs a client that others wrote in a thread of its own.
async fn foreign<T: Send + 'static>(
    app: &App,
    target: &str,
    work: impl FnOnce(WebSocket<TcpStream>) -> T + Send + 'static,
) -> T {
    let uri = format!("ws://{}{target}", app.address).parse().unwrap();
    let (address, request) = (app.address, ClientRequestBuilder::new(uri).with_sub_protocol("echo.v1"));
    let client = move || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (socket, response) = tungstenite::client(request, stream).unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "echo.v1");
        work(socket)
    };
    tokio::task::spawn_blocking(client).await.unwrap()
}

fn close_of(socket: &mut WebSocket<TcpStream>) -> (u16, String) {
    loop {
        if let Message::Close(close) = socket.read().unwrap() {
            let close = close.unwrap();
            return (close.code.into(), close.reason.to_string());
        }
    }
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn messages_of_all_lengths_come_back_as_they_went() {
    let app = App::start().await;
    foreign(&app, "/public/ws", |mut socket| {
        for length in [0, 1, 2, 124, 125, 126, 127, 65_535, 65_536, 65_537, 1 << 20] {
            socket.send(Message::Binary(pattern(length))).unwrap();
            assert_eq!(socket.read().unwrap(), Message::Binary(pattern(length)), "{length}");
        }
        // Eight MiB in messages of many lengths.
        for number in 0..130 {
            let payload = pattern(65_000 - 7 * number);
            socket.send(Message::Binary(payload.clone())).unwrap();
            assert_eq!(socket.read().unwrap(), Message::Binary(payload));
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_of_many_pieces_is_all_of_them() {
    let app = App::start().await;
    foreign(&app, "/public/ws", |mut socket| {
        socket.send(Message::Binary("pieces".into())).unwrap();
        let expected: Bytes = (0..100).flat_map(|number| vec![number; 10_000]).collect();
        assert_eq!(socket.read().unwrap(), Message::Binary(expected));
    })
    .await;
}

#[tokio::test]
async fn pings_go_both_ways() {
    let app = App::start().await;
    let before = RTTS.load(Ordering::SeqCst);
    foreign(&app, "/public/ws/brief", |mut socket| {
        socket.send(Message::Ping("are you there".into())).unwrap();
        let mut seen = (0, false);
        while seen.0 < 10 || !seen.1 {
            match socket.read().unwrap() {
                Message::Ping(_) => seen.0 += 1,
                Message::Pong(payload) => seen.1 = payload == "are you there",
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    assert!(RTTS.load(Ordering::SeqCst) - before >= 8);
}

#[tokio::test]
async fn codes_and_reasons_arrive() {
    let app = App::start().await;
    for (order, code, reason) in [
        ("close 4008 stalled".to_owned(), 4008, "stalled".to_owned()),
        ("close 1012 ".to_owned(), 1012, String::new()),
        (format!("close 4000 {}", "é".repeat(100)), 4000, "é".repeat(61)),
    ] {
        let told = foreign(&app, "/public/ws", move |mut socket| {
            socket.send(Message::Binary(order.into())).unwrap();
            let told = close_of(&mut socket);
            let end = socket.read().unwrap_err();
            assert!(matches!(end, tungstenite::Error::ConnectionClosed), "{end}");
            told
        });
        assert_eq!(told.await, (code, reason));
    }
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let app = App::start().await;
    let started = Instant::now();
    let told = foreign(&app, "/public/ws", |mut socket| {
        let frame = tungstenite::protocol::CloseFrame { code: CloseCode::Away, reason: "reload".into() };
        socket.close(Some(frame)).unwrap();
        close_of(&mut socket)
    });
    assert_eq!(told.await, (1001, String::new()));
    let mut raw = Raw::open(&app, "/public/ws").await;
    raw.write(masked(FIN | 8, b"")).await;
    assert_eq!(raw.frame().await.unwrap().close(), (1000, String::new()));
    assert_eq!(raw.frame().await, None);
    assert!(started.elapsed() < Duration::from_secs(2), "nobody is waited for");
}

#[tokio::test]
async fn text_is_closed_with_1003() {
    let app = App::start().await;
    let told = foreign(&app, "/public/ws", |mut socket| {
        socket.send(Message::Text("hello".into())).unwrap();
        close_of(&mut socket)
    });
    assert_eq!(told.await, (1003, "text".to_owned()));
}

/// The head alone is enough, and who sends the rest all the same gets the code as well.
#[tokio::test]
async fn a_message_that_is_too_large_is_refused_by_its_head() {
    let app = App::start().await;
    let mut raw = Raw::open(&app, "/public/ws").await;
    raw.write(&masked(FIN | 2, &[0; (1 << 20) + 1])[..14]).await;
    assert_eq!(raw.frame().await.unwrap().close().0, 1009);

    let mut fragments = Raw::open(&app, "/public/ws").await;
    fragments.write(masked(2, &[0; 1 << 20])).await;
    fragments.write(&masked(0, &[0; 1])[..6]).await;
    assert_eq!(fragments.frame().await.unwrap().close().0, 1009);

    let told = foreign(&app, "/public/ws", |mut socket| {
        socket.send(Message::Binary(pattern(32 << 20))).unwrap();
        close_of(&mut socket)
    });
    assert_eq!(told.await.0, 1009);
}

#[tokio::test]
async fn breaches_of_the_protocol_are_closed_with_their_code() {
    let app = App::start().await;
    let unmasked = vec![FIN | 2, 1, b'x'];
    let nested = [masked(2, b"a"), masked(FIN | 2, b"b")].concat();
    for (bytes, code) in [
        (unmasked, 1002),
        (masked(FIN | 0x40 | 2, b"x"), 1002),
        (masked(FIN | 3, b"x"), 1002),
        (masked(FIN, b"x"), 1002),
        (nested, 1002),
        (masked(9, b"x"), 1002),
        (masked(FIN | 9, &[0; 126]), 1002),
        (masked(FIN | 8, &[3]), 1002),
        (masked(FIN | 8, &[0x03, 0xed]), 1002),
        (masked(FIN | 8, &[0x03, 0xe8, 0xff]), 1007),
    ] {
        let started = Instant::now();
        let mut raw = Raw::open(&app, "/public/ws").await;
        raw.write(masked(FIN | 2, b"before")).await;
        raw.write([&bytes[..], &[0xff; 100_000]].concat()).await;
        assert_eq!(raw.frame().await.unwrap().payload, b"before");
        assert_eq!(raw.frame().await.unwrap().close().0, code, "{bytes:?}");
        assert_eq!(raw.frame().await, None);
        assert!(started.elapsed() < Duration::from_secs(2), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_client_that_falls_silent_is_dropped() {
    let app = App::start().await;
    let mut raw = Raw::open(&app, "/public/ws/brief").await;
    let started = Instant::now();
    assert_eq!(raw.message().await, None);
    assert!((200..3000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_dropped() {
    let app = App::start().await;
    foreign(&app, "/public/ws/brief", |mut socket| {
        // Each comes back, until neither side's system holds any more. Others are waited for, for a minute.
        let sent = (0..200).map(|_| socket.send(Message::Binary(pattern(1 << 20))));
        let ended = sent.into_iter().find_map(Result::err).expect("it goes on for ever");
        assert!(matches!(ended, tungstenite::Error::Io(_)), "{ended}");
    })
    .await;
}

/// Neither is a client dropped whose answer stands unread because the server doesn't read.
#[tokio::test]
async fn a_client_is_not_dropped_while_the_server_is_busy() {
    let app = App::start().await;
    foreign(&app, "/public/ws/brief", |mut socket| {
        for _ in 0..3 {
            socket.send(Message::Binary("sleep".into())).unwrap();
        }
        socket.send(Message::Binary("after".into())).unwrap();
        let answer = loop {
            match socket.read().unwrap() {
                Message::Ping(_) => {}
                other => break other,
            }
        };
        assert_eq!(answer, Message::Binary("after".into()));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_pings_and_does_not_read_is_read_on_and_answered_at_the_end() {
    let app = App::start().await;
    let mut raw = Raw::open(&app, "/public/ws").await;
    let flood = masked(FIN | 9, &[7; 125]).repeat(1000);
    for _ in 0..150 {
        raw.write(&flood).await;
    }
    raw.write([masked(FIN | 9, b"last"), masked(FIN | 2, b"done")].concat()).await;
    let (mut pongs, mut last) = (0, Vec::new());
    loop {
        let frame = raw.frame().await.unwrap();
        if frame.first == FIN | 2 {
            assert_eq!((frame.payload, last), (b"done".to_vec(), b"last".to_vec()));
            break;
        }
        assert_eq!(frame.first, FIN | 10);
        (pongs, last) = (pongs + 1, frame.payload);
    }
    assert!(pongs < 150_000, "only the newest is answered: {pongs}");
}

#[tokio::test]
async fn a_million_empty_fragments_are_one_message() {
    let app = App::start().await;
    let mut raw = Raw::open(&app, "/public/ws").await;
    raw.write(masked(2, b"")).await;
    let many = masked(0, b"").repeat(10_000);
    for _ in 0..100 {
        raw.write(&many).await;
    }
    raw.write(masked(FIN, b"end")).await;
    assert_eq!(raw.frame().await, Some(Frame { first: FIN | 2, payload: b"end".to_vec() }));
}

#[tokio::test]
async fn frames_right_behind_the_handshake_are_not_lost() {
    let app = App::start().await;
    let frames = [masked(FIN | 2, b"one"), masked(FIN | 2, b"two")].concat();
    let mut raw = Raw::open_with(&app, "/public/ws", &frames).await;
    assert_eq!(raw.frame().await.unwrap().payload, b"one");
    assert_eq!(raw.frame().await.unwrap().payload, b"two");
}

#[tokio::test]
async fn a_socket_holds_up_the_drain_until_it_is_closed() {
    let mut app = App::start().await;
    let mut raw = Raw::open(&app, "/public/ws").await;
    app.shutdown.cancel();
    assert!(Ask::get("/health").of(&app).await.body.contains("draining"));
    raw.write(masked(FIN | 2, b"still here")).await;
    assert_eq!(raw.frame().await.unwrap().payload, b"still here");
    assert!(!app.served.is_finished());
    raw.write(masked(FIN | 8, b"")).await;
    assert_eq!(raw.frame().await.unwrap().close().0, 1000);
    (&mut app.served).await.unwrap().unwrap();
}

fn ask(headers: &[(&str, &str)]) -> Ask {
    headers.iter().fold(Ask::get("/public/ws"), |ask, (name, value)| ask.header(name, value))
}

#[tokio::test]
async fn handshakes_that_are_none_are_refused() {
    let app = App::start().await;
    let sound = [
        ("upgrade", "WebSocket"),
        ("connection", "x, UPGRADE"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
        ("sec-websocket-protocol", "echo.v1"),
    ];
    let plain = Ask::get("/public/ws").of(&app).await;
    assert_eq!(plain.refusal(), json(426, "upgrade_required"));
    assert_eq!(plain.header("upgrade"), Some("websocket"));
    for (at, value, status) in [
        (0, "h2c", 426),
        (1, "x", 400),
        (2, "8", 426),
        (2, "", 426),
        (3, "", 400),
        (3, "c2hvcnQ=", 400),
        (3, "not base64 at all, is it", 400),
        (4, "echo.v2, ECHO.V1", 400),
    ] {
        let mut headers = sound;
        headers[at].1 = value;
        let reply = ask(&headers).of(&app).await;
        let code = if status == 426 { "upgrade_required" } else { "invalid_request" };
        assert_eq!(reply.refusal(), json(status, code), "{}: {value}", headers[at].0);
        assert_eq!(reply.header("sec-websocket-version"), (status == 426).then_some("13"));
    }
    let twice = ask(&sound).header("sec-websocket-key", KEY).of(&app).await;
    assert_eq!(twice.refusal(), json(400, "invalid_request"));
    let body = ask(&sound).body("text/plain", "body").of(&app).await;
    assert_eq!(body.refusal(), json(400, "invalid_request"));
    assert_eq!(ask(&sound[..4]).of(&app).await.refusal(), json(400, "invalid_request"));
}
