//! What goes on between a socket and the terminal it has.

use std::time::Instant;

use bytes::Bytes;
use pty_core::{Frame, Input, Reason, Size, Viewer};
use server_kit::problem::Problem;
use server_kit::socket_io::{Draft, Emitter, Event, Events, Mark};
use tokio::sync::Mutex;

use super::asked::Asked;
use super::backlog::{Backlog, Overflow};
use super::places::Hold;
use super::progress::{Ahead, Progress};
use super::status;
use super::text::{Clipboard, Text};
use crate::terminals::figures::{self, Said};

/// The most output in one event, bytes; what is there already is joined up to it.
const OUTPUT_MOST: usize = 64 << 10;

/// A socket that has a terminal.
pub(super) struct Live<'a> {
    pub(super) emitter: &'a Emitter,
    viewer: Viewer,
    hold: Hold,
    text: Text,
    clipboard: Clipboard,
    progress: Progress,
    /// Where the client was told that the child has ended, once it was.
    end_told: Option<Mark>,
    /// When a line was typed that no output has followed yet.
    typed_at: Option<Instant>,
}

/// Why it is over.
#[derive(Debug)]
pub(super) enum End {
    /// The client is gone.
    Gone,
    /// Its token or account counts no more.
    SignedOut,
    /// Another socket has the terminal.
    TakenOver,
    /// The child has ended and everything was told.
    Exited,
    /// The terminal was closed.
    Closed(Reason),
    /// It said more than can wait.
    Overflow,
}

/// What happened next.
enum Happened {
    Said(Option<Event>),
    Shown(Option<Frame>),
    Consumed(Mark),
    End(End),
}

impl<'a> Live<'a> {
    pub(super) fn new(emitter: &'a Emitter, (viewer, hold): (Viewer, Hold), clipboard: Clipboard) -> Self {
        let from = viewer.start.from;
        let (text, progress) = (Text::new(from, clipboard), Progress::from(from));
        let (end_told, typed_at) = (None, None);
        Self { emitter, viewer, hold, text, clipboard, progress, end_told, typed_at }
    }

    /// Serves the socket as long as it has the terminal.
    pub(super) async fn run(
        mut self,
        events: &mut Events,
        mut signed_out: impl Future<Output = ()> + Unpin,
    ) -> End {
        self.status(&status::opened(self.hold.terminal().id(), &self.viewer.start));
        loop {
            let happened = tokio::select! {
                event = hear(events, self.emitter) => Happened::Said(event),
                () = give(self.hold.backlog(), &self.viewer.input) => continue,
                frame = show(&mut self.viewer.output, self.emitter), if self.end_told.is_none() => {
                    Happened::Shown(frame)
                }
                mark = self.emitter.consumed(self.progress.consumed()) => Happened::Consumed(mark),
                () = &mut signed_out => Happened::End(End::SignedOut),
                () = self.hold.taken_over() => Happened::End(End::TakenOver),
            };
            if let Some(end) = self.go_on(happened).await {
                self.leave(&end);
                return end;
            }
        }
    }

    /// Does what is to be done; why it is over, if it is.
    async fn go_on(&mut self, happened: Happened) -> Option<End> {
        match happened {
            Happened::Said(None) => Some(End::Gone),
            Happened::Said(Some(event)) => self.hear(event).await.err(),
            Happened::Shown(Some(frame)) => self.tell(frame),
            Happened::Shown(None) => Some(End::Gone),
            Happened::Consumed(mark) => {
                self.progress.proved(mark);
                self.acknowledge();
                self.end_told.is_some_and(|told| told <= mark).then_some(End::Exited)
            }
            Happened::End(end) => Some(end),
        }
    }

    async fn hear(&mut self, event: Event) -> Result<(), End> {
        self.emitter.acknowledge(&event);
        match Asked::of(event) {
            None => {}
            Some(Ok(asked)) => self.act(asked).await?,
            Some(Err(problem)) => {
                self.status(&status::refused(&problem));
            }
        }
        Ok(())
    }

    async fn act(&mut self, asked: Asked) -> Result<(), End> {
        match asked {
            Asked::Input(text) => return self.type_in(text).await,
            Asked::Resize(size) => self.resize(size).await,
            Asked::Ack(offset) => self.acked(offset),
            Asked::Start(_) | Asked::Attach { .. } => {
                self.status(&status::error("has_terminal", "this socket has a terminal"));
            }
        }
        Ok(())
    }

    /// Gives the child text, behind all that was given before.
    async fn type_in(&mut self, text: String) -> Result<(), End> {
        figures::event_in(Said::Input, text.len());
        if text.contains(['\r', '\n']) {
            self.typed_at.get_or_insert_with(Instant::now);
        }
        // Held by nobody else for longer than it takes to hear of a takeover.
        let mut backlog = self.hold.backlog().lock().await;
        backlog.give(text, &self.viewer.input).map_err(|Overflow| End::Overflow)
    }

    async fn resize(&mut self, size: Size) {
        figures::event_in(Said::Resize, 0);
        self.hold.backlog().lock().await.resize(size, &self.viewer.input);
    }

    /// The client says itself how far it is; from now on that counts alone.
    fn acked(&mut self, offset: u64) {
        figures::event_in(Said::Ack, 0);
        match self.progress.acknowledged(offset) {
            Ok(()) => self.acknowledge(),
            Err(Ahead) => {
                let problem = Problem::invalid("offset", "is beyond the output that was sent");
                self.status(&status::refused(&problem));
            }
        }
    }

    /// Tells the client what the terminal tells.
    fn tell(&mut self, frame: Frame) -> Option<End> {
        match frame {
            Frame::Output { data, .. } => self.tell_output(data),
            Frame::Gap { from, to } => {
                self.finish();
                self.text = Text::new(to, self.clipboard);
                self.progress.skipped(to);
                self.status(&status::gap(from, to));
            }
            Frame::Exit(exit) => {
                self.finish();
                // One who was cut before it heard of it may come back and hear it again.
                self.end_told = Some(self.status(&status::exited(&exit)));
                self.emitter.prove();
            }
            Frame::Closed(reason) => return Some(End::Closed(reason)),
            // Sizes that others set have no event, and what later versions tell isn't known.
            _ => {}
        }
        None
    }

    fn tell_output(&mut self, data: Bytes) {
        if let Some(typed_at) = self.typed_at.take() {
            figures::command_latency(self.hold.terminal().label(), typed_at.elapsed());
        }
        let mut draft = output_draft(data.len());
        self.text.push(&data, draft.json());
        let mut length = data.len();
        while length < OUTPUT_MOST
            && let Some(more) = self.viewer.output.more(OUTPUT_MOST - length)
        {
            length += more.len();
            self.text.push(&more, draft.json());
        }
        self.emit_output(draft);
    }

    /// No more output comes before the next.
    fn finish(&mut self) {
        let mut draft = output_draft(0);
        self.text.finish(draft.json());
        self.emit_output(draft);
    }

    fn emit_output(&mut self, mut draft: Draft) {
        if draft.written() > OUTPUT_HEAD.len() {
            let offset = self.text.offset();
            draft.json().extend_from_slice(format!("\",\"offset\":{offset}}}").as_bytes());
            figures::event_out(Said::Output, draft.written());
            self.progress.told(self.emitter.send(draft), offset);
        }
        self.acknowledge();
    }

    /// Has the child read on as far as the client got.
    fn acknowledge(&self) {
        // Never ahead of what was taken from the terminal.
        let _ = self.viewer.input.ack(self.progress.offset(self.text.read()));
    }

    fn status(&self, status: &serde_json::Value) -> Mark {
        tell_status(self.emitter, status)
    }

    /// Tells the client why it has the terminal no more, and lets go of it.
    fn leave(self, end: &End) {
        let told = match end {
            End::Gone => None,
            End::SignedOut => Some(status::unauthorized()),
            End::TakenOver => Some(status::taken_over()),
            // It was told.
            End::Exited => None,
            End::Closed(reason) => Some(status::closed(*reason)),
            End::Overflow => Some(status::input_overflow()),
        };
        if let Some(told) = told {
            self.status(&told);
        }
        match end {
            End::Gone | End::SignedOut | End::Overflow => self.hold.park(self.viewer),
            End::TakenOver | End::Exited | End::Closed(_) => self.viewer.input.detach(),
        }
    }
}

/// What the client says next, once there is room to answer it. Cancel safe.
pub(super) async fn hear(events: &mut Events, emitter: &Emitter) -> Option<Event> {
    emitter.ready_to_answer().await;
    events.next().await
}

/// Gives the terminal what waits for it, as long as something does.
async fn give(backlog: &Mutex<Backlog>, input: &Input) {
    backlog.lock().await.flush(input).await;
    std::future::pending::<()>().await;
}

/// What the terminal tells next, once the client has room for it. Cancel safe.
async fn show(output: &mut pty_core::Output, emitter: &Emitter) -> Option<Frame> {
    tokio::select! {
        biased;
        () = emitter.ready() => {}
        reason = output.closed() => return Some(Frame::Closed(reason)),
    }
    output.next().await
}

/// Tells a client how its terminal stands.
pub(super) fn tell_status(emitter: &Emitter, status: &serde_json::Value) -> Mark {
    figures::event_out(Said::Status, 0);
    emitter.emit("status", status)
}

/// How an event of output begins.
const OUTPUT_HEAD: &[u8] = b"{\"data\":\"";

fn output_draft(bytes: usize) -> Draft {
    let mut draft = Emitter::draft("output", bytes + bytes / 8 + OUTPUT_HEAD.len());
    draft.json().extend_from_slice(OUTPUT_HEAD);
    draft
}
