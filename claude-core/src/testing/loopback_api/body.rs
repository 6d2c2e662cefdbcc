//! The body of a reply on its way: paced, split, stalled or cut as planned.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::content;
use super::problem;
use super::reply::{Fault, Pace};

/// Between two pieces of a split body.
const SPLIT_PAUSE: Duration = Duration::from_millis(1);

/// Pieces made ahead of the connection.
const PIECES_AHEAD: usize = 1;

type Piece = io::Result<Bytes>;

/// Sends these events (or the one piece of a body that is no stream) as pace and fault have it; `stop` cuts it.
pub(super) fn send(events: Vec<Bytes>, pace: Pace, fault: Fault, stop: CancellationToken) -> Body {
    let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        let sending = Sending { pieces: pieces.clone(), pace, left: left(fault) };
        tokio::select! {
            () = stop.cancelled() => {
                // Nobody may be reading.
                _ = pieces.send(Err(broken())).await;
            }
            () = sending.run(events, fault) => {}
            () = pieces.closed() => {}
        }
    });
    Body::from_stream(Pieces(receiver))
}

struct Sending {
    pieces: mpsc::Sender<Piece>,
    pace: Pace,
    /// Bytes until the connection is cut.
    left: Option<usize>,
}

impl Sending {
    async fn run(mut self, events: Vec<Bytes>, fault: Fault) {
        for (sent, event) in events.into_iter().enumerate() {
            match fault {
                Fault::StallAfterEvents(after) if sent >= after => return std::future::pending().await,
                Fault::ErrorEventAfter(after) if sent >= after => return self.error_event().await,
                _ => {}
            }
            if !self.pace.events.is_zero() {
                tokio::time::sleep(self.pace.events).await;
            }
            if self.event(event).await.is_err() {
                return;
            }
        }
        match fault {
            Fault::StallAfterEvents(_) => std::future::pending().await,
            Fault::ErrorEventAfter(_) => self.error_event().await,
            _ => {}
        }
    }

    async fn error_event(&mut self) {
        let error = problem::object(problem::kind(529), "Overloaded");
        // A reader that is gone needs no error.
        _ = self.event(content::event(&error)).await;
    }

    async fn event(&mut self, mut event: Bytes) -> Result<(), Gone> {
        while !event.is_empty() {
            let size = self.pace.split.unwrap_or(event.len()).min(event.len());
            let mut piece = event.split_to(size);
            if self.pace.split.is_some() {
                tokio::time::sleep(SPLIT_PAUSE).await;
            }
            let cut = self.left.is_some_and(|left| left <= piece.len());
            if let Some(left) = &mut self.left {
                piece.truncate(*left);
                *left -= piece.len();
            }
            self.pieces.send(Ok(piece)).await.map_err(|_| Gone)?;
            if cut {
                // Whether it is heard or not, the connection is over.
                _ = self.pieces.send(Err(broken())).await;
                return Err(Gone);
            }
        }
        Ok(())
    }
}

/// Nobody reads any more.
struct Gone;

fn left(fault: Fault) -> Option<usize> {
    match fault {
        Fault::CutAfterBytes(bytes) => Some(bytes),
        _ => None,
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by plan")
}

/// The pieces as a stream; an error makes the server break the connection.
struct Pieces(mpsc::Receiver<Piece>);

impl Stream for Pieces {
    type Item = Piece;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.0.poll_recv(cx)
    }
}
