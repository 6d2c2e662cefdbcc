//! What the driver's tests share.

use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use claude_core::cli::{Command, Outcome, Output, Process};
use claude_core::testing::StandIn;
use claude_core::{Error, TurnEvent};

/// No test takes this long, unless something hangs.
const HANGS: Duration = Duration::from_secs(60);

pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(HANGS, test()).await.expect("it hangs") });
}

/// A run of the stand-in.
pub(crate) fn command(plan: &StandIn) -> Command {
    let (name, plan) = plan.to_env();
    Command::new(std::env::current_exe().unwrap()).env(name, plan).prompt("Say hello.")
}

/// All that came out of a process.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) lines: Vec<Bytes>,
    pub(crate) cut: Option<Bytes>,
    pub(crate) events: Vec<TurnEvent>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) error: Option<Error>,
}

impl Seen {
    pub(crate) fn take(&mut self, output: Output) {
        if let Some(line) = output.line {
            if output.is_cut { self.cut = Some(line) } else { self.lines.push(line) }
        }
        self.events.extend(output.events);
    }

    pub(crate) fn text(&self) -> String {
        let text = |event: &TurnEvent| match event {
            TurnEvent::TextDelta { text, parent_tool_call_id: None } => Some(text.to_string()),
            _ => None,
        };
        self.events.iter().filter_map(text).collect()
    }

    /// The one end, which is the last event.
    pub(crate) fn end(&self) -> &TurnEvent {
        let is_end = |it: &&TurnEvent| {
            matches!(it, TurnEvent::Completed { .. } | TurnEvent::Failed(_) | TurnEvent::Cancelled { .. })
        };
        assert_eq!(self.events.iter().filter(is_end).count(), 1, "{:?}", self.events);
        self.events.iter().last().filter(is_end).expect("the end comes last")
    }
}

pub(crate) async fn see(mut process: Process) -> Seen {
    let mut seen = Seen::default();
    while let Some(output) = process.next().await {
        match output {
            Ok(output) => seen.take(output),
            Err(error) => seen.error = Some(error),
        }
    }
    seen.outcome = process.outcome().cloned();
    assert!(process.next().await.is_none());
    seen
}

pub(crate) async fn see_run(plan: &StandIn) -> Seen {
    see(command(plan).spawn().await.unwrap()).await
}

/// Waits until `fine` holds; the cap is generous, since it only bounds a failure.
pub(crate) async fn eventually(what: &str, fine: impl Fn() -> bool) {
    let started = Instant::now();
    while !fine() {
        assert!(started.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
