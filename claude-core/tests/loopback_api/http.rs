//! The least HTTP client: one request per connection, and it tells a whole body from a cut one.

use claude_core::testing::LoopbackApi;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A response; the body is decoded.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// Whether the body came to its end.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The data of the events.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    /// The texts of the deltas, joined.
    pub(crate) fn text(&self) -> String {
        let events = self.events();
        events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect()
    }
}

/// A body that asks for one short answer.
pub(crate) fn question(stream: bool) -> Value {
    json!({"model": "claude-sonnet-5-5", "max_tokens": 100, "stream": stream,
        "messages": [{"role": "user", "content": "hi"}]})
}

pub(crate) async fn ask(api: &LoopbackApi, body: &Value) -> Answer {
    call(api, "POST", "/v1/messages", Some(body)).await
}

pub(crate) async fn call(api: &LoopbackApi, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let mut socket = open(api, method, path, body).await;
    let mut bytes = Vec::new();
    // A broken connection may show as an error or as an early end.
    _ = socket.read_to_end(&mut bytes).await;
    parse(&bytes)
}

/// Sends the request; the response is still to be read.
pub(crate) async fn open(api: &LoopbackApi, method: &str, path: &str, body: Option<&Value>) -> TcpStream {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut socket = TcpStream::connect(api.address()).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: loopback\r\nconnection: close\r\nx-api-key: k\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    socket
}

pub(crate) fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, rest) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let chunked = head.contains("transfer-encoding: chunked");
    let (body, whole) = if chunked { dechunk(rest) } else { (rest.to_owned(), true) };
    Answer { status, head: head.to_owned(), body, whole }
}

fn dechunk(mut rest: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let Some(chunk) = after.get(..size) else { break };
        body.push_str(chunk);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}
