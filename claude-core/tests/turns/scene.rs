//! A backend with a model that does as a test says.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_core::approval::approver::Asked;
use claude_core::{Backend, Turn, TurnEvent, TurnRequest};
use tokio::sync::mpsc;

/// What the model does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Model {
    /// Says [`WHOLE`].
    Says,
    /// Asks to write [`ASKED`], then says something.
    Writes,
    /// Says word after word, for longer than any test takes.
    Talks,
    /// The request is refused with status 400.
    Refuses,
    /// The turn can't begin.
    CanNotStart,
}

/// What [`Model::Says`].
pub(crate) const WHOLE: &str = "stream every token as it comes and never";

/// The file that [`Model::Writes`].
pub(crate) const ASKED: &str = "asked.txt";

/// Sets the scene for one test.
pub(crate) type Set = fn(Model) -> Pin<Box<dyn Future<Output = Scene>>>;

pub(crate) struct Scene {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) request: TurnRequest,
    pub(crate) questions: mpsc::Receiver<Asked>,
    /// Whether all that the turn started is over.
    pub(crate) is_over: Box<dyn Fn() -> bool>,
    /// Directories and servers that live as long as the test.
    pub(crate) _stage: Box<dyn Any>,
}

impl Scene {
    pub(crate) fn start(&self) -> Turn {
        self.backend.start(self.request.clone())
    }

    /// A turn, and the scene for as long as it goes on.
    pub(crate) fn start_kept(self) -> (Turn, Self) {
        (self.start(), self)
    }

    /// Runs the turn; whoever is asked answers so.
    pub(crate) async fn answered(self, answer: impl FnOnce(Asked)) -> Vec<TurnEvent> {
        self.answered_later(Duration::ZERO, answer).await
    }

    /// Runs the turn; whoever is asked says yes, but not at once.
    pub(crate) async fn answered_after(self, time: Duration) -> Vec<TurnEvent> {
        self.answered_later(time, Asked::allow).await
    }

    async fn answered_later(mut self, time: Duration, answer: impl FnOnce(Asked)) -> Vec<TurnEvent> {
        let turn = self.start();
        let events = see(turn);
        tokio::pin!(events);
        let asked = tokio::select! {
            asked = self.questions.recv() => asked.expect("the approver is there"),
            events = &mut events => panic!("nobody was asked: {events:?}"),
        };
        let answered = async {
            tokio::time::sleep(time).await;
            answer(asked);
        };
        tokio::join!(events, answered).0
    }
}

/// All events of a turn, which has one end, at its end.
pub(crate) async fn see(turn: Turn) -> Vec<TurnEvent> {
    see_after(Vec::new(), turn).await
}

/// What follows the events that were read already.
pub(crate) async fn see_after(mut events: Vec<TurnEvent>, mut turn: Turn) -> Vec<TurnEvent> {
    while let Some(event) = turn.next().await {
        events.push(event);
    }
    assert!(turn.next().await.is_none(), "nothing follows the end");
    assert_eq!(events.iter().filter(|it| it.is_end()).count(), 1, "{events:?}");
    assert!(events.last().is_some_and(TurnEvent::is_end), "{events:?}");
    let started = events.iter().filter(|it| it.name() == "started").count();
    assert!(started <= 1 && (events.len() == 1 || events[0].name() == "started"), "{events:?}");
    events
}

/// Reads up to the first piece of text.
pub(crate) async fn until_text(turn: &mut Turn) -> Vec<TurnEvent> {
    let mut events = Vec::new();
    while let Some(event) = turn.next().await {
        let is_text = event.name() == "text_delta";
        events.push(event);
        if is_text {
            return events;
        }
    }
    panic!("no text came: {events:?}");
}

pub(crate) fn text(events: &[TurnEvent]) -> String {
    let text = |event: &TurnEvent| match event {
        TurnEvent::TextDelta { text, .. } => Some(text.to_string()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

/// Where the first event of this name stands.
pub(crate) fn at(events: &[TurnEvent], name: &str) -> usize {
    let found = events.iter().position(|it| it.name() == name);
    found.unwrap_or_else(|| panic!("no {name}: {events:?}"))
}

/// The result of the first tool: its content, and whether it failed.
pub(crate) fn result(events: &[TurnEvent]) -> (String, bool) {
    match &events[at(events, "tool_result")] {
        TurnEvent::ToolResult { content, is_error, .. } => (content.to_string(), *is_error),
        other => panic!("{other:?}"),
    }
}

/// Waits until `fine` holds; the cap is generous, since it only bounds a failure.
pub(crate) async fn eventually(what: &str, fine: impl Fn() -> bool) {
    let started = Instant::now();
    while !fine() {
        assert!(started.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
