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

use super::fault::Ending;
use super::flight::Flight;
use super::message;
use super::pace::{Beat, Pace};
use super::wire::Wire;

/// Between two pieces of a split body, so that each arrives by itself.
const SPLIT_PAUSE: Duration = Duration::from_millis(1);

/// So many pieces of a split body are a pause apart. The others only are chunks of their own, which is what an
/// HTTP client sees; a long body would take too long otherwise.
const SPLIT_PAUSES: usize = 200;

/// What was sent has this long to reach the socket before the connection breaks.
const BREAK_PAUSE: Duration = Duration::from_millis(10);

/// Pieces made ahead of the connection.
const PIECES_AHEAD: usize = 16;

type Piece = io::Result<Bytes>;

/// A body, decided to the byte.
pub(super) struct Planned {
    /// The events of a stream, or the one piece of a body that is none.
    pub(super) events: Vec<Bytes>,
    pub(super) ending: Ending,
    pub(super) pace: Pace,
    pub(super) wire: Wire,
}

/// Sends it; `stop` cuts it.
pub(super) fn send(planned: Planned, stop: CancellationToken, flight: Flight) -> Body {
    let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        let sending = Sending { pieces: pieces.clone(), split: planned.pace.split, pauses: SPLIT_PAUSES };
        tokio::select! {
            () = stop.cancelled() => {
                // Nobody may be reading.
                _ = pieces.send(Err(broken())).await;
            }
            _ = sending.run(planned) => {}
            () = pieces.closed() => {}
        }
        drop(flight);
    });
    Body::from_stream(Pieces(receiver))
}

struct Sending {
    pieces: mpsc::Sender<Piece>,
    split: Option<usize>,
    /// How many pauses of a split body are left.
    pauses: usize,
}

/// Nobody reads any more.
struct Gone;

impl Sending {
    async fn run(mut self, planned: Planned) -> Result<(), Gone> {
        let Planned { events, ending, pace, wire } = planned;
        let mut beat = Beat::new(pace.tempo);
        for event in events {
            beat.wait(&event).await;
            self.event(event).await?;
        }
        match ending {
            Ending::Whole => Ok(()),
            Ending::Broken => {
                tokio::time::sleep(BREAK_PAUSE).await;
                self.piece(Err(broken())).await
            }
            Ending::Stalled { between_events } => {
                let pings = pace.pings.filter(|_| between_events);
                self.stall(pings, message::ping(wire)).await
            }
        }
    }

    async fn stall(mut self, pings: Option<Duration>, ping: Bytes) -> Result<(), Gone> {
        let Some(pause) = pings else { return std::future::pending().await };
        loop {
            tokio::time::sleep(pause).await;
            self.event(ping.clone()).await?;
        }
    }

    async fn event(&mut self, mut event: Bytes) -> Result<(), Gone> {
        let Some(size) = self.split else { return self.piece(Ok(event)).await };
        while !event.is_empty() {
            if self.pauses > 0 {
                self.pauses -= 1;
                tokio::time::sleep(SPLIT_PAUSE).await;
            }
            let piece = event.split_to(size.min(event.len()));
            self.piece(Ok(piece)).await?;
        }
        Ok(())
    }

    async fn piece(&mut self, piece: Piece) -> Result<(), Gone> {
        self.pieces.send(piece).await.map_err(|_| Gone)
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
