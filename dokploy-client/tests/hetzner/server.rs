//! A server on loopback in front of a [`Zone`], and what goes wrong with its answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::TOKEN;
pub(crate) use super::request::Seen;
use super::request::read_request;
use super::zone::{Zone, refusal};

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What goes wrong with the next request of a method.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// Of any, where it is empty.
    pub(crate) method: &'static str,
    pub(crate) done: Done,
    pub(crate) told: Told,
}

/// What is done with the request nevertheless.
#[derive(Debug, Clone)]
pub(crate) enum Done {
    Nothing,
    All,
    /// Someone else puts this set in the place of the one of the same name and type.
    Replaced(Value),
}

#[derive(Debug, Clone)]
pub(crate) enum Told {
    Answer(Answer),
    /// The connection is broken off.
    Reset,
    Silence,
}

#[derive(Debug)]
struct State {
    zone: Zone,
    faults: VecDeque<Fault>,
    seen: Vec<Seen>,
}

#[derive(Debug, Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { zone: Zone::new(), faults: VecDeque::new(), seen: Vec::new() };
        let address = listener.local_addr().unwrap();
        let server = Self { address, state: Arc::new(Mutex::new(state)) };
        let listening = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = listening.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Looks at the zone, or changes it as someone else would.
    pub(crate) fn zone<T>(&self, look: impl FnOnce(&mut Zone) -> T) -> T {
        look(&mut self.state.lock().unwrap().zone)
    }

    /// From now on this goes wrong, in this order for each method.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults = faults.into_iter().collect();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn faults_left(&self) -> usize {
        self.state.lock().unwrap().faults.len()
    }

    /// How many requests of a method came.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|seen| seen.method == method).count()
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(seen) = read_request(&mut stream, &mut buffer).await {
            match self.told(&seen) {
                Told::Answer(answer) => {
                    if stream.write_all(&answer.to_bytes()).await.is_err() {
                        return;
                    }
                }
                Told::Reset => return stream.set_zero_linger().unwrap(),
                Told::Silence => tokio::time::sleep(Duration::from_secs(3600)).await,
            }
        }
    }

    fn told(&self, seen: &Seen) -> Told {
        let mut state = self.state.lock().unwrap();
        state.seen.push(seen.clone());
        if seen.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return Told::Answer(refusal(401, "unauthorized"));
        }
        let hits = |fault: &Fault| fault.method.is_empty() || fault.method == seen.method;
        let Some(at) = state.faults.iter().position(hits) else {
            return Told::Answer(state.zone.answer(seen));
        };
        let fault = state.faults.remove(at).unwrap();
        match fault.done {
            Done::Nothing => {}
            Done::All => drop(state.zone.answer(seen)),
            Done::Replaced(set) => state.zone.put(set),
        }
        fault.told
    }
}

impl Fault {
    /// It is answered so, and nothing is done.
    pub(crate) fn answer(method: &'static str, answer: Answer) -> Self {
        Self { method, done: Done::Nothing, told: Told::Answer(answer) }
    }
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string()).with("content-type", "application/json")
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} X\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        bytes.extend(format!("content-length: {}\r\n\r\n", self.body.len()).into_bytes());
        bytes.extend(&self.body);
        bytes
    }
}

impl Seen {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }
}
