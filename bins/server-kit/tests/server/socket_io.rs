//! Socket.IO, packet by packet, as no library of its clients lets one see it.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, ClientRequestBuilder, Message, WebSocket};

use crate::support::{App, Ask, Reply};

/// A session that polls.
struct Polled<'a> {
    app: &'a App,
    id: String,
}

impl<'a> Polled<'a> {
    async fn open(app: &'a App) -> Self {
        let opened = Ask::get("/socket.io/?EIO=4&transport=polling").of(app).await;
        let hello: Value = serde_json::from_str(opened.body.strip_prefix('0').unwrap()).unwrap();
        assert_eq!(hello["upgrades"], json!(["websocket"]));
        assert_eq!((&hello["pingInterval"], &hello["pingTimeout"]), (&json!(400), &json!(800)));
        assert_eq!(hello["maxPayload"], json!(1 << 20));
        Self { app, id: hello["sid"].as_str().unwrap().to_owned() }
    }

    /// One whose client was let in.
    async fn connected(app: &'a App) -> Self {
        let polled = Self::open(app).await;
        assert_eq!(polled.post(r#"40{"token":"yes"}"#).await.body, "ok");
        let first = polled.packets(2).await;
        assert!(first[0].starts_with(r#"40{"sid":""#) && !first[0].contains(&polled.id), "{first:?}");
        assert_eq!(first[1], r#"42["hello",{}]"#);
        polled
    }

    fn target(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling&sid={}", self.id)
    }

    async fn get(&self) -> Reply {
        Ask::get(&self.target()).of(self.app).await
    }

    async fn post(&self, body: impl Into<Vec<u8>>) -> Reply {
        Ask::new("POST", &self.target()).body("text/plain;charset=UTF-8", body).of(self.app).await
    }

    /// Polls until so many packets came; heartbeats are answered and don't count.
    async fn packets(&self, count: usize) -> Vec<String> {
        let mut packets = Vec::new();
        while packets.len() < count {
            let reply = self.get().await;
            assert_eq!(reply.status, 200, "{reply:?}");
            for packet in reply.body.split('\u{1e}') {
                if packet == "2" {
                    self.post("3").await;
                } else {
                    packets.push(packet.to_owned());
                }
            }
        }
        packets
    }

    async fn is_over(&self) -> bool {
        self.get().await.status == 400
    }
}

/// A session over WebSocket, in a thread of its own.
async fn socket<T: Send + 'static>(
    app: &App,
    query: &str,
    work: impl FnOnce(&mut Socket) -> T + Send + 'static,
) -> T {
    let uri = format!("ws://{}/socket.io/?EIO=4&transport=websocket{query}", app.address).parse().unwrap();
    let address = app.address;
    let client = move || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (socket, _) = tungstenite::client(ClientRequestBuilder::new(uri), stream).unwrap();
        work(&mut Socket(socket))
    };
    tokio::task::spawn_blocking(client).await.unwrap()
}

struct Socket(WebSocket<TcpStream>);

impl Socket {
    fn say(&mut self, text: &str) {
        self.0.send(Message::Text(text.into())).unwrap();
    }

    /// The next message that is no heartbeat, which is answered.
    fn next(&mut self) -> String {
        loop {
            let text = self.raw();
            if text != "2" {
                return text;
            }
            self.say("3");
        }
    }

    fn raw(&mut self) -> String {
        self.0.read().unwrap().into_text().unwrap().to_string()
    }

    fn connect(&mut self) {
        assert!(self.next().starts_with("0{"));
        self.say(r#"40{"token":"yes"}"#);
        assert!(self.next().starts_with("40{"));
        assert_eq!(self.next(), r#"42["hello",{}]"#);
    }

    /// The code of the close, once it comes.
    fn closed(&mut self) -> Option<u16> {
        loop {
            match self.0.read() {
                Ok(Message::Close(close)) => return close.map(|close| close.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_polls_is_heard_and_told() {
    let app = App::start().await;
    let polled = Polled::connected(&app).await;
    let both = "42[\"a\",1]\u{1e}427[\"b\",{\"x\":[\"é\"]}]";
    assert_eq!(polled.post(both).await.body, "ok");
    let packets = polled.packets(3).await;
    assert_eq!(packets, [r#"42["a",1]"#, "437[]", r#"42["b",{"x":["é"]}]"#]);
    polled.post(r#"42["bye"]"#).await;
    assert_eq!(polled.packets(1).await, ["41"]);
    polled.post("1").await;
    assert!(polled.is_over().await);
}

#[tokio::test]
async fn a_websocket_is_heard_and_told() {
    let app = App::start().await;
    let code = socket(&app, "", |socket| {
        socket.connect();
        for number in 0..1000 {
            socket.say(&format!("42[\"n\",{number}]"));
        }
        for number in 0..1000 {
            assert_eq!(socket.next(), format!("42[\"n\",{number}]"));
        }
        socket.say(r#"42["flood",400]"#);
        for number in 0..400 {
            assert!(socket.next().starts_with(&format!("42[\"flood\",{{\"number\":{number},")));
        }
        socket.say(r#"42["bye"]"#);
        assert_eq!(socket.next(), "41");
        socket.closed()
    });
    assert_eq!(code.await, Some(1000));
}

#[tokio::test]
async fn a_session_goes_over_to_a_websocket_in_order() {
    let app = App::start().await;
    let polled = Polled::connected(&app).await;
    polled.post(r#"42["flood",100]"#).await;
    let (query, target) = (format!("&sid={}", polled.id), polled.target());
    let mut got = Vec::new();
    got.extend(polled.packets(1).await);
    let address = app.address;
    let (over, pending) = tokio::join!(
        socket(&app, &query, move |socket| {
            socket.say("2probe");
            assert_eq!(socket.next(), "3probe");
            // The poll under way ends by itself; then the client goes over.
            std::thread::sleep(Duration::from_millis(200));
            socket.say("5");
            let mut got = Vec::new();
            loop {
                let text = socket.next();
                let is_last = text.starts_with("42[\"flood\",{\"number\":99,");
                got.push(text);
                if is_last {
                    break;
                }
            }
            socket.say(r#"42["after",{}]"#);
            assert_eq!(socket.next(), r#"42["after",{}]"#);
            // Polling is over.
            let again = Raw::get(address, &target);
            assert!(again.contains("400 Bad Request") && again.contains("\"code\":3"), "{again}");
            got
        }),
        async {
            // One poll, as its client would not begin another.
            polled.get().await.body
        },
    );
    got.extend(pending.split('\u{1e}').filter(|packet| !matches!(*packet, "6" | "2")).map(str::to_owned));
    got.extend(over);
    assert_eq!(got.len(), 100);
    for (number, packet) in got.iter().enumerate() {
        assert!(
            packet.starts_with(&format!("42[\"flood\",{{\"number\":{number},")),
            "{number}: {}",
            &packet[..40]
        );
    }
}

/// A request from a thread.
struct Raw;

impl Raw {
    fn get(address: std::net::SocketAddr, target: &str) -> String {
        use std::io::{Read, Write};
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[tokio::test]
async fn what_is_not_engine_io_is_refused_by_its_codes() {
    let app = App::start().await;
    let polled = Polled::open(&app).await;
    let known = polled.id.clone();
    for (method, query, code) in [
        ("GET", "transport=polling".to_owned(), 5),
        ("GET", "EIO=3&transport=polling".to_owned(), 5),
        ("GET", "EIO=4".to_owned(), 0),
        ("GET", "EIO=4&transport=carrier-pigeon".to_owned(), 0),
        ("POST", "EIO=4&transport=polling".to_owned(), 2),
        ("POST", "EIO=4&transport=websocket".to_owned(), 2),
        ("GET", "EIO=4&transport=polling&sid=unknown".to_owned(), 1),
        ("GET", "EIO=4&transport=websocket&sid=unknown".to_owned(), 1),
        ("POST", format!("EIO=4&transport=websocket&sid={known}"), 3),
        ("GET", format!("EIO=4&transport=polling&j=0&sid={known}"), 3),
    ] {
        let reply = Ask::new(method, &format!("/socket.io/?{query}")).of(&app).await;
        let said: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!((reply.status, &said["code"]), (400, &json!(code)), "{method} {query}");
    }
    // No handshake of a WebSocket, and a foreign page.
    let reply = Ask::get("/socket.io/?EIO=4&transport=websocket").of(&app).await;
    assert_eq!(reply.refusal(), (426, "upgrade_required".to_owned()));
    let foreign = Ask::get("/socket.io/?EIO=4&transport=polling").header("origin", "https://evil.example");
    assert_eq!(foreign.of(&app).await.refusal(), (403, "bad_origin".to_owned()));
}

#[tokio::test]
async fn who_is_refused_hears_why_and_is_disconnected() {
    let app = App::start().await;
    for (connect, code) in [
        ("40", "unauthorized"),
        (r#"40{"token":7}"#, "unauthorized"),
        (r#"40{"token":"silence"}"#, "internal"),
    ] {
        let (packet, closed) = socket(&app, "", move |socket| {
            socket.next();
            socket.say(connect);
            (socket.next(), socket.closed())
        })
        .await;
        let error: Value = serde_json::from_str(packet.strip_prefix("44").unwrap()).unwrap();
        assert_eq!((&error["data"]["code"], closed), (&json!(code), Some(1000)));
    }
    let polled = Polled::open(&app).await;
    polled.post("40").await;
    assert!(polled.packets(1).await[0].starts_with("44{"));
    while !polled.is_over().await {}
    // Nor does it stay because it never asks what it was told, and says that it lives.
    let polled = Polled::open(&app).await;
    polled.post("40").await;
    while polled.post("3").await.status == 200 {}
}

#[tokio::test]
async fn another_namespace_is_refused_and_nothing_else_changes() {
    let app = App::start().await;
    socket(&app, "", |socket| {
        socket.connect();
        socket.say(r#"40/admin,{"token":"yes"}"#);
        assert!(
            socket
                .next()
                .starts_with(r#"44/admin,{"data":{"code":"invalid_namespace"},"message":"Invalid namespace"#)
        );
        socket.say(r#"40{"token":"yes"}"#);
        socket.say(r#"42["still",1]"#);
        assert_eq!(socket.next(), r#"42["still",1]"#);
    })
    .await;
}

#[tokio::test]
async fn who_does_not_connect_in_time_is_disconnected() {
    let app = App::start().await;
    let waited = Instant::now();
    let code = socket(&app, "", |socket| {
        socket.say("40/admin,");
        socket.closed()
    });
    assert_eq!(code.await, Some(1000));
    assert!(waited.elapsed() > Duration::from_millis(700));
    let polled = Polled::open(&app).await;
    let reply = polled.get().await;
    assert!(reply.body == "1" || reply.body == "2", "{reply:?}");
    while !polled.is_over().await {}
}

#[tokio::test]
async fn a_heart_that_does_not_beat_ends_the_session() {
    let app = App::start().await;
    let beats = socket(&app, "", |socket| {
        socket.connect();
        // Three answers, then none.
        for _ in 0..3 {
            assert_eq!(socket.raw(), "2");
            socket.say("3");
        }
        let mut more = 0;
        while let Ok(Message::Text(_)) = socket.0.read() {
            more += 1;
        }
        more
    });
    assert!((1..=3).contains(&beats.await));
    // One that polls no more, and never answered.
    let polled = Polled::connected(&app).await;
    assert_eq!(polled.get().await.body, "2");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(polled.is_over().await);
}

#[tokio::test]
async fn a_client_that_breaks_the_rules_is_disconnected() {
    let app = App::start().await;
    for (said, code) in [
        ("x", Some(1007)),
        ("", Some(1007)),
        ("4", Some(1007)),
        ("42", Some(1007)),
        ("42[]", Some(1007)),
        ("45-[\"a\"]", Some(1007)),
        ("4517-[\"a\"]", Some(1007)),
        ("44{}", Some(1007)),
        ("42/admin,[\"a\"]", Some(1007)),
        ("451-[\"a\",{\"_placeholder\":true,\"num\":0}]|42[\"b\"]", Some(1007)),
        ("41", Some(1000)),
        ("1", Some(1000)),
    ] {
        let closed = socket(&app, "", move |socket| {
            socket.connect();
            said.split('|').for_each(|text| socket.say(text));
            socket.closed()
        });
        assert_eq!(closed.await, code, "{said}");
    }
    // Before it has connected, and with a binary that belongs to nothing.
    for message in [Message::Text("42[\"a\"]".into()), Message::Binary("x".into())] {
        let closed = socket(&app, "", move |socket| {
            socket.0.send(message).unwrap();
            socket.closed()
        });
        assert_eq!(closed.await, Some(1007));
    }
    let polled = Polled::connected(&app).await;
    assert_eq!(polled.post("nonsense").await.status, 400);
    assert!(polled.is_over().await);
}

#[tokio::test]
async fn attachments_are_passed_over() {
    let app = App::start().await;
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    socket(&app, "", move |socket| {
        socket.connect();
        socket.say(&format!("452-[\"b\",{placeholder}]"));
        socket.0.send(Message::Binary("one".into())).unwrap();
        socket.0.send(Message::Binary("two".into())).unwrap();
        assert_eq!(socket.next(), format!("42[\"b\",{placeholder}]"));
    })
    .await;
    let polled = Polled::connected(&app).await;
    polled.post(format!("451-[\"b\",{placeholder}]\u{1e}bYWJj\u{1e}42[\"c\"]")).await;
    assert_eq!(polled.packets(2).await, [format!("42[\"b\",{placeholder}]"), "42[\"c\",null]".to_owned()]);
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let app = App::start().await;
    let closed = socket(&app, "", |socket| {
        socket.connect();
        socket.say(&format!("42[\"a\",\"{}\"]", "x".repeat(1 << 20)));
        socket.closed()
    });
    assert_eq!(closed.await, Some(1009));
    let polled = Polled::connected(&app).await;
    assert_eq!(polled.post(vec![b'x'; (1 << 20) + 1]).await.refusal(), (413, "too_large".to_owned()));
}

#[tokio::test]
async fn two_polls_at_once_end_the_session() {
    let app = App::start().await;
    let polled = Polled::connected(&app).await;
    let (one, other) = tokio::join!(polled.get(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        polled.get().await
    });
    assert_eq!((one.body.as_str(), other.status), ("1", 400));
    assert!(polled.is_over().await);
}

#[tokio::test]
async fn a_pong_proves_what_the_client_consumed() {
    let app = App::start().await;
    socket(&app, "", |socket| {
        socket.connect();
        socket.say(r#"42["prove"]"#);
        assert!(socket.raw().starts_with("42[\"big\""));
        assert_eq!(socket.raw(), "2");
        // Nothing is proved before it answers.
        socket.say(r#"42["x",1]"#);
        assert_eq!(socket.raw(), r#"42["meanwhile",1]"#);
        socket.say("3");
        assert_eq!(socket.next(), r#"42["proved",{}]"#);
    })
    .await;
    let polled = Polled::connected(&app).await;
    polled.post(r#"42["prove"]"#).await;
    let packets = polled.packets(2).await;
    assert!(packets[0].starts_with("42[\"big\""));
    assert_eq!(packets[1], r#"42["proved",{}]"#);
}

#[tokio::test]
async fn events_that_nobody_takes_end_the_session() {
    let app = App::start().await;
    let polled = Polled::connected(&app).await;
    polled.post(r#"42["careless"]"#).await;
    while !polled.is_over().await {}
}

#[tokio::test]
async fn there_are_only_so_many_sessions_and_they_go_when_they_end() {
    let app = App::start().await;
    for _ in 0..20 {
        Polled::open(&app).await;
    }
    let full = Ask::get("/socket.io/?EIO=4&transport=polling").of(&app).await;
    assert_eq!(full.refusal(), (503, "unavailable".to_owned()));
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if Ask::get("/socket.io/?EIO=4&transport=polling").of(&app).await.status == 200 {
            return;
        }
    }
}
