//! A client that sends exactly what it is told, and reads what comes until it is over.

use std::fmt::Write;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::App;

/// A server that takes longer hangs.
const HANGS: Duration = Duration::from_secs(20);

/// A connection.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn open(app: &App) -> Self {
        Self(TcpStream::connect(app.address).await.unwrap())
    }

    /// Sends as much as the server takes: it may hang up in between.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ =
            timeout(HANGS, self.0.write_all(bytes.as_ref())).await.expect("the server reads on or hangs up");
    }

    /// Sends and tells whether the server still takes it.
    pub(crate) async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// The next bytes; none when the server hung up.
    pub(crate) async fn read(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 64 << 10];
        let read = timeout(HANGS, self.0.read(&mut bytes)).await.expect("the server answers or hangs up");
        bytes.truncate(read.unwrap_or(0));
        bytes
    }

    /// Reads until this stands at the end of what came.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let more = self.read().await;
            assert!(!more.is_empty(), "hung up after {:?}", String::from_utf8_lossy(&read));
            read.extend(more);
        }
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Everything until the server hangs up.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut read = Vec::new();
        loop {
            let more = self.read().await;
            if more.is_empty() {
                return String::from_utf8_lossy(&read).into_owned();
            }
            read.extend(more);
        }
    }
}

/// A request to be sent.
#[derive(Clone)]
pub(crate) struct Ask {
    line: String,
    headers: String,
    body: Vec<u8>,
    hosted: bool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Ask {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let line = format!("{method} {target} HTTP/1.1");
        Self { line, headers: "connection: close\r\n".to_owned(), body: Vec::new(), hosted: false }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.hosted |= name.eq_ignore_ascii_case("host");
        let _ = write!(self.headers, "{name}: {value}\r\n");
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len();
        self.header("content-type", kind).header("content-length", &length.to_string())
    }

    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.body("application/json", body)
    }

    pub(crate) async fn of(self, app: &App) -> Reply {
        let host = if self.hosted { String::new() } else { format!("host: {}\r\n", app.address) };
        let mut bytes = format!("{}\r\n{host}{}\r\n", self.line, self.headers).into_bytes();
        bytes.extend(&self.body);
        let mut connection = Connection::open(app).await;
        connection.write(bytes).await;
        Reply::parse(&connection.read_to_end().await)
    }
}

impl Reply {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// The code of an error, which must have our shape.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        let error = &body["error"];
        assert!(error["message"].is_string(), "{self:?}");
        assert_eq!(error["request_id"].as_str(), self.header("x-request-id"), "{self:?}");
        error["code"].as_str().unwrap().to_owned()
    }

    /// Status and code.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

/// A refusal to compare with.
pub(crate) fn json(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
