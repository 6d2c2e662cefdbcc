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

    /// The types of the events.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// The deltas of this type, each one's text.
    pub(crate) fn pieces(&self, member: &str) -> Vec<String> {
        let events = self.events();
        events.iter().filter_map(|event| event["delta"][member].as_str().map(str::to_owned)).collect()
    }

    /// A header of the response.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
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

/// As [`ask`], with these header lines instead of the usual key.
pub(crate) async fn ask_with(api: &LoopbackApi, headers: &str, body: &Value) -> Answer {
    let mut socket = open_with(api, "POST /v1/messages", headers, Some(body)).await;
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    parse(&bytes)
}

/// Sends the request; the response is still to be read.
pub(crate) async fn open(api: &LoopbackApi, method: &str, path: &str, body: Option<&Value>) -> TcpStream {
    open_with(api, &format!("{method} {path}"), "x-api-key: k\r\n", body).await
}

async fn open_with(api: &LoopbackApi, what: &str, headers: &str, body: Option<&Value>) -> TcpStream {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut socket = TcpStream::connect(api.address()).await.unwrap();
    let head = format!(
        "{what} HTTP/1.1\r\nhost: loopback\r\nconnection: close\r\n{headers}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    socket
}

pub(crate) fn parse(bytes: &[u8]) -> Answer {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n").unwrap_or(bytes.len());
    let (head, rest) =
        (String::from_utf8_lossy(&bytes[..end]).into_owned(), bytes.get(end + 4..).unwrap_or_default());
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let chunked = head.contains("transfer-encoding: chunked");
    let (body, whole) = if chunked { dechunk(rest) } else { (rest.to_vec(), true) };
    Answer { status, head, body: String::from_utf8_lossy(&body).into_owned(), whole }
}

/// The body, and whether its last chunk came.
fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else { break };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
    (body, false)
}
