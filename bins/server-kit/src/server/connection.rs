//! One connection: HTTP/1 alone, so that nothing of HTTP/2 can be flooded.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::front::{Client, Front};
use super::link::Link;

/// Bytes of answers that are gathered before they are written; an idle body is written at once.
const WRITE_BUFFER: usize = 512 << 10;
/// How long a connection without a place may take for its one request and answer.
const SIDE_TIME: Duration = Duration::from_secs(5);

/// Serves a connection until it ends, or, after `shutdown`, until the request under way is answered.
pub(super) async fn serve(link: Link, front: Arc<Front>, client: Client, shutdown: CancellationToken) {
    let http = protocol(front.limits());
    let mut connection =
        std::pin::pin!(http.serve_connection(TokioIo::new(link), answers(front, client)).with_upgrades());
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            UpgradeableConnection::graceful_shutdown(connection.as_mut());
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
    }
}

/// Answers one request of a connection there is no place for.
pub(super) async fn turn_away(link: Link, front: Arc<Front>, client: Client) {
    let mut http = protocol(front.limits());
    let connection = http.keep_alive(false).serve_connection(TokioIo::new(link), answers(front, client));
    // Late, cut off or answered: it is over.
    let _ = tokio::time::timeout(SIDE_TIME, connection).await;
}

fn protocol(limits: &Limits) -> Builder {
    let mut http = Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_wait)
        .max_header_size(limits.header_bytes)
        .max_buf_size(WRITE_BUFFER.max(limits.header_bytes))
        .writev(true);
    http
}

fn answers(
    front: Arc<Front>,
    client: Client,
) -> impl HttpService<hyper::body::Incoming, ResBody = super::watch::Watched, Error = Infallible, Future: Send>
{
    service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.answer(request, client).await) }
    })
}
