//! The scripted backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use claude_core::approval::{ApprovalId, Approver, ApproverError, Opened, Question, Verdict, channel};
use claude_core::testing::ScriptedBackend;
use claude_core::turn::{Failed, TurnEnd};
use claude_core::{Backend, Turn, TurnRequest};
use serde_json::json;

use crate::scene::{ASKED, Model, Scene, WHOLE, at, see};

pub(crate) fn scripted(model: Model) -> std::pin::Pin<Box<dyn Future<Output = Scene>>> {
    let (approver, questions) = channel();
    let script = match model {
        Model::Says => ScriptedBackend::says(WHOLE),
        Model::Writes => ScriptedBackend::says("I will use a tool. ")
            .then_asks("Write", json!({"file_path": ASKED, "content": "hello"}))
            .then_says("Done."),
        Model::Talks => ScriptedBackend::new().words_every(Duration::from_millis(5)).then_says_forever("la "),
        Model::Refuses => ScriptedBackend::new().then_fails(Failed::new("rejected", "status 400")),
        Model::CanNotStart => ScriptedBackend::new().then_fails(Failed::new("not_configured", "no key")),
    };
    let running = Arc::new(AtomicUsize::new(0));
    let backend = Box::new(script.approver(Arc::new(approver)));
    let backend = Counted { backend, running: running.clone() };
    let scene = Scene {
        backend: Arc::new(backend),
        request: TurnRequest::new("claude-sonnet-5-5", "Say it."),
        questions,
        is_over: Box::new(move || running.load(Ordering::SeqCst) == 0),
        _stage: Box::new(()),
    };
    Box::pin(async { scene })
}

/// Counts the turns whose work is held: what a backend around another one looks like.
pub(crate) struct Counted {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) running: Arc<AtomicUsize>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Backend for Counted {
    fn start(&self, request: TurnRequest) -> Turn {
        let mut inner = self.backend.start(request);
        self.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(self.running.clone());
        Turn::new(|emitter, mut stops| async move {
            let (_running, handle) = (running, inner.handle());
            let mut end = TurnEnd::Failed(Failed::new("internal", "no end"));
            loop {
                tokio::select! {
                    biased;
                    stop = stops.stopped() => handle.stop(stop),
                    event = inner.next() => match event {
                        Some(event) if event.is_end() => end = TurnEnd::of(event).unwrap(),
                        Some(event) => emitter.emit(event).await,
                        None => return end,
                    },
                }
            }
        })
    }
}

fn request() -> TurnRequest {
    TurnRequest::new("a-model", "Why did the backup fail?")
}

pub(crate) async fn turns_are_played_one_after_the_other() {
    let backend = ScriptedBackend::sequence([
        ScriptedBackend::says("first").costing(0.5),
        ScriptedBackend::says("second"),
    ]);
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(backend.start(request()).finish().await);
    }
    assert_eq!(answers.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["first", "second", "second"]);
    let costs: Vec<_> = answers.iter().map(|it| it.usage.unwrap().cost_usd).collect();
    assert_eq!(costs, [Some(0.5), None, None]);
    assert_eq!(backend.requests(), [request(), request(), request()]);
}

pub(crate) async fn a_script_thinks_calls_pauses_and_fails() {
    let backend = ScriptedBackend::new()
        .then_thinks("It may be the disk.")
        .then_calls("readFile", json!({"path": "backup.log"}))
        .returning("disk full")
        .then_pauses(Duration::from_millis(1))
        .then_fails(Failed::new("overloaded", "too much to do").retryable());
    let events = see(backend.start(request())).await;
    let order = ["thinking_delta", "tool_call", "tool_input_delta", "tool_input", "message", "tool_result"];
    let order: Vec<_> = order.iter().map(|name| at(&events, name)).collect();
    assert!(order.is_sorted(), "{events:?}");
    let answer = backend.start(request()).finish().await;
    assert_eq!(answer.messages.len(), 2, "{answer:?}");
    assert!(matches!(answer.end, Some(TurnEnd::Failed(it)) if it.is_retryable()));
}

/// Nobody can be asked.
struct Broken;

#[async_trait]
impl Approver for Broken {
    async fn open(&self, _question: &Question) -> Result<Opened, ApproverError> {
        Err(ApproverError::new("disk full"))
    }

    async fn wait(&self, _id: ApprovalId) -> Result<Verdict, ApproverError> {
        Err(ApproverError::new("unused"))
    }
}

pub(crate) async fn a_paused_clock_is_all_the_time_it_takes() {
    let backend = ScriptedBackend::new()
        .then_asks("Write", json!({}))
        .then_pauses(Duration::from_secs(24 * 3600))
        .then_says("a day later")
        .approver(Arc::new(Broken));
    let answer = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(backend.start(request()).finish())
    });
    let answer = answer.await.unwrap();
    assert_eq!(answer.text, "a day later");
    let results = serde_json::to_string(&answer.messages[1].content).unwrap();
    assert!(results.contains("disk full") && results.contains("true"), "{results}");
}
