//! The tool calls of one message, up to their results.

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::timeout;

use super::call::{self, Finished, TOOL_GRACE};
use super::context::TurnContext;
use super::history::{self, Call};
use super::offer::Offered;
use super::output::ToolOutput;
use super::question::{APPROVER_GRACE, Open, decide, with_preview};
use super::teller::Teller;
use crate::approval::{Permit, Question, ToolOutcome, Verdict};
use crate::messages::ContentBlock;
use crate::text::Text;
use crate::turn::Effect;

/// Calls that only look and run at once; more of them wait.
pub const READS_AT_ONCE: usize = 8;

/// The calls of one message. Calls that only look run side by side; one that writes waits for all before it, and
/// all behind it wait for it.
pub(super) struct Round {
    calls: Vec<Call>,
    results: Vec<Option<Finished>>,
    /// The question that waits for its answer.
    open: Option<Open>,
    /// The call that was permitted, from the moment its running is put on record until its outcome is.
    begun: Option<(usize, Permit)>,
}

impl Round {
    pub(super) fn new(calls: Vec<Call>) -> Self {
        let results = vec![None; calls.len()];
        Self { calls, results, open: None, begun: None }
    }

    /// Runs them all. Gives the one who ended the turn instead, where a denial does.
    pub(super) async fn run(&mut self, cx: &TurnContext, teller: &mut Teller) -> Option<Text> {
        let mut at = 0;
        while at < self.calls.len() {
            let rest = self.calls[at..].iter();
            let reads = rest.take_while(|call| cx.offer.effect(&call.name) == Effect::ReadOnly).count();
            if reads > 0 {
                self.read(at, reads, (cx, teller)).await;
                at += reads;
                continue;
            }
            if let Some(by) = self.write(at, cx, teller).await {
                return Some(by);
            }
            at += 1;
        }
        None
    }

    /// Gives each call without a result one that says so, once the tools that run have ended.
    pub(super) async fn close(&mut self, why: &str, cx: &TurnContext, teller: &mut Teller) {
        if let Some(open) = self.open.take()
            && let Some(event) = open.withdraw().await
        {
            teller.later(event);
        }
        cx.cancelled.cancel();
        cx.tasks.close();
        // Longer than what aborts them. One that blocks its thread can't be ended, and is left behind.
        let _ = timeout(TOOL_GRACE * 2, cx.tasks.wait()).await;
        for at in 0..self.calls.len() {
            if self.results[at].is_none() {
                let finished = match &self.begun {
                    Some((running, _)) if *running == at => Finished::cut_off(why),
                    _ => Finished::not_run(why),
                };
                self.end(at, finished, teller);
            }
        }
        if let Some((at, permit)) = &self.begun {
            let _ = timeout(APPROVER_GRACE, self.finish(*at, permit, cx)).await;
            self.begun = None;
        }
        teller.flush().await;
    }

    /// The results, in the order of the calls.
    pub(super) fn into_results(self) -> Vec<ContentBlock> {
        let results = self.calls.into_iter().zip(self.results);
        let blocks = results.filter_map(|(call, finished)| {
            let ToolOutput { content, is_error } = finished?.output;
            Some(history::result(&call.id, content, is_error))
        });
        blocks.collect()
    }

    /// Runs calls that only look, so many from there on.
    async fn read(&mut self, from: usize, count: usize, (cx, teller): (&TurnContext, &mut Teller)) {
        let Self { calls, results, .. } = self;
        let mut waiting = from..from + count;
        let mut running: FuturesUnordered<_> =
            waiting.by_ref().take(READS_AT_ONCE).map(|at| look(at, &calls[at], cx)).collect();
        while let Some((at, finished)) = running.next().await {
            running.extend(waiting.next().map(|at| look(at, &calls[at], cx)));
            teller.later(finished.event(calls[at].id.clone()));
            results[at] = Some(finished);
            teller.flush().await;
        }
    }

    /// Asks about a call, and runs it if it may.
    async fn write(&mut self, at: usize, cx: &TurnContext, teller: &mut Teller) -> Option<Text> {
        let call = self.calls[at].clone();
        let offered = match cx.offer.find(&call) {
            Ok(offered) => offered,
            Err(why) => return self.refuse(at, why, teller).await,
        };
        let question = Question::new(call.id.clone(), call.name.clone(), call.input.clone(), Effect::Write);
        let question = with_preview(question, offered).await;
        match decide(&mut self.open, &question, (cx, teller)).await {
            Verdict::Allow(permit) => self.permitted(at, permit, (offered, cx, teller)).await,
            Verdict::Deny(denial) => {
                self.refuse(at, denial.reason, teller).await;
                return denial.interrupt.then_some(denial.by);
            }
        }
        None
    }

    async fn refuse(&mut self, at: usize, why: impl std::fmt::Display, teller: &mut Teller) -> Option<Text> {
        self.end(at, Finished::not_run(why), teller);
        teller.flush().await;
        None
    }

    /// Runs what the permit says, once that is on record.
    async fn permitted(
        &mut self,
        at: usize,
        permit: Permit,
        (offered, cx, teller): (&Offered, &TurnContext, &mut Teller),
    ) {
        if permit.is_edited()
            && let Err(why) = offered.check(permit.input())
        {
            self.refuse(at, format!("{} changed the input, but {why}", permit.by()), teller).await;
            return;
        }
        self.begun = Some((at, permit.clone()));
        if let Err(error) = cx.approver.begin(&permit).await {
            self.begun = None;
            self.refuse(at, error, teller).await;
            return;
        }
        let mut finished = call::run(&self.calls[at], permit.input().clone(), (offered, cx)).await;
        if permit.is_edited() {
            let note = format!("{} changed the input before this ran, to: {}", permit.by(), permit.input());
            finished.output = finished.output.noted(note);
        }
        self.end(at, finished, teller);
        self.finish(at, &permit, cx).await;
        self.begun = None;
        teller.flush().await;
    }

    /// Records what became of a permitted call. The approver keeps its own account of what it could not store.
    async fn finish(&self, at: usize, permit: &Permit, cx: &TurnContext) {
        if let Some(finished) = &self.results[at] {
            let outcome = ToolOutcome::new(finished.output.content.clone(), finished.output.is_error);
            let _ = cx.approver.finish(permit, &outcome).await;
        }
    }

    fn end(&mut self, at: usize, finished: Finished, teller: &mut Teller) {
        teller.later(finished.event(self.calls[at].id.clone()));
        self.results[at] = Some(finished);
    }
}

async fn look(at: usize, call: &Call, cx: &TurnContext) -> (usize, Finished) {
    let finished = match cx.offer.find(call) {
        Ok(offered) => call::run(call, call.input.clone(), (offered, cx)).await,
        Err(why) => Finished::not_run(why),
    };
    (at, finished)
}
