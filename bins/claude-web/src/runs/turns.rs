//! A run of CLI lines, read as the events of a turn.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use claude_core::cli::{Detail, Translator};
use claude_core::turn::Failed;
use claude_core::turn::event::Events;
use claude_core::{Text, TurnEvent};
use futures_core::Stream;
use server_kit::auth::Identity;
use server_kit::problem::Problem;
use server_kit::runs::{ReadError, Reader, RunId, RunInfo, RunState, Runs, STOPPED_BY, Seq};
use server_kit::sse::SentEvents;

/// Translates a run's lines, each event named by its type. The last event of a line has the line's number: a reader that
/// comes back behind it misses nothing. Exactly one end comes last.
pub(super) struct Turns {
    lines: Reader,
    sent: SentEvents,
    translator: Translator,
    after: Seq,
    last: Seq,
    /// Told when they are asked for: a line may be large, and its events are slices of it.
    ready: VecDeque<(TurnEvent, Option<Seq>)>,
    end: End,
}

/// Codes of failures after which the same turn may succeed later.
const RETRYABLE: [&str; 4] = ["rate_limited", "overloaded", "unavailable", "interrupted"];

enum End {
    /// The lines go on. Then this run is asked how it ended.
    Open(Option<(Runs, RunId, Identity)>),
    Asking(Pin<Box<dyn Future<Output = Result<RunInfo, Problem>> + Send>>),
    Told,
}

impl Turns {
    pub(super) fn new(lines: Reader, after: Seq, run: (Runs, RunId, Identity)) -> Self {
        let translator = Translator::new(Detail::Full);
        let (sent, ready) = (SentEvents::default(), VecDeque::new());
        Self { lines, sent, translator, after, last: Seq::START, ready, end: End::Open(Some(run)) }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.sent.feed(bytes);
        while let Some(event) = self.sent.next() {
            self.last = event.seq;
            // What the server itself adds tells the end, which is told otherwise here.
            if event.name.is_none() {
                let events = self.translator.push(&event.payload);
                self.tell(events);
            }
        }
    }

    fn tell(&mut self, events: Events) {
        if self.last <= self.after {
            return;
        }
        let last = events.len();
        for (at, event) in events.into_iter().enumerate() {
            self.ready.push_back((event, (at + 1 == last).then_some(self.last)));
        }
    }

    /// Behind the last line there is one more event, so it has one more number.
    fn finish(&mut self, info: &RunInfo) {
        let mut events = self.translator.flush();
        self.last = Seq::new(self.last.get() + 1);
        let reason = self.translator.last_result().and_then(|result| result.stop_reason.clone());
        events.extend(end(info, reason));
        self.tell(events);
    }
}

/// The end of a turn whose run ended so.
fn end(info: &RunInfo, stop_reason: Option<Text>) -> Option<TurnEvent> {
    let failed = |code: &str, message: &str| {
        let failed = Failed::new(code, message);
        let failed = if RETRYABLE.contains(&code) { failed.retryable() } else { failed };
        Some(TurnEvent::Failed(failed))
    };
    match (info.state, &info.error) {
        (RunState::Completed, _) => Some(TurnEvent::Completed { stop_reason }),
        (RunState::Cancelled, error) => {
            let by = error.as_ref().and_then(|error| error.message.strip_prefix(STOPPED_BY));
            Some(TurnEvent::Cancelled { by: by.unwrap_or("user").into() })
        }
        (_, Some(error)) => failed(&error.code, &error.message),
        (_, None) => failed("failed", "the run failed"),
    }
}

impl Stream for Turns {
    type Item = Result<Bytes, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(frame) = this.ready.pop_front().and_then(|(event, seq)| frame(&event, seq)) {
                return Poll::Ready(Some(Ok(frame)));
            }
            if !this.ready.is_empty() {
                continue;
            }
            match &mut this.end {
                End::Open(run) => match std::task::ready!(Pin::new(&mut this.lines).poll_next(cx)) {
                    Some(Ok(bytes)) => this.take(&bytes),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        let Some((runs, id, who)) = run.take() else { return Poll::Ready(None) };
                        this.end = End::Asking(Box::pin(async move { runs.get(id, &who).await }));
                    }
                },
                End::Asking(asking) => {
                    let info = std::task::ready!(asking.as_mut().poll(cx));
                    this.end = End::Told;
                    match info {
                        Ok(info) => this.finish(&info),
                        Err(_) => return Poll::Ready(Some(Err(ReadError::Gone))),
                    }
                }
                End::Told => return Poll::Ready(None),
            }
        }
    }
}

/// An event as it is sent, under the name of its type.
fn frame(event: &TurnEvent, seq: Option<Seq>) -> Option<Bytes> {
    let (name, payload) = (event.name(), serde_json::to_string(event).ok()?);
    let id = seq.map(|seq| format!("id: {seq}\n")).unwrap_or_default();
    Some(format!("{id}event: {name}\ndata: {payload}\n\n").into())
}
