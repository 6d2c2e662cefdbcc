//! The sockets: connections, requests, and the faults that are played on them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::answer::{Answer, Framing};
use super::calls::Calls;
use super::faults::{Faults, Point, What};
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
    pub(super) life: Mutex<Life>,
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

/// Serves connections until it is dropped, and they with it.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, epoch: u64) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => _ = connections.spawn(serve(stream, Arc::clone(&shared), epoch)),
            // Too many open files, most likely: others close theirs meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
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
        Ok(Some(answer)) => Ok(response(answer)),
        Ok(None) | Err(_) => {
            breaks.set();
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

/// Carries a call out, with what is to go wrong; `None` breaks the connection off.
async fn carry_out(request: Request, shared: Arc<Shared>, epoch: u64) -> Option<Answer> {
    shared.calls().add(request.call.clone());
    let fault = shared.faults().take(&request.call.name);
    if let Some((Point::Before, what)) = &fault
        && let ControlFlow::Break(end) = strike(what, &shared).await
    {
        return end;
    }
    if shared.life().epoch() != epoch {
        return None;
    }
    let answer = {
        let mut state = shared.state();
        let made = state.queue.made();
        let answer = state.handle(&request);
        if state.queue.made() > made && matches!(fault, Some((_, What::StuckJob))) {
            state.queue.stick_last();
        }
        answer
    };
    shared.jobs.notify_one();
    if let Some((Point::After, what)) = &fault
        && let ControlFlow::Break(end) = strike(what, &shared).await
    {
        return end;
    }
    Some(answer)
}

/// Does what goes wrong, which may end the call with an answer, or without one.
async fn strike(what: &What, shared: &Arc<Shared>) -> ControlFlow<Option<Answer>> {
    match what {
        What::Answer(answer) => ControlFlow::Break(Some(answer.clone())),
        What::Reset => ControlFlow::Break(None),
        What::Restart => {
            let shared = Arc::clone(shared);
            // Not here: this call is one of those that end by it. Where the port was taken meanwhile the server stays down.
            tokio::spawn(async move { super::life::restart(&shared).await });
            ControlFlow::Break(None)
        }
        What::Wait(wait) => {
            tokio::time::sleep(*wait).await;
            ControlFlow::Continue(())
        }
        // Done with the call, before its job can start.
        What::StuckJob => ControlFlow::Continue(()),
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

fn response(answer: Answer) -> Response<Pieces> {
    let has_length = answer.framing == Framing::Length;
    let mut response = Response::new(Pieces::new(answer.body, has_length));
    // What is no status comes from a fault that was written so.
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A body, in chunks unless its length is told: two, so that no answer comes at once by chance.
#[derive(Debug)]
struct Pieces {
    left: Bytes,
    has_length: bool,
    piece: usize,
}

impl Pieces {
    fn new(body: Bytes, has_length: bool) -> Self {
        let piece = if has_length { body.len() } else { body.len().div_ceil(2) };
        Self { left: body, has_length, piece: piece.max(1) }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.piece.min(self.left.len());
        let piece = self.left.split_to(piece);
        Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.has_length { SizeHint::with_exact(self.left.len() as u64) } else { SizeHint::default() }
    }
}
