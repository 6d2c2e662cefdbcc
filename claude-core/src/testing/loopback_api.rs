//! A Messages API on a loopback socket: a real server that answers by plan, with faults where the plan has some.
//!
//! Good enough for the real Claude Code CLI and for API clients. It asks for no key and knows no limits of its
//! own unless the plan has some; what it answers is the [`Plan`]'s, what it was asked is kept for [`LoopbackApi::requests`].
//!
//! ```
//! use claude_core::testing::{LoopbackApi, Reply};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let api = LoopbackApi::start([Reply::status(529), Reply::text("Fine after all.")]).await?;
//! println!("export ANTHROPIC_BASE_URL={}", api.url());
//! // … a client asks twice …
//! assert!(api.requests().is_empty());
//! api.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod block;
mod body;
mod fault;
mod flight;
mod history;
mod message;
mod models;
mod pace;
mod plan;
mod problem;
mod reply;
mod request;
mod rules;
mod scenario;
mod server;
mod socket;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use fault::Point;
pub use plan::Plan;
pub use reply::Reply;
pub use request::RecordedRequest;
pub use wire::LineEnd;

use server::Seen;

/// The largest request body, in bytes, as with the real API; a larger one is answered with 413.
pub const BODY_MAX: usize = 32 * 1024 * 1024;

/// How many requests are kept; beyond it the oldest are forgotten.
pub const REQUESTS_MAX: usize = 1000;

/// How long [`LoopbackApi::shutdown`] waits for open connections to close before it gives up on them.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// A running server. Dropping it closes the socket and all its connections.
#[derive(Debug)]
#[must_use = "the server stops when it is dropped"]
pub struct LoopbackApi {
    address: SocketAddr,
    seen: Arc<Seen>,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

impl LoopbackApi {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The socket can't be opened.
    pub async fn start(plan: impl Into<Plan>) -> io::Result<Self> {
        Self::start_at(0, plan).await
    }

    /// Starts on this port of 127.0.0.1; 0 is a free one.
    ///
    /// # Errors
    /// The socket can't be opened.
    pub async fn start_at(port: u16, plan: impl Into<Plan>) -> io::Result<Self> {
        Self::start_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?, plan)
    }

    /// Starts on a socket that listens already, of the runtime that this is called in.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn start_on(listener: TcpListener, plan: impl Into<Plan>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let stop = CancellationToken::new();
        let serving = server::serve(listener, plan.into(), Arc::clone(&seen), stop.clone());
        Ok(Self { address, seen, stop, server: tokio::spawn(serving) })
    }

    /// The base URL, `http://127.0.0.1:PORT`, as for `ANTHROPIC_BASE_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked so far, oldest first; the newest [`REQUESTS_MAX`].
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<RecordedRequest>> {
        self.seen.requests.all()
    }

    /// How many answers of `POST /v1/messages` are on their way, or are stalled. It sinks soon after a client
    /// hangs up: whoever cancels a request can see that nothing is paid for any more.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.seen.flights.count()
    }

    /// Stops: answers on their way are cut off, the socket is closed when this returns.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(SHUTDOWN_MAX, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl Drop for LoopbackApi {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
