//! A viewer of a terminal, by a WebSocket client that is not ours.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::server::Server;

/// How long a viewer waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const PROTOCOL: &str = "opskit.pty.v1";

/// What the server said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Output {
        offset: u64,
        data: Vec<u8>,
    },
    Exit(Value),
    Gap {
        from: u64,
        to: u64,
    },
    Error(Value),
    Pong(Vec<u8>),
    Resized(u16, u16),
    /// The socket was closed, with this code.
    Closed(Option<u16>),
}

pub(crate) struct Viewer {
    socket: WebSocketStream<TcpStream>,
    pub(crate) hello: Value,
    /// Where output goes on.
    pub(crate) at: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Server {
    /// Starts a terminal, and gives its id.
    pub(crate) async fn terminal(&self, body: &Value) -> String {
        let answer = self.request(Method::POST, "/api/terminals").json(body).send().await.unwrap();
        let status = answer.status();
        let info: Value = answer.json().await.unwrap();
        assert_eq!(status, 201, "{info}");
        info["id"].as_str().unwrap().to_owned()
    }

    /// A terminal that runs this text.
    pub(crate) async fn shell(&self, text: &str) -> String {
        self.terminal(&json!({"command": "bash", "args": ["-c", text], "cols": 80, "rows": 24})).await
    }

    pub(crate) async fn ticket(&self, id: &str, body: &Value) -> String {
        let request = self.request(Method::POST, &format!("/api/terminals/{id}/ticket"));
        let answer = request.json(body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()["ticket"].as_str().unwrap().to_owned()
    }

    /// A handshake, as it should be.
    pub(crate) fn handshake(&self, id: &str, query: &str) -> Request {
        let url = self.url.replacen("http", "ws", 1);
        let mut request = format!("{url}/api/terminals/{id}/ws{query}").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", PROTOCOL.parse().unwrap());
        request
    }

    pub(crate) async fn connect(&self, request: Request) -> Result<Viewer, u16> {
        let stream = TcpStream::connect(self.url.trim_start_matches("http://")).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], PROTOCOL);
                assert!(!answer.headers().contains_key("sec-websocket-extensions"));
                Ok(Viewer::new(socket).await)
            }
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A viewer by token.
    pub(crate) async fn view(&self, id: &str, query: &str) -> Viewer {
        self.connect(self.signed(id, query)).await.unwrap()
    }

    pub(crate) fn signed(&self, id: &str, query: &str) -> Request {
        let mut request = self.handshake(id, query);
        request.headers_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        request
    }
}

impl Viewer {
    async fn new(mut socket: WebSocketStream<TcpStream>) -> Self {
        let first = socket.next().await.unwrap().unwrap().into_data();
        assert_eq!(first[0], 0, "hello is the first frame");
        let hello: Value = serde_json::from_slice(&first[1..]).unwrap();
        let at = hello["from"].as_u64().unwrap();
        Self { socket, hello, at, bytes: Vec::new() }
    }

    /// The next thing the server says; output is not acknowledged.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            let message =
                tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("it takes too long");
            match message {
                Some(Ok(Message::Binary(bytes))) => return self.read(&bytes),
                Some(Ok(Message::Close(frame))) => return Said::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return Said::Closed(None),
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Said {
        let payload = &bytes[1..];
        let number = |at: usize| u64::from_be_bytes(payload[at..at + 8].try_into().unwrap());
        match bytes[0] {
            1 => {
                let (offset, data) = (number(0), payload[8..].to_vec());
                assert_eq!(offset, self.at, "output follows on");
                assert!(!data.is_empty() && bytes.len() <= 1 << 20);
                self.at += data.len() as u64;
                self.bytes.extend_from_slice(&data);
                Said::Output { offset, data }
            }
            2 => Said::Exit(serde_json::from_slice(payload).unwrap()),
            3 => {
                let (from, to) = (number(0), number(8));
                assert_eq!(from, self.at);
                self.at = to;
                Said::Gap { from, to }
            }
            4 => Said::Error(serde_json::from_slice(payload).unwrap()),
            5 => Said::Pong(payload.to_vec()),
            6 => {
                let pair = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
                Said::Resized(pair(0), pair(2))
            }
            other => panic!("a frame of type {other}"),
        }
    }

    /// The same, with output acknowledged.
    pub(crate) async fn follow(&mut self) -> Said {
        let said = self.next().await;
        if matches!(said, Said::Output { .. }) {
            self.ack(self.at).await;
        }
        said
    }

    /// Follows until the text is there.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.bytes).into_owned();
            if seen.contains(text) {
                return seen;
            }
            let said = self.follow().await;
            assert!(!matches!(said, Said::Closed(_)), "{text:?} never came: {seen:?}");
        }
    }

    /// Follows to the exit, which is followed by a close of 1000.
    pub(crate) async fn exit(&mut self) -> Value {
        loop {
            match self.follow().await {
                Said::Exit(exit) => {
                    assert_eq!(exit["head"], self.at);
                    assert_eq!(self.next().await, Said::Closed(Some(1000)));
                    return exit;
                }
                Said::Closed(code) => panic!("closed by {code:?} before the exit"),
                _ => {}
            }
        }
    }

    /// Reads on to the next error.
    pub(crate) async fn error(&mut self) -> String {
        loop {
            match self.next().await {
                Said::Error(error) => return error["code"].as_str().unwrap().to_owned(),
                Said::Closed(code) => panic!("closed by {code:?} without an error"),
                _ => {}
            }
        }
    }

    /// A fatal error, and the code of the close behind it.
    pub(crate) async fn farewell(&mut self) -> (String, Option<u16>) {
        let code = loop {
            match self.next().await {
                Said::Error(error) if error["fatal"] == true => {
                    break error["code"].as_str().unwrap().to_owned();
                }
                Said::Closed(code) => return (String::new(), code),
                _ => {}
            }
        };
        match self.next().await {
            Said::Closed(close) => (code, close),
            other => panic!("{other:?} after {code}"),
        }
    }

    /// Sends a message as it is.
    pub(crate) async fn send(&mut self, message: impl Into<Vec<u8>>) {
        self.socket.send(Message::binary(message.into())).await.unwrap();
    }

    pub(crate) async fn raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    pub(crate) async fn input(&mut self, bytes: &[u8]) {
        self.send([&[0x10], bytes].concat()).await;
    }

    pub(crate) async fn ack(&mut self, to: u64) {
        // The server may have closed already.
        let _ = self.socket.send(Message::binary([&[0x12][..], &to.to_be_bytes()].concat())).await;
    }

    pub(crate) async fn resize(&mut self, cols: u16, rows: u16) {
        self.send([&[0x11][..], &cols.to_be_bytes(), &rows.to_be_bytes()].concat()).await;
    }

    /// Closes with this code, in order.
    pub(crate) async fn close(mut self, code: u16) {
        let frame = tungstenite::protocol::CloseFrame { code: code.into(), reason: "".into() };
        self.socket.close(Some(frame)).await.unwrap();
        while !matches!(self.next().await, Said::Closed(_)) {}
    }

    /// The bare stream below, for what no client would send.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.socket.get_mut()
    }
}
