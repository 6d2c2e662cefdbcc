//! A backend that says what a test tells it to.

mod play;
mod script;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use self::play::Play;
use self::script::{Call, Script, Step};
use crate::approval::{Approver, DenyWrites};
use crate::text::Json;
use crate::turn::{Backend, Failed, Turn, TurnRequest};

/// How many requests are kept; beyond it the oldest are forgotten.
const REQUESTS: usize = 1000;

/// A [`Backend`] without a model: each turn plays the script, word by word. Pauses are tokio's, so a test with a
/// paused clock takes no time. Of the request's limits it knows `model_requests`, `output_tokens` and `time`.
///
/// ```
/// use claude_core::testing::ScriptedBackend;
/// use claude_core::{Backend, TurnRequest};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let backend = ScriptedBackend::says("Let me look.")
///     .then_calls("readFile", json!({"path": "backup.log"}))
///     .returning("disk full")
///     .then_says("The disk is full.");
/// let answer = backend.start(TurnRequest::new("a-model", "Why did the backup fail?")).finish().await;
/// assert_eq!(answer.text, "The disk is full.");
/// assert_eq!(backend.requests().len(), 1);
/// # }
/// ```
pub struct ScriptedBackend {
    scripts: Vec<Script>,
    approver: Arc<dyn Approver>,
    told: Mutex<Told>,
}

/// What it was asked.
#[derive(Default)]
struct Told {
    requests: VecDeque<TurnRequest>,
    starts: usize,
}

impl ScriptedBackend {
    /// A turn that says nothing and completes.
    #[must_use]
    pub fn new() -> Self {
        Self { scripts: vec![Script::default()], approver: Arc::new(DenyWrites), told: Mutex::default() }
    }

    /// A turn that says this.
    #[must_use]
    pub fn says(text: &str) -> Self {
        Self::new().then_says(text)
    }

    /// The first turn plays the first, the second the second, and so on; the last one repeats. The approver is the
    /// last one's.
    #[must_use]
    pub fn sequence(turns: impl IntoIterator<Item = Self>) -> Self {
        let empty = Self { scripts: Vec::new(), ..Self::new() };
        turns.into_iter().fold(empty, |mut all, next| {
            all.scripts.extend(next.scripts);
            all.approver = next.approver;
            all
        })
    }

    /// Then it says this.
    #[must_use]
    pub fn then_says(self, text: &str) -> Self {
        self.step(Step::Say(text.into()))
    }

    /// Then it thinks this.
    #[must_use]
    pub fn then_thinks(self, text: &str) -> Self {
        self.step(Step::Think(text.into()))
    }

    /// Then it calls a tool that only reads. Its result is its input as text, unless
    /// [`returning`](Self::returning) follows.
    #[must_use]
    pub fn then_calls(self, tool: &str, input: Value) -> Self {
        self.step(Step::Call(Call::new(tool, input, false)))
    }

    /// Then it calls a tool that writes, which the approver is asked about. Its result is the input that was
    /// permitted as text, or why it was denied.
    #[must_use]
    pub fn then_asks(self, tool: &str, input: Value) -> Self {
        self.step(Step::Call(Call::new(tool, input, true)))
    }

    /// What the call before this returns where it runs.
    #[must_use]
    pub fn returning(mut self, result: impl Into<Value>) -> Self {
        if let Some(Step::Call(call)) = self.script().steps.last_mut() {
            call.result = Some(Json::from(result.into()));
        }
        self
    }

    /// Then nothing happens for this long.
    #[must_use]
    pub fn then_pauses(self, time: Duration) -> Self {
        self.step(Step::Pause(time))
    }

    /// Then it says this word over and over, until it is stopped.
    #[must_use]
    pub fn then_says_forever(self, word: &str) -> Self {
        self.step(Step::SayForever(word.into()))
    }

    /// Then nothing happens, until it is stopped.
    #[must_use]
    pub fn then_hangs(self) -> Self {
        self.step(Step::Hang)
    }

    /// Then the turn fails; `Failed::new("rate_limited", "slow down").retryable()`.
    #[must_use]
    pub fn then_fails(self, failure: Failed) -> Self {
        self.step(Step::Fail(failure))
    }

    /// Each word comes so much later than the one before.
    #[must_use]
    pub fn words_every(mut self, pause: Duration) -> Self {
        self.script().word_pause = pause;
        self
    }

    /// Each message costs so many US dollars; without it the cost is unknown.
    #[must_use]
    pub fn costing(mut self, usd: f64) -> Self {
        self.script().message_usd = Some(usd);
        self
    }

    /// Who is asked; without one writes are denied.
    #[must_use]
    pub fn approver(mut self, approver: Arc<dyn Approver>) -> Self {
        self.approver = approver;
        self
    }

    /// What it was asked so far, oldest first; the newest 1000. A turn counts once it is started.
    #[must_use]
    pub fn requests(&self) -> Vec<TurnRequest> {
        self.told().requests.iter().cloned().collect()
    }

    fn step(mut self, step: Step) -> Self {
        self.script().steps.push(step);
        self
    }

    fn script(&mut self) -> &mut Script {
        if self.scripts.is_empty() {
            self.scripts.push(Script::default());
        }
        let last = self.scripts.len() - 1;
        &mut self.scripts[last]
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ScriptedBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for ScriptedBackend {
    fn start(&self, request: TurnRequest) -> Turn {
        let mut told = self.told();
        let script = self.scripts.get(told.starts).or(self.scripts.last()).cloned().unwrap_or_default();
        told.starts += 1;
        if told.requests.len() == REQUESTS {
            told.requests.pop_front();
        }
        told.requests.push_back(request.clone());
        drop(told);
        let approver = self.approver.clone();
        Turn::new(|emitter, stops| Play::new(request, approver, emitter).run(script, stops))
    }
}

impl std::fmt::Debug for ScriptedBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedBackend").field("scripts", &self.scripts).finish_non_exhaustive()
    }
}
