//! Turns of our own making, in a run whose archive only listens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use claude_core::approval::{Preview, Question};
use claude_core::turn::{Decision, TurnEnd};
use claude_core::{Effect, Json, Turn, TurnEvent};
use server_kit::auth::{Identity, Proof, Role, UserId};
use server_kit::runs::{
    Archive, ArchiveError, Ending, Limits, ListPage, NewRun, Outcome, PageQuery, Phase, Reader, RunId,
    RunInfo, RunState, Runs, Seq, Stop,
};
use server_kit::sse::{SentEvent, SentEvents};
use tokio::sync::Notify;

use super::*;

/// Remembers phases and ends.
#[derive(Default)]
struct Listener {
    phases: Mutex<Vec<Phase>>,
    ends: Mutex<Vec<Outcome>>,
}

#[async_trait]
impl Archive for Listener {
    async fn open(&self, _run: &RunInfo) -> Result<(), ArchiveError> {
        Ok(())
    }
    async fn set_phase(&self, _run: RunId, phase: Phase) -> Result<(), ArchiveError> {
        self.phases.lock().unwrap().push(phase);
        Ok(())
    }
    async fn append(&self, _run: RunId, _events: Vec<(Seq, Bytes)>) -> Result<(), ArchiveError> {
        Ok(())
    }
    async fn read(&self, _: RunId, _: Seq, _: usize) -> Result<Vec<(Seq, Bytes)>, ArchiveError> {
        Ok(Vec::new())
    }
    async fn end(&self, _run: RunId, ending: &Ending) -> Result<(), ArchiveError> {
        self.ends.lock().unwrap().push(ending.outcome.clone());
        Ok(())
    }
    async fn get(&self, _run: RunId, _reader: UserId) -> Result<RunInfo, ArchiveError> {
        Err(ArchiveError::NotFound)
    }
    async fn list(
        &self,
        _owner: UserId,
        _state: Option<RunState>,
        _page: PageQuery,
    ) -> Result<ListPage<RunInfo>, ArchiveError> {
        Ok(ListPage { items: Vec::new(), next_cursor: None })
    }
    async fn recover(&self) -> Result<u64, ArchiveError> {
        Ok(0)
    }
}

struct House {
    runs: Runs,
    archive: Arc<Listener>,
    who: Identity,
}

impl House {
    fn new() -> Self {
        let archive = Arc::new(Listener::default());
        let proof = Proof::Token { jti: "none".into(), exp: 0 };
        let user = UserId::new(uuid::Uuid::from_u128(7));
        let who = Identity { user, name: "ann".into(), role: Role::Admin, proof };
        Self { runs: Runs::new(archive.clone(), Limits::default()), archive, who }
    }

    async fn pump(&self, turn: Turn) -> (RunId, Reader) {
        let work = |log| async move { Pump::new(turn, log).run().await.end().await };
        self.runs.spawn(NewRun::new(self.who.user, "chat").archived(), work).await.unwrap()
    }

    fn end(&self) -> Outcome {
        self.archive.ends.lock().unwrap().first().cloned().unwrap()
    }
}

async fn all(mut events: Reader) -> Vec<SentEvent> {
    let (mut sent, mut all) = (SentEvents::default(), Vec::new());
    while let Some(bytes) = events.next().await {
        sent.feed(&bytes.unwrap());
        all.extend(std::iter::from_fn(|| sent.next()));
    }
    all
}

fn names(events: &[SentEvent]) -> Vec<String> {
    let name =
        |event: &SentEvent| String::from_utf8(event.name.clone().unwrap_or_default().to_vec()).unwrap();
    events.iter().map(name).collect()
}

fn piece(text: &str) -> TurnEvent {
    TurnEvent::TextDelta { text: text.into(), parent_tool_call_id: None }
}

fn asked() -> (TurnEvent, TurnEvent) {
    let input = Json::parse("{}").unwrap();
    let question = Question::new("toolu_1".into(), "Write".into(), input.clone(), Effect::Write);
    let required = TurnEvent::ApprovalRequired {
        approval_id: question.id(),
        tool_call_id: "toolu_1".into(),
        name: "Write".into(),
        input: input.clone(),
        preview: Preview::Input { input },
        expires_at: None,
    };
    let (approval_id, by) = (question.id(), "ann".into());
    (required, TurnEvent::ApprovalResolved { approval_id, decision: Decision::Allow, by })
}

#[tokio::test]
async fn events_come_in_order_and_the_end_comes_last() {
    let house = House::new();
    let turn = Turn::new(|emitter, _stops| async move {
        for at in 0..10_000 {
            emitter.emit(piece(&at.to_string())).await;
        }
        TurnEnd::Completed { stop_reason: Some("end_turn".into()) }
    });
    let (_, events) = house.pump(turn).await;
    let all = all(events).await;
    assert_eq!(all.len(), 10_001);
    for (at, event) in all.iter().enumerate() {
        assert_eq!(event.seq.get(), at as u64 + 1);
    }
    let last: serde_json::Value = serde_json::from_slice(&all[10_000].payload).unwrap();
    assert_eq!(last, serde_json::json!({"type": "completed", "stop_reason": "end_turn"}));
    assert_eq!(house.end(), Outcome::Completed);
}

#[tokio::test]
async fn a_run_says_while_it_waits_for_a_person() {
    let house = House::new();
    let go = Arc::new(Notify::new());
    let (required, resolved) = asked();
    let told = go.clone();
    let turn = Turn::new(|emitter, _stops| async move {
        emitter.emit(required).await;
        told.notified().await;
        emitter.emit(resolved).await;
        told.notified().await;
        TurnEnd::Completed { stop_reason: None }
    });
    let (run, mut events) = house.pump(turn).await;
    events.next().await.unwrap().unwrap();
    // Whoever reads the question finds the run waiting.
    assert_eq!(house.runs.get(run, &house.who).await.unwrap().state, RunState::WaitingApproval);
    go.notify_one();
    events.next().await.unwrap().unwrap();
    assert_eq!(house.runs.get(run, &house.who).await.unwrap().state, RunState::Running);
    go.notify_one();
    assert_eq!(names(&all(events).await), ["completed"]);
    assert_eq!(*house.archive.phases.lock().unwrap(), [Phase::WaitingApproval, Phase::Running]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_stop_is_dropped() {
    struct Alive(Arc<Notify>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let house = House::new();
    let gone = Arc::new(Notify::new());
    let alive = Alive(gone.clone());
    let turn = Turn::new(|emitter, _stops| async move {
        let _alive = alive;
        emitter.emit(piece("a")).await;
        std::future::pending().await
    });
    let (run, mut events) = house.pump(turn).await;
    events.next().await.unwrap().unwrap();
    house.runs.stop(run, &house.who, Stop::User).await.unwrap();
    let rest = all(events).await;
    assert_eq!(names(&rest), ["cancelled"]);
    assert_eq!(house.end(), Outcome::Cancelled { by: "user" });
    gone.notified().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_stopped_turn_still_says_is_shown() {
    let house = House::new();
    let turn = Turn::new(|emitter, mut stops| async move {
        emitter.emit(piece("a")).await;
        stops.stopped().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        emitter.emit(piece("last words")).await;
        TurnEnd::Cancelled { by: "user".into() }
    });
    let (run, mut events) = house.pump(turn).await;
    events.next().await.unwrap().unwrap();
    house.runs.stop(run, &house.who, Stop::User).await.unwrap();
    assert_eq!(names(&all(events).await), ["text_delta", "cancelled"]);
}

#[tokio::test]
async fn a_turn_that_a_denial_ended_says_so_in_the_run_too() {
    for (by, noted) in [("policy", "policy"), ("user", "user"), ("ann", "user")] {
        let house = House::new();
        let turn = Turn::new(move |_, _| async move { TurnEnd::Cancelled { by: by.into() } });
        let (_, events) = house.pump(turn).await;
        assert_eq!(names(&all(events).await), ["cancelled"]);
        assert_eq!(house.end(), Outcome::Cancelled { by: noted });
    }
}
