//! The server under test: a few routes of each kind.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Response};
use axum::{Router, routing};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, UPGRADE};
use http_body::Frame;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use server_kit::auth::{Access, Identity, Scope, Tickets};
use server_kit::guard::origin::Checked;
use server_kit::guard::{Gate, RateLimit};
use server_kit::health::Check;
use server_kit::json::{Json, Path, Query};
use server_kit::peer::Peer;
use server_kit::problem::Problem;
use server_kit::routes::{About, Routes};
use server_kit::server::Server;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa_axum::routes;

use super::stub::Stub;
use super::{socket_io, sockets};

pub(crate) const VERSION: &str = "1.2.3";

/// A running server. Dropped, it is asked to end.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<std::io::Result<()>>,
    pub(crate) state: Arc<Seen>,
}

/// What the handlers saw, and how they are steered.
#[derive(Default)]
pub(crate) struct Seen {
    /// How often the handler ran that no smuggled request may reach.
    pub(crate) marker: AtomicUsize,
    /// Lets slow answers go on.
    pub(crate) go: Notify,
    /// Told when a slow answer was begun.
    pub(crate) begun: Notify,
    /// Told when the reader of a stream is gone.
    pub(crate) gone: Notify,
    /// What `/api/ws` asks for.
    pub(crate) tickets: Tickets<u32>,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(|server, _| server).await
    }

    pub(crate) async fn with(change: impl FnOnce(Server, u16) -> Server) -> Self {
        Self::limited(RateLimit { requests: 0, window: Duration::from_mins(1) }, change).await
    }

    pub(crate) async fn limited(rate: RateLimit, change: impl FnOnce(Server, u16) -> Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Seen::default());
        let about = About { title: "test", version: VERSION };
        let server = Server::new(about, routes(&state), Gate::new(Arc::new(Stub), rate));
        let server = change(server.check(Check::new("store", async || true)), address.port());
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(server.serve(listener, shutdown.clone()));
        Self { address, shutdown, served, state }
    }

    pub(crate) fn marker(&self) -> usize {
        self.state.marker.load(Ordering::SeqCst)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A page to hand in.
pub(crate) fn page() -> Router {
    Router::new().fallback(routing::get(async || Html("<p>the page</p>")))
}

fn routes(state: &Arc<Seen>) -> Routes<()> {
    Routes::new()
        .at(Access::viewer(Scope::Read), routes!(thing))
        .at(Access::user(Scope::Chat), routes!(order, list))
        .at(Access::admin(), routes!(erase))
        .at(Access::Public, routes!(marker))
        .at(Access::Public, routes!(echo))
        .at(Access::Public, routes!(length))
        .at(Access::Public, routes!(asks))
        .at(Access::Public, routes!(panics))
        .at(Access::Public, routes!(slow))
        .at(Access::Public, routes!(stream))
        .at(Access::Public, routes!(flood))
        .at(Access::Public, routes!(cached))
        .at(Access::Public, routes!(upgrade))
        .at(Access::user(Scope::Chat), routes!(socket))
        .at(Access::Public, routes!(sockets::echo))
        .at(Access::Public, routes!(sockets::brief))
        .at(Access::Ticket, routes!(sockets::ticketed))
        .with_state(Arc::clone(state))
        .merge(
            Routes::new().uncounted(routes!(socket_io::get, socket_io::post)).with_state(socket_io::server()),
        )
}

#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    name: String,
    count: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u32>,
}

#[utoipa::path(get, path = "/api/things/{id}", responses((status = 200)))]
async fn thing(Path(id): Path<u32>, who: Identity) -> String {
    format!("{id} for {}", who.name)
}

#[utoipa::path(delete, path = "/api/things/{id}", responses((status = 200)))]
async fn erase(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[utoipa::path(post, path = "/api/things", request_body = Order, responses((status = 200, body = Order)))]
async fn order(Json(order): Json<Order>) -> Json<Order> {
    Json(order)
}

#[utoipa::path(get, path = "/api/things", responses((status = 200)))]
async fn list(Query(page): Query<Page>) -> String {
    page.limit.unwrap_or_default().to_string()
}

#[utoipa::path(get, path = "/public/marker", responses((status = 200)))]
async fn marker(State(seen): State<Arc<Seen>>) -> &'static str {
    seen.marker.fetch_add(1, Ordering::SeqCst);
    "marked"
}

#[utoipa::path(post, path = "/public/echo", request_body = Order, responses((status = 200)))]
async fn echo(Json(order): Json<Order>) -> Json<Order> {
    Json(order)
}

#[utoipa::path(post, path = "/public/length", request_body = String, responses((status = 200)))]
async fn length(body: Bytes) -> String {
    body.len().to_string()
}

#[utoipa::path(get, path = "/public/asks", responses((status = 200)))]
async fn asks(Peer(address): Peer) -> String {
    address.to_string()
}

#[utoipa::path(get, path = "/public/panics", responses((status = 200)))]
async fn panics() -> &'static str {
    panic!("a planted panic")
}

#[utoipa::path(get, path = "/public/slow", responses((status = 200)))]
async fn slow(State(seen): State<Arc<Seen>>) -> &'static str {
    seen.begun.notify_one();
    seen.go.notified().await;
    "slow"
}

/// One frame at once, another when told to.
#[utoipa::path(get, path = "/public/stream", responses((status = 200)))]
async fn stream(State(seen): State<Arc<Seen>>) -> Response {
    let (frames, body) = mpsc::channel(1);
    tokio::spawn(async move {
        let _ = frames.send(Bytes::from_static(b"data: one\n\n")).await;
        tokio::select! {
            () = frames.closed() => seen.gone.notify_one(),
            () = seen.go.notified() => drop(frames.send(Bytes::from_static(b"data: two\n\n")).await),
        }
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(Frames(body))).into_response()
}

/// More than any buffer holds, without an end.
#[utoipa::path(get, path = "/public/flood", responses((status = 200)))]
async fn flood(State(seen): State<Arc<Seen>>) -> Body {
    let (frames, body) = mpsc::channel(1);
    tokio::spawn(async move {
        while frames.send(Bytes::from(vec![b'x'; 100_000])).await.is_ok() {}
        seen.gone.notify_one();
    });
    Body::new(Frames(body))
}

#[utoipa::path(get, path = "/public/cached", responses((status = 200)))]
async fn cached() -> impl IntoResponse {
    [(CACHE_CONTROL, "max-age=60")]
}

#[utoipa::path(get, path = "/api/socket", responses((status = 200)))]
async fn socket(_: Checked) -> Result<&'static str, Problem> {
    Ok("upgraded")
}

/// Sends back what it gets.
#[utoipa::path(get, path = "/public/upgrade", responses((status = 101)))]
async fn upgrade(request: Request) -> impl IntoResponse {
    tokio::spawn(async move {
        let mut socket = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let (mut from, mut to) = tokio::io::split(&mut socket);
        let _ = tokio::io::copy(&mut from, &mut to).await;
    });
    (StatusCode::SWITCHING_PROTOCOLS, [(CONNECTION, "upgrade"), (UPGRADE, "echo")])
}

struct Frames(mpsc::Receiver<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}
