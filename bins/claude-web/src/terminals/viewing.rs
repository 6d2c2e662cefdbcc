//! What goes on between a terminal and one of its viewers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pty_core::{Error, Frame, Input, Output, Signal, Size, Start, Terminal, Viewer};
use server_kit::websocket::{self, Fault, Message, Receiver, Sender};
use smallvec::SmallVec;
use tokio::sync::mpsc;

use super::ViewMode;
use super::figures::{self, Connection};
use super::wire::{self, Farewell, Kind, Refusal, Said};

/// The most output in one frame, bytes; what is there already is joined up to it.
const OUTPUT_MOST: usize = 64 << 10;
/// Answers that wait for the client to read; beyond it nothing more is read of it.
const REPLIES_MOST: usize = 64;
/// The code of a close in order.
const NORMAL: u16 = 1000;
/// How long a client may take for the last frame.
const LAST_FRAME: Duration = Duration::from_secs(2);

/// One viewer's connection.
pub(super) struct Viewing {
    terminal: Terminal,
    mode: ViewMode,
    asked: Option<u64>,
    /// When a line was typed that no output has followed yet.
    typed_at: Mutex<Option<Instant>>,
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client is gone.
    Gone,
    /// The client closed, with this code if it gave one.
    Left(Option<u16>),
    /// The client wants nothing more, or was told everything.
    Done,
    /// The client broke the rules of WebSockets; this is the code for that.
    Fault(u16),
    /// The client is told why first.
    Farewell(Farewell),
}

/// A frame that answers the client.
type Reply = (Kind, Bytes);

impl Viewing {
    pub(super) fn new(terminal: Terminal, (mode, asked): (ViewMode, Option<u64>)) -> Self {
        Self { terminal, mode, asked, typed_at: Mutex::default() }
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
        let (reply, replies) = mpsc::channel(REPLIES_MOST);
        let end = tokio::select! {
            end = self.down((&start, replies), (&mut output, &mut sender)) => end,
            end = self.up(&mut receiver, (&input, &reply)) => end,
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
            End::Left(code) => websocket::close(receiver, sender, code.unwrap_or(NORMAL), "").await,
            End::Done => websocket::close(receiver, sender, NORMAL, "").await,
            End::Fault(code) => websocket::close(receiver, sender, code, "").await,
            End::Farewell(farewell) => {
                let (frame, code) = farewell.frame();
                figures::sent(Kind::Error, frame.len());
                let told = tokio::time::timeout(LAST_FRAME, sender.send(&[frame])).await;
                if told.is_ok_and(|told| told.is_ok()) {
                    websocket::close(receiver, sender, code, "").await;
                }
            }
        }
    }

    /// From the terminal to the client.
    async fn down(
        &self,
        (start, mut replies): (&Start, mpsc::Receiver<Reply>),
        (output, sender): (&mut Output, &mut Sender),
    ) -> End {
        let hello = wire::hello(self.terminal.id(), start, self.mode);
        if let Err(end) = send((output, sender), Kind::Hello, &[hello]).await {
            return end;
        }
        if self.asked.is_some_and(|asked| asked > start.head) {
            let ahead = Refusal::OffsetAhead.frame();
            if let Err(end) = send((output, sender), Kind::Error, &[ahead]).await {
                return end;
            }
        }
        loop {
            let sent = tokio::select! {
                biased;
                _ = sender.chores() => return End::Gone,
                Some((kind, frame)) = replies.recv() => send((output, sender), kind, &[frame]).await,
                frame = output.next() => match frame {
                    Some(frame) => self.show(frame, (output, sender)).await,
                    None => return End::Gone,
                },
            };
            if let Err(end) = sent {
                return end;
            }
        }
    }

    /// Tells the client what the terminal tells; an error is the end.
    async fn show(&self, frame: Frame, (output, sender): (&mut Output, &mut Sender)) -> Result<(), End> {
        let (kind, frame) = match frame {
            Frame::Output { offset, data } => {
                return self.show_output((offset, data), (output, sender)).await;
            }
            Frame::Gap { from, to } => (Kind::Gap, wire::gap(from, to)),
            Frame::Resized(size) => (Kind::Resized, wire::resized(size)),
            Frame::Exit(exit) => (Kind::Exit, wire::exit(&exit)),
            Frame::Closed(reason) => return Err(End::Farewell(Farewell::Closed(reason))),
            // What later versions of the terminal tell.
            _ => return Ok(()),
        };
        send((output, sender), kind, &[frame]).await?;
        if kind == Kind::Exit { Err(End::Done) } else { Ok(()) }
    }

    /// Sends output, joined with what is there behind it.
    async fn show_output(
        &self,
        (offset, data): (u64, Bytes),
        (output, sender): (&mut Output, &mut Sender),
    ) -> Result<(), End> {
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
        send((output, sender), Kind::Output, &pieces).await
    }

    /// From the client to the terminal.
    async fn up(&self, receiver: &mut Receiver, (input, reply): (&Input, &mpsc::Sender<Reply>)) -> End {
        loop {
            let message = match receiver.next().await {
                Ok(Message::Binary(message)) => message,
                Ok(Message::Text(_) | Message::Unwanted) => return End::Farewell(Farewell::TextFrame),
                Ok(Message::Close(code)) => return End::Left(code),
                Err(Fault::TooLarge) => return End::Farewell(Farewell::TooLarge),
                Err(fault) => return fault.close_code().map_or(End::Gone, End::Fault),
            };
            // Small frames come by the thousand in one read; others get their turn between.
            tokio::task::coop::consume_budget().await;
            let (kind, said) = wire::parse(&message);
            figures::received(kind, message.len());
            let answer = match said {
                Some(Said::Detach) => return End::Done,
                Some(Said::Ping(payload)) => Some((Kind::Pong, wire::pong(&payload))),
                Some(said) => self.hear(said, input).await.map(|refusal| (Kind::Error, refusal.frame())),
                None => Some((Kind::Error, Refusal::BadFrame.frame())),
            };
            if let Some(answer) = answer {
                // It fails only once the other direction has ended, which tells why.
                let _ = reply.send(answer).await;
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
            // Neither asks anything of the terminal.
            Said::Ping(_) | Said::Detach => Ok(()),
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
        End::Gone | End::Farewell(Farewell::Unauthorized) => false,
        End::Left(code) => code == Some(NORMAL),
        End::Done | End::Fault(_) | End::Farewell(_) => true,
    }
}

/// Sends a frame, unless the viewer is closed meanwhile: a client that takes nothing must not keep it from its end.
async fn send((output, sender): (&mut Output, &mut Sender), kind: Kind, pieces: &[Bytes]) -> Result<(), End> {
    figures::sent(kind, pieces.iter().map(Bytes::len).sum());
    tokio::select! {
        biased;
        sent = sender.send(pieces) => sent.map_err(|_| End::Gone),
        reason = output.closed() => Err(End::Farewell(Farewell::Closed(reason))),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
