//! What the relays on hyper share: one thread, a connection to the upstream for each turn.

use std::convert::Infallible;
use std::env;
use std::future::Future;
use std::net::Ipv4Addr;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

use super::BASE_URL;
use crate::allocations;
use crate::contestant::LISTENING;

/// Tells how many allocations this process has made so far.
pub(crate) const ALLOCATIONS_PATH: &str = "/allocations";

/// What the reader asked is not told: each asks the same.
const ASK: &str = concat!(
    r#"{"model":"claude-sonnet-5-5","max_tokens":4096,"stream":true,"#,
    r#""messages":[{"role":"user","content":"Say hello."}]}"#
);

/// Serves turns until somebody ends this process. `open` asks the upstream and gives the body of the answer.
pub(super) fn serve<F, B>(open: impl Fn() -> F + Clone + 'static) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<B>> + 'static,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(accept(open)))
}

async fn accept<F, B>(open: impl Fn() -> F + Clone + 'static) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<B>> + 'static,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{LISTENING}{}", listener.local_addr()?.port());
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let open = open.clone();
        spawn_local(async move {
            let service = service_fn(move |request| answer(request, open.clone()));
            let mut http = hyper::server::conn::http1::Builder::new();
            // A reader that left is no error.
            let _ = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer<F, B>(
    request: Request<Incoming>,
    open: impl Fn() -> F,
) -> Result<Response<Either<Full<Bytes>, B>>, Infallible>
where
    F: Future<Output = anyhow::Result<B>>,
{
    let plain = |text: String| Response::new(Either::Left(Full::new(text.into())));
    if request.uri().path() == ALLOCATIONS_PATH {
        return Ok(plain(allocations::of_this_thread().to_string()));
    }
    let _ = request.into_body().collect().await;
    Ok(match open().await {
        Ok(body) => {
            let mut response = Response::new(Either::Right(body));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/event-stream"));
            headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-cache"));
            response
        }
        Err(error) => {
            let mut response = plain(format!("{error:#}"));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    })
}

/// Where the Messages API is: host and port.
pub(super) fn upstream() -> anyhow::Result<String> {
    let url = env::var(BASE_URL).with_context(|| format!("{BASE_URL} is not set"))?;
    Ok(url.strip_prefix("http://").context("the upstream speaks plain HTTP")?.to_owned())
}

/// The answer of the Messages API, undecoded. Dropping it closes the connection.
pub(super) async fn ask(upstream: String) -> anyhow::Result<Incoming> {
    let socket = TcpStream::connect(&upstream).await?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    spawn_local(async move {
        let _ = connection.await;
    });
    let request =
        Request::post("/v1/messages").header("host", upstream).header("content-type", "application/json");
    let response = sender.send_request(request.body(Full::new(Bytes::from_static(ASK.as_bytes())))?).await?;
    Ok(response.into_body())
}
