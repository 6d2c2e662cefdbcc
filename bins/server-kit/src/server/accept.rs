//! The accept loop: so many connections, a few more that are told there is no room, and the drain at the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::connection;
use super::front::{Client, Front, Lane};
use super::link::Link;

/// How long to wait after the system refused a connection for want of descriptors or memory.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Connections beyond the limit that get an answer: probes still see the server, the others why it won't serve.
const SIDE_PLACES: usize = 64;
/// What the system may hold of an answer that its reader hasn't taken: the tail that is lost with a connection.
const SEND_BUFFER: usize = 256 << 10;

/// Accepts connections and owns their tasks.
pub(super) struct Acceptor {
    listener: TcpListener,
    front: Arc<Front>,
    limits: Arc<Limits>,
    places: Arc<Semaphore>,
    side_places: Arc<Semaphore>,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, front: Arc<Front>, limits: Arc<Limits>) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Self { listener, front, limits, places, side_places: Arc::new(Semaphore::new(SIDE_PLACES)) }
    }

    /// Serves until `shutdown` and everybody has left, or the time for leaving is over.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        let mut drained = std::pin::pin!(self.drained(&shutdown));
        loop {
            tokio::select! {
                () = &mut drained => break,
                Some(_) = tasks.join_next() => {}
                stream = self.accept() => self.welcome(stream, &shutdown, &mut tasks),
            }
        }
        tasks.shutdown().await;
    }

    /// A place is given back when its socket is closed, upgraded or not.
    async fn drained(&self, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
        if tokio::time::timeout(self.limits.drain, self.places.acquire_many(all)).await.is_err() {
            tracing::warn!("connections were still open at the end of the drain");
        }
    }

    /// The next connection. Lacking descriptors, it waits for some to be closed.
    async fn accept(&self) -> TcpStream {
        let mut told = false;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::error!(%error, "no connection can be accepted for now");
                    }
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    fn welcome(&self, stream: TcpStream, shutdown: &CancellationToken, tasks: &mut JoinSet<()>) {
        let Ok(address) = stream.peer_addr() else { return };
        // A socket that refuses these serves all the same.
        let _ = stream.set_nodelay(true);
        let _ = set_socket_send_buffer_size(&stream, SEND_BUFFER);
        let free = || Arc::clone(&self.places).try_acquire_owned().ok();
        let place = if shutdown.is_cancelled() { None } else { free() };
        let lane = if place.is_some() { Lane::Main } else { Lane::Side };
        let Some(place) = place.or_else(|| Arc::clone(&self.side_places).try_acquire_owned().ok()) else {
            return;
        };
        let client = Client { address: address.ip(), lane };
        let link = Link::new(stream, self.limits.write_stall, place);
        let (front, shutdown) = (Arc::clone(&self.front), shutdown.clone());
        tasks.spawn(async move {
            match lane {
                Lane::Main => connection::serve(link, front, client, shutdown).await,
                Lane::Side => connection::turn_away(link, front, client).await,
            }
        });
    }
}

/// Whether the connection was gone before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
