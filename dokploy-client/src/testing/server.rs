//! The sockets: connections, requests, and the faults that are played on them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answer::Answer;
use super::body::{Delivery, Pieces};
use super::calls::Calls;
use super::faults::{End, Faults, Point, Struck};
use super::jobs::Timing;
use super::life::Life;
use super::request::{BODY_MAX, Call, Request};
use super::socket::{Break, Socket};
use super::state::State;

/// How long a connection is kept without a request.
pub const IDLE: Duration = Duration::from_secs(5);

/// Connections at once; beyond it the next one waits to be accepted.
const CONNECTIONS_MAX: usize = 1000;

/// The most bytes of a body that are read, to be refused; beyond it the connection is closed.
const BODY_READ_MAX: usize = 16 * BODY_MAX;

/// What stays as it is.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) timing: Timing,
    /// Whether jobs are started and ended by hand.
    pub(super) holds_jobs: bool,
    pub(super) restart_takes: Duration,
}

/// What connections, jobs and the handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) settings: Settings,
    /// Told when there may be something for the jobs to do.
    pub(super) jobs: Notify,
    /// Locked before the state where both are.
    life: Mutex<Life>,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    calls: Mutex<Calls>,
}

impl Shared {
    pub(super) fn new(address: SocketAddr, settings: Settings, state: State) -> Self {
        Self {
            address,
            settings,
            jobs: Notify::new(),
            life: Mutex::default(),
            state: Mutex::new(state),
            faults: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// The state for a process, by its number; `None` if it is no more. Who holds it is done with it before the process
    /// can end.
    pub(super) fn state_of(&self, epoch: u64) -> Option<MutexGuard<'_, State>> {
        let life = self.life();
        (life.epoch() == epoch).then(|| self.state())
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    pub(super) fn calls(&self) -> MutexGuard<'_, Calls> {
        locked(&self.calls)
    }

    pub(super) fn life(&self) -> MutexGuard<'_, Life> {
        locked(&self.life)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves connections until their process ends, and they with it.
pub(super) async fn accept(shared: Arc<Shared>, epoch: u64) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match poll_fn(|context| shared.life().poll_accept(epoch, context)).await {
            Some(Ok(stream)) => _ = connections.spawn(serve(stream, Arc::clone(&shared), epoch)),
            // Too many open files, most likely: others close theirs meanwhile.
            Some(Err(_)) => sleep(Duration::from_millis(10)).await,
            None => return,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, epoch: u64) {
    let (socket, breaks) = Socket::new(stream);
    let service = service_fn(|request| answer_or_break(request, Arc::clone(&shared), epoch, breaks.clone()));
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(IDLE);
    // How it ended is the client's to tell.
    _ = connection.serve_connection(TokioIo::new(socket), service).await;
}

async fn answer_or_break(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
    epoch: u64,
    breaks: Break,
) -> io::Result<Response<Pieces>> {
    let request = read(request).await?;
    // A task of its own: a client that leaves changes nothing.
    let carried_out = tokio::spawn(carry_out(request, shared, epoch)).await;
    match carried_out {
        Ok(Some((answer, delivery))) => Ok(response(answer, delivery)),
        Ok(None) | Err(_) => {
            breaks.set();
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

/// Carries a call out, with what is to go wrong; `None` breaks the connection off.
async fn carry_out(request: Request, shared: Arc<Shared>, epoch: u64) -> Option<(Answer, Delivery)> {
    shared.calls().add(request.call.clone());
    if shared.life().epoch() != epoch {
        return None;
    }
    let struck = shared.faults().take(&request.call.name);
    if let ControlFlow::Break(end) = strike(&struck, Point::Before, &request.call, &shared).await {
        return Some((end?, struck.body));
    }
    let answer = handle(&request, &shared, epoch)?;
    let answer = match strike(&struck, Point::After, &request.call, &shared).await {
        ControlFlow::Break(end) => end?,
        ControlFlow::Continue(()) => answer,
    };
    Some((answer, struck.body))
}

/// Does what goes wrong then, which may end the call with an answer, or without one.
async fn strike(
    struck: &Struck,
    at: Point,
    call: &Call,
    shared: &Arc<Shared>,
) -> ControlFlow<Option<Answer>> {
    if let Some(wait) = struck.wait_at(at) {
        sleep(wait).await;
    }
    match struck.end_at(at) {
        Some(end) => ControlFlow::Break(end_with(end, shared, &call.name)),
        None => ControlFlow::Continue(()),
    }
}

/// Does what the call says; `None` if its process is no more.
fn handle(request: &Request, shared: &Shared, epoch: u64) -> Option<Answer> {
    let mut state = shared.state_of(epoch)?;
    let made = state.queue.made();
    let answer = state.handle(request);
    if state.queue.made() > made && shared.faults().take_stuck_job(&request.call.name) {
        state.queue.stick_last();
    }
    drop(state);
    shared.jobs.notify_one();
    Some(answer)
}

/// Ends a call with an answer, or without one.
fn end_with(end: &End, shared: &Arc<Shared>, call: &str) -> Option<Answer> {
    match end {
        End::Answer(answer) => Some(answer.clone()),
        End::Status(status) => Some(Answer::injected(*status, shared.state().version, call)),
        End::Reset => None,
        End::Restart => {
            let shared = Arc::clone(shared);
            // Not here: this call is one of those that end by it. Where the port was taken meanwhile the server stays down.
            tokio::spawn(async move { super::life::restart(&shared).await });
            None
        }
    }
}

async fn read(request: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let (body, is_too_long) = read_body(body).await?;
    let path = head.uri.path().to_owned();
    let query =
        form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = header("content-type").and_then(|value| value.split(';').next());
    let call = Call {
        method: head.method.to_string(),
        name: path.strip_prefix("/api/").unwrap_or(&path).to_owned(),
        query,
        body,
    };
    Ok(Request {
        call,
        key: header("x-api-key").map(str::to_owned),
        content_type: content_type.unwrap_or_default().trim().to_ascii_lowercase(),
        path,
        is_too_long,
    })
}

/// A body, empty if it is too long. It is read to its end even so, or the client would not hear why.
async fn read_body(mut body: Incoming) -> io::Result<(Bytes, bool)> {
    let (mut read, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { continue };
        length += data.len();
        if length > BODY_READ_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if length <= BODY_MAX {
            read.extend_from_slice(&data);
        }
    }
    let is_too_long = length > BODY_MAX;
    Ok((if is_too_long { Bytes::new() } else { read.freeze() }, is_too_long))
}

fn response(answer: Answer, delivery: Delivery) -> Response<Pieces> {
    let mut response = Response::new(Pieces::new(answer.body, answer.framing, delivery));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
    for (name, value) in answer.headers {
        headers.insert(name, value);
    }
    response
}
