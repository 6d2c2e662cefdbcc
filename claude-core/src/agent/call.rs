//! One call of a tool, in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::context::TurnContext;
use super::history::Call;
use super::offer::Offered;
use super::output::ToolOutput;
use super::tool::ToolContext;
use crate::text::{Json, Text};
use crate::turn::{Emitter, TurnEvent};

/// How long a tool has to end by itself once its call is cancelled; then it is aborted.
pub const TOOL_GRACE: Duration = Duration::from_secs(1);

/// Pieces of a tool's output that wait to be shown; the tool waits beyond it.
const CHUNKS: usize = 16;

/// What became of a call.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    pub(super) output: ToolOutput,
    /// `None` where it did not run.
    pub(super) duration: Option<Duration>,
}

impl Finished {
    /// It did not run, for this reason.
    pub(super) fn not_run(why: impl std::fmt::Display) -> Self {
        Self { output: ToolOutput::text(format!("not run: {why}")).failed(), duration: None }
    }

    /// It ran, and its end was not waited for.
    pub(super) fn cut_off(why: &str) -> Self {
        let text = format!("stopped while it ran: {why}; what it did until then is not known");
        Self { output: ToolOutput::text(text).failed(), duration: None }
    }

    pub(super) fn event(&self, tool_call_id: Text) -> TurnEvent {
        TurnEvent::ToolResult {
            tool_call_id,
            content: self.output.content.clone(),
            is_error: self.output.is_error,
            duration_ms: self.duration.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// Runs a tool to its end, or to the end of its time, and shows its output meanwhile. Dropping it cancels the call.
pub(super) async fn run(call: &Call, input: Json, (offered, cx): (&Offered, &TurnContext)) -> Finished {
    let begun = Instant::now();
    let cancelled = cx.cancelled.child_token();
    let (sender, pieces) = mpsc::channel(CHUNKS);
    let tool_cx = ToolContext::new(call.id.clone(), cancelled.clone(), sender);
    let (tool, max) = (Arc::clone(&offered.tool), cx.limits.tool_output_bytes);
    let task = cx.tasks.spawn(async move {
        let output = tool.call(input, tool_cx).await;
        // Here, so that a huge output costs this task and not the turn.
        output.unwrap_or_else(ToolOutput::from).cut(max)
    });
    let mut running = Running { task, cancelled };
    let mut shown = Output { tool_call_id: &call.id, pieces, left: Some(max), emitter: &cx.emitter };
    let time = cx.limits.tool_time;
    let ended = running.ended(time, &mut shown).await;
    if ended.is_none() {
        running.end().await;
    }
    shown.rest().await;
    let output = match ended {
        Some(Ok(output)) => output,
        Some(Err(error)) => failed(&call.name, &error),
        None => ToolOutput::text(format!("`{}` was ended: it took longer than {time:?}", call.name)).failed(),
    };
    Finished { output, duration: Some(begun.elapsed()) }
}

fn failed(name: &str, error: &JoinError) -> ToolOutput {
    // What a panic says is not for the model: it may hold anything.
    let how = if error.is_panic() { "it panicked" } else { "it was aborted" };
    ToolOutput::text(format!("`{name}` failed: {how}")).failed()
}

/// A tool that runs.
struct Running {
    task: JoinHandle<ToolOutput>,
    cancelled: CancellationToken,
}

impl Running {
    /// Shows its output until it ends; `None` once its time is up. One that ended in time did so, however late its
    /// output is read.
    async fn ended(
        &mut self,
        time: Duration,
        shown: &mut Output<'_>,
    ) -> Option<Result<ToolOutput, JoinError>> {
        let late = sleep(time);
        tokio::pin!(late);
        loop {
            tokio::select! {
                biased;
                ended = &mut self.task => return Some(ended),
                () = &mut late => return None,
                Some(piece) = shown.pieces.recv() => shown.show(piece).await,
            }
        }
    }

    /// Cancels it, and aborts it when it goes on.
    async fn end(&mut self) {
        self.cancelled.cancel();
        if timeout(TOOL_GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancelled.cancel();
        if self.task.is_finished() {
            return;
        }
        let task = self.task.abort_handle();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                sleep(TOOL_GRACE).await;
                task.abort();
            })),
            Err(_) => task.abort(),
        }
    }
}

/// The output of a tool, as far as it is shown.
struct Output<'a> {
    tool_call_id: &'a Text,
    pieces: mpsc::Receiver<Text>,
    /// Bytes that may still be shown; `None` once it was said that no more are.
    left: Option<usize>,
    emitter: &'a Emitter,
}

impl Output<'_> {
    /// Shows at most what waited: a copy of the tool's sender may still be at work somewhere.
    async fn rest(&mut self) {
        for _ in 0..CHUNKS {
            let Ok(piece) = self.pieces.try_recv() else { break };
            self.show(piece).await;
        }
    }

    async fn show(&mut self, piece: Text) {
        let Some(left) = self.left else { return };
        if piece.len() <= left {
            self.left = Some(left - piece.len());
            return self.tell(piece).await;
        }
        self.left = None;
        self.pieces.close();
        let last = &piece[..piece.floor_char_boundary(left)];
        self.tell(format!("{last}\n[no more of it is shown]").into()).await;
    }

    async fn tell(&self, chunk: Text) {
        let tool_call_id = self.tool_call_id.clone();
        self.emitter.emit(TurnEvent::ToolOutput { tool_call_id, chunk }).await;
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures_util::future::join_all;
    use serde_json::json;

    use super::*;
    use crate::agent::offer::Offer;
    use crate::agent::{AgentLoop, Tool, ToolError, ToolRegistry, ToolSpec};
    use crate::messages::Client;
    use crate::turn::{Effect, ToolSet, Turn, TurnEnd, TurnLimits};

    /// Shows three pieces and is done.
    struct Chatty(ToolSpec);

    #[async_trait]
    impl Tool for Chatty {
        fn spec(&self) -> &ToolSpec {
            &self.0
        }

        fn effect(&self) -> Effect {
            Effect::ReadOnly
        }

        async fn call(&self, _input: Json, cx: ToolContext) -> Result<ToolOutput, ToolError> {
            for piece in ["one ", "two ", "three"] {
                cx.output(piece).await;
            }
            Ok(ToolOutput::text("done"))
        }
    }

    /// Runs so many calls in a turn that has so much to tell that none of them is heard for two limits of time.
    async fn unheard(calls: usize, emitter: Emitter) {
        let spec = ToolSpec::new("chatty", "", json!({"type": "object"}));
        let offer = Offer::new(&ToolRegistry::new().with(Chatty(spec)), &ToolSet::All).unwrap();
        let limits = TurnLimits::default();
        let (begun, loud) = (Instant::now(), limits.tool_time * 2);
        let cx = AgentLoop::new(Client::builder().build()).context(offer, limits, emitter.clone());
        let call = |at| Call {
            id: format!("t{at}").into(),
            name: "chatty".into(),
            input: Json::parse("{}").unwrap(),
        };
        let calls: Vec<Call> = (0..calls).map(call).collect();
        let offered = cx.offer.get("chatty").unwrap();
        let running = join_all(calls.iter().map(|call| run(call, call.input.clone(), (offered, &cx))));
        let noise = async {
            while begun.elapsed() < loud {
                emitter.emit(TurnEvent::Notice { text: "noise".into() }).await;
            }
            std::future::pending::<()>().await;
        };
        let finished = tokio::select! {
            biased;
            () = noise => Vec::new(),
            finished = running => finished,
        };
        assert_eq!(finished.len(), calls.len());
        assert!(finished.iter().all(|it| it.output == ToolOutput::text("done")), "{finished:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_tool_that_ended_in_time_did_so_however_late_it_is_heard() {
        let mut turn = Turn::new(|emitter, _stops| async move {
            unheard(16, emitter).await;
            TurnEnd::Completed { stop_reason: None }
        });
        let (mut shown, mut last) = (String::new(), None);
        while let Some(event) = turn.next().await {
            if let TurnEvent::ToolOutput { chunk, .. } = &event {
                shown.push_str(chunk);
            }
            last = Some(event);
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert!(matches!(last, Some(TurnEvent::Completed { .. })), "{last:?}");
        assert_eq!(shown.len(), 16 * "one two three".len());
    }
}
