//! A server on loopback that answers as it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) use super::request::Seen;
use super::request::read_request;

const VERSION_PATH: &str = "/api/settings.getDokployVersion";

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// It answers.
    Answer(Answer),
    /// It answers after a while.
    Late(Duration, Answer),
    /// It breaks the connection off, having read the request.
    ResetAfter,
    /// It breaks the connection off in the midst of its answer.
    Cut,
    /// It tells a status, and nothing more.
    Head(u16),
    /// It says this, and closes the connection.
    Raw(&'static [u8]),
    /// It says nothing.
    Silence,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) chunked: bool,
}

#[derive(Debug, Default)]
struct State {
    /// What it says to the question for its version; `None` leaves that to the plan.
    version: Option<String>,
    /// The last one is for all that follow.
    plan: VecDeque<Reply>,
    seen: Vec<Seen>,
    versions_told: usize,
    /// Connections are broken off before a request is read.
    resets_before: bool,
    connections: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Server {
    /// A server of this version, on a free port.
    pub(crate) async fn start(version: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, version)
    }

    pub(crate) fn on(listener: TcpListener, version: Option<&str>) -> Self {
        let address = listener.local_addr().unwrap();
        let state = State { version: version.map(str::to_owned), ..State::default() };
        let server = Self { address, state: Arc::new(Mutex::new(state)), accepting: Arc::default() };
        let listening = server.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = listening.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        *server.accepting.lock().unwrap() = Some(accepting);
        server
    }

    /// Closes the port; connections that stand go on.
    pub(crate) async fn stop(&self) {
        let accepting = self.accepting.lock().unwrap().take().unwrap();
        accepting.abort();
        assert!(accepting.await.unwrap_err().is_cancelled());
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it does this; what it saw is forgotten.
    pub(crate) fn plan(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut state = self.state.lock().unwrap();
        state.plan = replies.into_iter().collect();
        state.seen.clear();
        state.versions_told = 0;
    }

    pub(crate) fn set_version(&self, version: &str) {
        self.state.lock().unwrap().version = Some(version.to_owned());
    }

    pub(crate) fn reset_before_requests(&self) {
        self.state.lock().unwrap().resets_before = true;
    }

    /// The requests since the last plan, but for the questions for the version.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// How often it told its version since the last plan.
    pub(crate) fn versions_told(&self) -> usize {
        self.state.lock().unwrap().versions_told
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    async fn serve(&self, mut stream: TcpStream) {
        let resets_before = {
            let mut state = self.state.lock().unwrap();
            state.connections += 1;
            state.resets_before
        };
        if resets_before {
            return stream.set_zero_linger().unwrap();
        }
        let mut buffer = Vec::new();
        while let Some(seen) = read_request(&mut stream, &mut buffer).await {
            let mut reply = self.reply(seen);
            if let Reply::Late(wait, answer) = reply {
                tokio::time::sleep(wait).await;
                reply = Reply::Answer(answer);
            }
            match reply {
                Reply::Answer(answer) => {
                    if stream.write_all(&answer.to_bytes()).await.is_err() {
                        return;
                    }
                }
                Reply::ResetAfter => return stream.set_zero_linger().unwrap(),
                Reply::Cut => {
                    let begun =
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"a";
                    _ = stream.write_all(begun).await;
                    return;
                }
                Reply::Head(status) => {
                    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 9\r\n\r\n");
                    _ = stream.write_all(head.as_bytes()).await;
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }
                Reply::Raw(said) => {
                    _ = stream.write_all(said).await;
                    return;
                }
                Reply::Silence | Reply::Late(..) => tokio::time::sleep(Duration::from_secs(3600)).await,
            }
        }
    }

    fn reply(&self, seen: Seen) -> Reply {
        let mut state = self.state.lock().unwrap();
        if let (VERSION_PATH, Some(version)) = (&*seen.path, state.version.clone()) {
            state.versions_told += 1;
            return Reply::json(200, &Value::String(version));
        }
        state.seen.push(seen);
        if state.plan.len() > 1 { state.plan.pop_front() } else { state.plan.front().cloned() }
            .expect("a plan")
    }
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string()).with("content-type", "application/json")
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Answer(Answer { status, headers: Vec::new(), body: body.into(), chunked: true })
    }

    /// The same, but after a while.
    pub(crate) fn late(self, wait: Duration) -> Self {
        match self {
            Self::Answer(answer) => Self::Late(wait, answer),
            other => other,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

impl Answer {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} X\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        if !self.chunked {
            bytes.extend(format!("content-length: {}\r\n\r\n", self.body.len()).into_bytes());
            bytes.extend(&self.body);
            return bytes;
        }
        bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
        // In two pieces, so that no answer comes at once by chance.
        for piece in self.body.chunks(self.body.len().div_ceil(2).max(1)) {
            bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            bytes.extend(piece);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }
}
