//! A server that sends scripted bytes, well behaved or not, and sees when its client leaves.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the server does once a request is read. After the last step it closes the connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Bytes),
    Pause(Duration),
    /// Nothing more, until the client leaves.
    Stall,
    /// Breaks the connection without a proper end.
    Reset,
    /// Reads the next request from the same connection.
    Keep,
}

/// Answers the first request by the first script, and so on; the last one repeats.
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    scripts: Vec<Vec<Step>>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    left: watch::Sender<usize>,
}

impl Server {
    pub(crate) async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            scripts,
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            left: watch::Sender::new(0),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&serving);
                tokio::spawn(async move { shared.serve(socket).await });
            }
        });
        Self { url, shared }
    }

    /// The requests so far: head, empty line, body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Returns once so many clients have left in the midst of an answer.
    pub(crate) async fn saw_leave(&self, clients: usize) {
        self.shared.left.subscribe().wait_for(|left| *left >= clients).await.unwrap();
    }
}

impl Shared {
    async fn serve(&self, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        while let Some(request) = read_request(&mut socket).await? {
            let number = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request);
                requests.len() - 1
            };
            let script = self.scripts.get(number).or(self.scripts.last()).cloned().unwrap_or_default();
            match self.play(&mut socket, script).await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(_) => {
                    self.left.send_modify(|left| *left += 1);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Whether the connection is kept.
    async fn play(&self, socket: &mut TcpStream, script: Vec<Step>) -> io::Result<bool> {
        for step in script {
            match step {
                Step::Send(bytes) => socket.write_all(&bytes).await?,
                Step::Pause(time) => tokio::time::sleep(time).await,
                Step::Stall => {
                    // Zero bytes or an error: either way nobody is there any more.
                    _ = socket.read(&mut [0; 1]).await;
                    self.left.send_modify(|left| *left += 1);
                }
                Step::Reset => socket.set_zero_linger()?,
                Step::Keep => return Ok(true),
            }
        }
        Ok(false)
    }
}

async fn read_request(socket: &mut TcpStream) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return Ok(Some(text.into_owned()));
            }
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

pub(crate) fn send(bytes: impl Into<Bytes>) -> Step {
    Step::Send(bytes.into())
}

/// The head of a stream, chunked; the chunks are to follow.
pub(crate) const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
    request-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n";

/// The last chunk.
pub(crate) const END: &str = "0\r\n\r\n";

pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Bytes {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat().into()
}

/// A response with this body and a length.
pub(crate) fn response(status: u16, content_type: &str, body: &str) -> String {
    with_headers(status, &format!("content-type: {content_type}\r\n"), body)
}

/// A response with these header lines.
pub(crate) fn with_headers(status: u16, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nrequest-id: req_1\r\n{lines}content-length: {length}\r\n\r\n{body}")
}

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

pub(crate) fn start() -> String {
    event(
        "message_start",
        r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":5,"output_tokens":1}}}"#,
    )
}

pub(crate) fn block() -> String {
    event(
        "content_block_start",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    )
}

pub(crate) fn delta(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    event(
        "content_block_delta",
        &format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{text}}}}}"#
        ),
    )
}

pub(crate) fn ping() -> String {
    event("ping", r#"{"type":"ping"}"#)
}

pub(crate) fn error(kind: &str) -> String {
    event("error", &format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"so it is"}}}}"#))
}

/// The events behind the last delta but `message_stop`.
pub(crate) fn closing() -> String {
    let stop = event("content_block_stop", r#"{"type":"content_block_stop","index":0}"#);
    let delta = event(
        "message_delta",
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
    );
    stop + &delta
}

pub(crate) fn stop() -> String {
    event("message_stop", r#"{"type":"message_stop"}"#)
}

/// A whole answer.
pub(crate) fn answer(text: &str) -> String {
    [start(), block(), delta(text), closing(), stop()].concat()
}

/// A whole answer as one response.
pub(crate) fn whole(text: &str) -> Vec<Step> {
    vec![send(HEAD), send(chunk(answer(text))), send(END), Step::Keep]
}
