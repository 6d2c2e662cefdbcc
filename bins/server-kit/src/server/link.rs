//! A client's socket: counted, given up when its reader stands still, closed so that the last answer arrives.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use metrics::Counter;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::metrics::http_bytes;

/// How long what a client still sends is read, and thrown away, after the last answer.
const LINGER: Duration = Duration::from_secs(1);

/// A connection's socket with its place among the connections.
pub(crate) struct Link {
    // Taken when it is dropped, to linger.
    socket: Option<(TcpStream, OwnedSemaphorePermit)>,
    stream_in: Counter,
    stream_out: Counter,
    patience: Duration,
    writer: Writer,
    timer: Option<Pin<Box<Sleep>>>,
    shut: bool,
}

/// Whether the client takes what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Moving,
    Waiting,
}

impl Link {
    pub(super) fn new(stream: TcpStream, patience: Duration, place: OwnedSemaphorePermit) -> Self {
        let (stream_in, stream_out) = http_bytes();
        Self {
            socket: Some((stream, place)),
            stream_in,
            stream_out,
            patience,
            writer: Writer::Moving,
            timer: None,
            shut: false,
        }
    }

    /// From now on a client that takes nothing is given up after this time.
    pub(crate) fn be_patient_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// From now on the system takes so many bytes beyond what it has sent. A system that can't takes more.
    pub(crate) fn hold_back(&self, unsent: u32) {
        if let Some((stream, _)) = &self.socket {
            let _ = SockRef::from(stream).set_tcp_notsent_lowat(unsent);
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.socket
            .as_mut()
            .map(|(stream, _)| Pin::new(stream))
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Pending => self.poll_patience(context),
            Poll::Ready(Ok(bytes)) => {
                self.writer = Writer::Moving;
                self.stream_out.increment(bytes as u64);
                Poll::Ready(Ok(bytes))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    /// Waits for the client to take something, as long as patience lasts.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + self.patience)));
        if self.writer == Writer::Moving {
            timer.as_mut().reset(Instant::now() + self.patience);
            self.writer = Writer::Waiting;
        }
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream()?.poll_read(context, buffer);
        self.stream_in.increment((buffer.filled().len() - before) as u64);
        read
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = self.stream()?.poll_write(context, bytes);
        self.wrote(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = self.stream()?.poll_write_vectored(context, pieces);
        self.wrote(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut = true;
        self.stream()?.poll_shutdown(context)
    }
}

/// A socket that is closed with input unread resets the connection, and the client may lose the answer that says
/// why: the end of a body that was too large is read for a while.
impl Drop for Link {
    fn drop(&mut self) {
        let Some((stream, place)) = self.socket.take() else { return };
        if !self.shut || !has_unread(&stream) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(LINGER, discard(&stream)).await;
                drop((stream, place));
            });
        }
    }
}

fn has_unread(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0; 4096]), Ok(1..))
}

async fn discard(stream: &TcpStream) -> io::Result<()> {
    let mut waste = [0; 16 << 10];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut waste) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
}
