//! Connections that can be hung up on without a response.

use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream};

/// Accepts connections whose small events do not wait for one another.
pub(super) struct Sockets(pub(super) TcpListener);

impl Listener for Sockets {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Without it the stream is slower, not wrong.
        _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A second handle of a connection; `None` where the system gave none.
#[derive(Debug, Clone)]
pub(super) struct Line(Option<Arc<OwnedFd>>);

impl Line {
    /// Closes the connection in both directions, whatever was sent.
    pub(super) fn hang_up(&self) {
        if let Some(socket) = &self.0 {
            let stream = socket.try_clone().map(std::net::TcpStream::from);
            // One that is closed already is as good.
            _ = stream.and_then(|stream| stream.shutdown(Shutdown::Both));
        }
    }
}

impl Connected<IncomingStream<'_, Sockets>> for Line {
    fn connect_info(stream: IncomingStream<'_, Sockets>) -> Self {
        Self(stream.io().as_fd().try_clone_to_owned().ok().map(Arc::new))
    }
}
