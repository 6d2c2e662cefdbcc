//! One turn of the loop: from the conversation to the next step, until there is none.
//!
//! The work may be dropped at any `await`, and is, when somebody stops the turn or its time is up. What it leaves is in
//! [`Phase`]; [`Loop::close`] tells it and answers each call that has no result, so that the conversation can go on.

use super::AgentLoop;
use super::ask::{Answer, Next};
use super::context::TurnContext;
use super::history::{self, Call, Step};
use super::ledger::{Ledger, reached};
use super::offer::Offer;
use super::output::array;
use super::round::Round;
use super::stopwatch::Stopwatch;
use super::teller::Teller;
use crate::error::{Error, Result};
use crate::messages::{ContentBlock, MessageParam, Request, Role};
use crate::text::Text;
use crate::turn::event::constant;
use crate::turn::{Emitter, Origin, Stop, Stops, TurnEnd, TurnEvent, TurnLimits, TurnRequest};

/// A turn at work.
pub(super) struct Loop {
    pub(super) agent: AgentLoop,
    pub(super) cx: TurnContext,
    /// What the model is asked next. Its messages are the state of the turn.
    pub(super) request: Request,
    pub(super) ledger: Ledger,
    pub(super) phase: Phase,
    pub(super) teller: Teller,
    /// What the model is told behind the next results.
    pub(super) note: Option<ContentBlock>,
}

/// What is under way.
pub(super) enum Phase {
    Between,
    Asking(Box<Answer>),
    Running(Box<Round>),
}

/// Why a turn is over.
enum Over {
    Completed { stop_reason: Option<Text> },
    Stopped { by: Text },
    Failed(Error),
}

pub(super) async fn run(
    agent: AgentLoop,
    request: TurnRequest,
    (emitter, mut stops): (Emitter, Stops),
) -> TurnEnd {
    let mut turn = match Loop::new(agent, request, emitter) {
        Ok(turn) => turn,
        Err(error) => return TurnEnd::Failed((&error).into()),
    };
    let (stopwatch, time) = (turn.cx.stopwatch.clone(), turn.cx.limits.time);
    let over = tokio::select! {
        biased;
        Stop::Interrupt { by } | Stop::Cancel { by } = stops.stopped() => Over::Stopped { by },
        () = stopwatch.expired() => {
            Over::Failed(reached("time", format!("it took longer than {:?}", time.unwrap_or_default())))
        }
        over = turn.go() => over,
    };
    turn.close(over).await
}

/// What would be passed over in silence may be what the caller relies on.
fn refuse_what_only_claude_code_has(it: &TurnRequest) -> Result<()> {
    let refuse = |field, reason: &str| Err(Error::Invalid { field, reason: reason.into() });
    if it.origin != Origin::New {
        return refuse("origin", "only Claude Code has sessions; the Messages API goes on from a history");
    }
    if it.cwd.is_some() {
        return refuse("cwd", "only Claude Code has a working directory; tools of the loop know their own");
    }
    if it.permission_mode.is_some() {
        return refuse(
            "permission_mode",
            "only Claude Code has one; the loop's approver decides about tools",
        );
    }
    Ok(())
}

impl Loop {
    /// A turn that may begin.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what can't be asked, [`Error::NotConfigured`] where the cost is limited and not known.
    fn new(agent: AgentLoop, it: TurnRequest, emitter: Emitter) -> Result<Self> {
        refuse_what_only_claude_code_has(&it)?;
        let offer = Offer::new(&agent.tools, &it.tools)?;
        let messages = history::prepare(it.history, it.message)?;
        let model = it.model.unwrap_or_else(|| agent.model.clone());
        if it.limits.cost_usd.is_some() && !agent.knows_the_price_of(&model) {
            return Err(Error::NotConfigured { what: "a price of the model, which a limit on cost needs," });
        }
        let mut request = Request::new(model, it.limits.max_tokens, messages);
        request.system = it.system.map(Into::into);
        request.tools = offer.wire()?;
        (agent.shape)(&mut request);
        let cx = agent.context(offer, it.limits, emitter.clone());
        let (ledger, teller) = (Ledger::new(), Teller::new(emitter));
        Ok(Self { agent, cx, request, ledger, phase: Phase::Between, teller, note: None })
    }

    async fn go(&mut self) -> Over {
        self.teller.tell(started(&self.request.model)).await;
        if let Step::Run(calls) = history::next(&self.request.messages) {
            self.tell_again(&calls);
        }
        loop {
            match history::next(&self.request.messages) {
                Step::Ask => match self.ask().await {
                    Ok(Next::ByHistory) => {}
                    Ok(Next::Over { stop_reason }) => return Over::Completed { stop_reason },
                    Err(error) => return Over::Failed(error),
                },
                Step::Run(calls) => {
                    if let Some(by) = self.run_tools(calls).await {
                        return Over::Stopped { by };
                    }
                }
                Step::Done => return Over::Completed { stop_reason: None },
            }
        }
    }

    /// Calls of an earlier turn, for readers who were not there.
    fn tell_again(&mut self, calls: &[Call]) {
        for call in calls {
            self.teller.later(TurnEvent::ToolCall {
                tool_call_id: call.id.clone(),
                name: call.name.clone(),
                input: Some(call.input.clone()),
                effect: self.cx.offer.effect(&call.name),
                parent_tool_call_id: None,
            });
        }
    }

    async fn run_tools(&mut self, calls: Vec<Call>) -> Option<Text> {
        self.phase = Phase::Running(Box::new(Round::new(calls)));
        let Phase::Running(round) = &mut self.phase else { return None };
        let ended_by = round.run(&self.cx, &mut self.teller).await;
        if ended_by.is_none() {
            self.take_results();
            self.teller.flush().await;
        }
        ended_by
    }

    /// The results become a message.
    fn take_results(&mut self) {
        if let Phase::Running(round) = std::mem::replace(&mut self.phase, Phase::Between) {
            let mut results = round.into_results();
            results.extend(self.note.take());
            self.say(results);
        }
    }

    /// The user's side says this: results, and notes.
    pub(super) fn say(&mut self, blocks: Vec<ContentBlock>) {
        let content = array(&blocks);
        self.teller.later(TurnEvent::Message { role: constant("user"), content, model: None, usage: None });
        match self.request.messages.last_mut() {
            // All results of an answer stand in one message, those of an earlier turn too.
            Some(last) if last.role == Role::User => {
                let mut said = last.content.blocks();
                said.extend(blocks);
                last.content = said.into();
            }
            _ => self.request.messages.push(MessageParam::user(blocks)),
        }
    }

    /// Tells what is left to tell, and leaves no call without a result.
    async fn close(mut self, over: Over) -> TurnEnd {
        let why = match &over {
            Over::Stopped { .. } => "the turn was stopped",
            Over::Failed(Error::LimitReached { limit: "time", .. }) => "the turn's time was up",
            Over::Completed { .. } | Over::Failed(_) => "the turn ended",
        };
        match std::mem::replace(&mut self.phase, Phase::Between) {
            Phase::Between => {}
            Phase::Asking(answer) => self.take_partial(*answer, why),
            Phase::Running(mut round) => {
                round.close(why, &self.cx, &mut self.teller).await;
                self.phase = Phase::Running(round);
                self.take_results();
            }
        }
        self.teller.flush().await;
        match over {
            Over::Completed { stop_reason } => TurnEnd::Completed { stop_reason },
            Over::Stopped { by } => TurnEnd::Cancelled { by },
            Over::Failed(error) => TurnEnd::Failed((&error).into()),
        }
    }
}

impl AgentLoop {
    pub(super) fn context(&self, offer: Offer, limits: TurnLimits, emitter: Emitter) -> TurnContext {
        TurnContext {
            emitter,
            offer,
            approver: self.approver.clone(),
            stopwatch: Stopwatch::new(limits.time),
            limits,
            cancelled: tokio_util::sync::CancellationToken::new(),
            tasks: tokio_util::task::TaskTracker::new(),
        }
    }
}

fn started(model: &Text) -> TurnEvent {
    let turn_id = uuid::Uuid::now_v7().to_string().into();
    TurnEvent::Started { turn_id, backend: constant("api"), model: model.clone(), session_id: None }
}
