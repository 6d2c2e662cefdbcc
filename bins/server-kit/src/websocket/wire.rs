//! The socket and the pulse, which both halves of a connection share within their one task.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pulse::Pulse;

/// A socket of any kind.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Both locks are held within one poll of one half, never across an await.
pub(super) struct Wire {
    socket: Mutex<Box<dyn Socket>>,
    pulse: Mutex<Pulse>,
}

impl Wire {
    pub(super) fn new(socket: Box<dyn Socket>, pulse: Pulse) -> Self {
        Self { socket: Mutex::new(socket), pulse: Mutex::new(pulse) }
    }

    pub(super) fn pulse(&self) -> MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket(|socket| socket.poll_read(context, buffer))
    }

    pub(super) fn poll_write(
        &self,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket(|socket| socket.poll_write_vectored(context, pieces))
    }

    pub(super) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket(|socket| socket.poll_flush(context))
    }

    pub(super) fn poll_shutdown(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket(|socket| socket.poll_shutdown(context))
    }

    fn socket<T>(&self, work: impl FnOnce(Pin<&mut dyn Socket>) -> T) -> T {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        work(Pin::new(&mut **socket))
    }
}
