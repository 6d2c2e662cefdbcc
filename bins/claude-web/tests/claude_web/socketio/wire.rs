//! Engine.IO by hand, without a client behind it.

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

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
pub(crate) const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// A WebSocket without a client behind it.
pub(crate) struct Wire(pub(crate) WebSocketStream<TcpStream>);

/// What the server says at the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    /// Closed, with this code.
    Closed(Option<u16>),
}

pub(crate) fn handshake(server: &Server, path: &str) -> Request {
    format!("{}{path}", server.url.replacen("http", "ws", 1)).into_client_request().unwrap()
}

impl Wire {
    pub(crate) async fn try_open(server: &Server, request: Request) -> Result<Self, u16> {
        let stream = TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, answer)) => {
                assert!(!answer.headers().contains_key("sec-websocket-extensions"));
                Ok(Self(socket))
            }
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens one, which is greeted.
    pub(crate) async fn open(server: &Server) -> Self {
        let mut wire = Self::try_open(server, handshake(server, WEBSOCKET)).await.unwrap();
        let hello = wire.text().await;
        assert!(hello.starts_with("0{"), "{hello}");
        wire
    }

    /// Opens one that is let in, with a terminal or without.
    pub(crate) async fn connected(server: &Server, starts: bool) -> Self {
        let mut wire = Self::open(server).await;
        wire.send(format!("40{}", json!({"token": server.token, "start": starts}))).await;
        let told = wire.text().await;
        assert!(told.starts_with("40{"), "{told}");
        wire
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        // The server may have closed already.
        let _ = self.0.send(Message::text(text.into())).await;
    }

    /// The next thing the server says; pings are answered.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("it takes too long") {
                Some(Ok(Message::Text(text))) if text == "2" => self.send("3").await,
                Some(Ok(Message::Text(text))) => return Said::Text(text.to_string()),
                Some(Ok(Message::Close(frame))) => return Said::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return Said::Closed(None),
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Said::Text(text) => text,
            Said::Closed(code) => panic!("closed by {code:?}"),
        }
    }

    /// Reads on to the close.
    pub(crate) async fn close(&mut self) -> Option<u16> {
        loop {
            if let Said::Closed(code) = self.next().await {
                return code;
            }
        }
    }

    /// Reads on until a packet holds this.
    pub(crate) async fn until(&mut self, part: &str) -> String {
        loop {
            let text = self.text().await;
            if text.contains(part) {
                return text;
            }
        }
    }
}

pub(crate) async fn poll(server: &Server, sid: &str) -> (u16, String) {
    let answer = server.bare(Method::GET, &format!("{POLLING}&sid={sid}")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

pub(crate) async fn post(server: &Server, sid: &str, body: impl Into<reqwest::Body>) -> u16 {
    let request = server.bare(Method::POST, &format!("{POLLING}&sid={sid}")).body(body);
    request.send().await.unwrap().status().as_u16()
}

/// Begins a session by polling, and gives its id.
pub(crate) async fn begin(server: &Server) -> String {
    let answer = server.bare(Method::GET, POLLING).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    let hello: Value = serde_json::from_str(text.strip_prefix('0').unwrap()).unwrap();
    assert_eq!((&hello["upgrades"], &hello["maxPayload"]), (&json!(["websocket"]), &json!(1 << 20)));
    hello["sid"].as_str().unwrap().to_owned()
}

/// The same, and is let in.
pub(crate) async fn begin_connected(server: &Server) -> String {
    let sid = begin(server).await;
    let connect = format!("40{}", json!({"token": server.token, "start": false}));
    assert_eq!(post(server, &sid, connect).await, 200);
    let (_, told) = poll(server, &sid).await;
    assert!(told.starts_with("40{"), "{told}");
    sid
}
