//! The agent loop: the Messages API with tools, and a person who decides about them.
//!
//! - An [`AgentLoop`] is a [`Backend`]: it asks the model, runs the tools that the model calls, tells it the results,
//!   and so on until the model is done or a limit is reached.
//! - A [`ToolRegistry`] holds the [`Tool`]s that a program offers. Calls that only look run side by side; those that
//!   write run one by one, each after the [`Approver`] said yes to its exact input.
//! - The conversation is the only state. Store the content of each `message` event, and
//!   [`TurnRequest::going_on`] with them continues after a restart: calls without a result are asked about and run
//!   before the model hears of anything.
//!
//! Each turn leaves a conversation that can go on, whatever ended it: a call that was not run, or not to its end,
//! has a result that says so. Only dropping a turn leaves calls open, to be continued. What is left of an answer
//! that broke off: its text, thinking that is signed, and calls whose input is complete; they are never run.
//!
//! ```no_run
//! use async_trait::async_trait;
//! use claude_core::agent::{AgentLoop, Tool, ToolContext, ToolError, ToolOutput, ToolRegistry, ToolSpec};
//! use claude_core::{Backend, Effect, Json, TurnEvent, TurnRequest, messages};
//! use serde_json::json;
//!
//! struct Uptime(ToolSpec);
//!
//! #[async_trait]
//! impl Tool for Uptime {
//!     fn spec(&self) -> &ToolSpec {
//!         &self.0
//!     }
//!
//!     fn effect(&self) -> Effect {
//!         Effect::ReadOnly
//!     }
//!
//!     async fn call(&self, _input: Json, _cx: ToolContext) -> Result<ToolOutput, ToolError> {
//!         std::fs::read_to_string("/proc/uptime").map(ToolOutput::text).map_err(ToolError::new)
//!     }
//! }
//!
//! # async fn example() {
//! let uptime = Uptime(ToolSpec::new("uptime", "How long this machine runs.", json!({"type": "object"})));
//! let agent = AgentLoop::new(messages::Client::builder().build()).tools(ToolRegistry::new().with(uptime));
//! let mut turn = agent.start(TurnRequest::new("claude-sonnet-5-5", "Since when does the server run?"));
//! while let Some(event) = turn.next().await {
//!     if let TurnEvent::TextDelta { text, .. } = event {
//!         print!("{text}");
//!     }
//! }
//! # }
//! ```

mod ask;
mod call;
mod context;
mod history;
mod ledger;
#[cfg(feature = "mcp")]
pub mod mcp;
mod offer;
mod output;
mod question;
mod registry;
mod round;
mod run;
mod schema;
mod shown;
mod stopwatch;
mod teller;
mod tool;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

pub use call::TOOL_GRACE;
pub use question::PREVIEW_TIME;
pub use registry::ToolRegistry;
pub use round::READS_AT_ONCE;
pub use tool::{CHUNK_BYTES, Tool, ToolContext, ToolError, ToolOutput, ToolSpec};

use crate::approval::{Approver, DenyWrites};
use crate::messages::{Client, Request, Usage};
use crate::pricing::{NanoUsd, Prices};
use crate::text::Text;
use crate::timestamp::Clock;
use crate::turn::{Backend, Turn, TurnRequest};

/// The model where neither the turn nor the loop names one.
pub const DEFAULT_MODEL: &str = "claude-sonnet-5-5";

type Shape = Arc<dyn Fn(&mut Request) + Send + Sync>;

/// Answers turns by the Messages API, and runs the tools that the model calls. Cheap to clone.
#[derive(Clone)]
pub struct AgentLoop {
    client: Client,
    model: Text,
    tools: ToolRegistry,
    approver: Arc<dyn Approver>,
    prices: Prices,
    clock: Clock,
    shape: Shape,
}

impl AgentLoop {
    /// Without tools; writes would be denied.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            model: DEFAULT_MODEL.into(),
            tools: ToolRegistry::default(),
            approver: Arc::new(DenyWrites),
            prices: Prices::default(),
            clock: Arc::new(SystemTime::now),
            shape: Arc::new(|_| {}),
        }
    }

    /// Asks this model where a turn names none.
    #[must_use]
    pub fn model(mut self, model: impl Into<Text>) -> Self {
        self.model = model.into();
        self
    }

    /// With these tools.
    #[must_use]
    pub fn tools(mut self, tools: ToolRegistry) -> Self {
        self.tools = tools;
        self
    }

    /// With this way to whoever decides.
    #[must_use]
    pub fn approver(mut self, approver: Arc<dyn Approver>) -> Self {
        self.approver = approver;
        self
    }

    /// With these prices.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// With this wall time, which prices depend on.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Changes what each turn asks, once at its start: thinking, betas, tools that the API runs itself. Messages and
    /// the tools of the registry are the loop's own.
    #[must_use]
    pub fn shape(mut self, change: impl Fn(&mut Request) + Send + Sync + 'static) -> Self {
        self.shape = Arc::new(change);
        self
    }

    /// Whether answers of this model have a price.
    fn knows_the_price_of(&self, model: &str) -> bool {
        let nothing = serde_json::from_str(r#"{"input_tokens":0,"output_tokens":0}"#);
        nothing.is_ok_and(|usage| self.cost(model, &usage).is_some())
    }

    /// What an answer cost; `None`: unknown.
    fn cost(&self, model: &str, usage: &Usage) -> Option<NanoUsd> {
        self.prices.cost(model, usage, (self.clock)())
    }
}

impl Backend for AgentLoop {
    fn start(&self, request: TurnRequest) -> Turn {
        let agent = self.clone();
        Turn::new(|emitter, stops| run::run(agent, request, (emitter, stops)))
    }
}

impl fmt::Debug for AgentLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentLoop")
            .field("model", &self.model)
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}
