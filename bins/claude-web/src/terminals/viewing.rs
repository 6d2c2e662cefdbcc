//! What goes on between a terminal and one of its viewers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pty_core::{Error, Frame, Input, Output, Signal, Size, Start, Terminal, Viewer};
use server_kit::websocket::{self, Fault, Message, Receiver, Sender};
use smallvec::SmallVec;
use tokio::sync::Notify;

use super::ViewMode;
use super::figures::{self, Connection};
use super::wire::{self, Farewell, Kind, Refusal, Said};

/// The most output in one frame, bytes; what is there already is joined up to it.
const OUTPUT_MOST: usize = 64 << 10;
/// Answers that wait for the client to read; beyond it nothing more is read of it.
const REPLIES_MOST: usize = 64;
/// How long a client may take for the last frame.
const LAST_FRAME: Duration = Duration::from_secs(2);

/// One viewer's connection.
pub(super) struct Viewing {
    terminal: Terminal,
    mode: ViewMode,
    asked: Option<u64>,
    replies: Replies,
    /// When a line was typed that no output has followed yet.
    typed_at: Mutex<Option<Instant>>,
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client is gone.
    Gone,
    /// Closed with this code.
    Close(u16),
    /// The client is told why first.
    Farewell(Farewell),
}

impl Viewing {
    pub(super) fn new(terminal: Terminal, (mode, asked): (ViewMode, Option<u64>)) -> Self {
        Self { terminal, mode, asked, replies: Replies::default(), typed_at: Mutex::default() }
    }

    /// Serves the connection to its end.
    pub(super) async fn run(
        self,
        viewer: Viewer,
        (mut receiver, mut sender): (Receiver, Sender),
        signed_out: impl Future<Output = ()> + Send,
    ) {
        let _counted = Connection::open();
        let Viewer { start, mut output, input, .. } = viewer;
        let end = tokio::select! {
            end = self.down(&start, (&mut output, &mut sender)) => end,
            end = self.up(&mut receiver, &input) => end,
            () = signed_out => End::Farewell(Farewell::Unauthorized),
        };
        // The place of a writer is kept where it may come back.
        if gives_up_its_place(end) {
            input.detach();
        } else {
            drop(input);
        }
        drop(output);
        match end {
            End::Gone => {}
            End::Close(code) => websocket::close(receiver, sender, code, "").await,
            End::Farewell(farewell) => {
                let (frame, code) = farewell.frame();
                let told = tokio::time::timeout(LAST_FRAME, send(&mut sender, Kind::Error, &[frame])).await;
                if told.is_ok_and(|told| told.is_ok()) {
                    websocket::close(receiver, sender, code, "").await;
                }
            }
        }
    }

    /// From the terminal to the client.
    async fn down(&self, start: &Start, (output, sender): (&mut Output, &mut Sender)) -> End {
        let hello = wire::hello(self.terminal.id(), start, self.mode);
        if send(sender, Kind::Hello, &[hello]).await.is_err() {
            return End::Gone;
        }
        if self.asked.is_some_and(|asked| asked > start.head) {
            self.replies.push(Kind::Error, Refusal::OffsetAhead.frame()).await;
        }
        loop {
            let sent = tokio::select! {
                biased;
                _ = sender.chores() => return End::Gone,
                (kind, frame) = self.replies.next() => send(sender, kind, &[frame]).await,
                frame = output.next() => match frame {
                    Some(Frame::Output { offset, data }) => self.show((offset, data), (output, sender)).await,
                    Some(Frame::Gap { from, to }) => send(sender, Kind::Gap, &[wire::gap(from, to)]).await,
                    Some(Frame::Resized(size)) => send(sender, Kind::Resized, &[wire::resized(size)]).await,
                    Some(Frame::Exit(exit)) => {
                        let told = send(sender, Kind::Exit, &[wire::exit(&exit)]).await;
                        return if told.is_ok() { End::Close(1000) } else { End::Gone };
                    }
                    Some(Frame::Closed(reason)) => return End::Farewell(Farewell::Closed(reason)),
                    // What is told by later versions of the terminal.
                    Some(_) => Ok(()),
                    None => return End::Gone,
                },
            };
            if sent.is_err() {
                return End::Gone;
            }
        }
    }

    /// Sends output, joined with what is there behind it.
    async fn show(
        &self,
        (offset, data): (u64, Bytes),
        (output, sender): (&mut Output, &mut Sender),
    ) -> std::io::Result<()> {
        if let Some(typed_at) = locked(&self.typed_at).take() {
            figures::command_latency(self.terminal.label(), typed_at.elapsed());
        }
        let mut length = data.len();
        let mut pieces: SmallVec<[Bytes; 4]> = SmallVec::new();
        pieces.extend([wire::output_head(offset), data]);
        while length < OUTPUT_MOST
            && let Some(more) = output.more(OUTPUT_MOST - length)
        {
            length += more.len();
            pieces.push(more);
        }
        send(sender, Kind::Output, &pieces).await
    }

    /// From the client to the terminal.
    async fn up(&self, receiver: &mut Receiver, input: &Input) -> End {
        loop {
            let message = match receiver.next().await {
                Ok(Message::Binary(message)) => message,
                Ok(Message::Text) => return End::Farewell(Farewell::TextFrame),
                Ok(Message::Close(code)) => return End::Close(code.unwrap_or(1005)),
                Err(Fault::TooLarge) => return End::Farewell(Farewell::TooLarge),
                Err(fault) => return fault.close_code().map_or(End::Gone, End::Close),
            };
            figures::received(wire::kind(&message), message.len());
            let refusal = match wire::parse(&message) {
                Some(Said::Detach) => return End::Close(1000),
                Some(said) => self.hear(said, input).await,
                None => Some(Refusal::BadFrame),
            };
            if let Some(refusal) = refusal {
                self.replies.push(Kind::Error, refusal.frame()).await;
            }
        }
    }

    /// Does what the client says, or tells why not.
    async fn hear(&self, said: Said, input: &Input) -> Option<Refusal> {
        let done = match said {
            Said::Input(bytes) => {
                if bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
                    locked(&self.typed_at).get_or_insert_with(Instant::now);
                }
                input.send(bytes).await
            }
            Said::Ack(to) => input.ack(to),
            Said::Resize { cols, rows } => match Size::new(cols, rows) {
                Ok(size) => input.resize(size),
                Err(_) => return Some(Refusal::BadResize),
            },
            Said::Signal(name) => match Signal::by_name(&name) {
                Some(signal) => input.signal(signal),
                None => return Some(Refusal::BadSignal),
            },
            Said::Ping(payload) => {
                self.replies.push(Kind::Pong, wire::pong(&payload)).await;
                Ok(())
            }
            Said::Detach => Ok(()),
        };
        match done.err()? {
            Error::ReadOnly => Some(Refusal::ReadOnly),
            Error::AckAhead { .. } => Some(Refusal::BadAck),
            Error::Signal(_) => Some(Refusal::BadSignal),
            Error::Exited(_) => Some(Refusal::Exited),
            // The other direction tells why.
            _ => None,
        }
    }
}

/// Whether who ended so won't come back: it said so, or broke the rules. Who was signed out may.
fn gives_up_its_place(end: End) -> bool {
    match end {
        End::Gone => false,
        End::Close(code) => matches!(code, 1000 | 1002 | 1007),
        End::Farewell(farewell) => farewell != Farewell::Unauthorized,
    }
}

async fn send(sender: &mut Sender, kind: Kind, pieces: &[Bytes]) -> std::io::Result<()> {
    figures::sent(kind, pieces.iter().map(Bytes::len).sum());
    sender.send(pieces).await
}

/// Answers to the client that wait to be sent.
#[derive(Default)]
struct Replies {
    queue: Mutex<VecDeque<(Kind, Bytes)>>,
    changed: Notify,
}

impl Replies {
    /// Adds one; waits while there are too many.
    async fn push(&self, kind: Kind, frame: Bytes) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut queue = locked(&self.queue);
                if queue.len() < REPLIES_MOST {
                    queue.push_back((kind, frame));
                    self.changed.notify_waiters();
                    return;
                }
            }
            changed.await;
        }
    }

    /// The next one. Cancel safe.
    async fn next(&self) -> (Kind, Bytes) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(reply) = locked(&self.queue).pop_front() {
                self.changed.notify_waiters();
                return reply;
            }
            changed.await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
