//! The Messages API as the relays ask it: fast, exactly paced, the same for all.
//!
//! What it answers is told by a [`Plan`], set from outside between turns. A token's text is the time at which it was
//! written, so that whoever reads it knows how long it took.

mod server;

use std::env;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::contestant::{Process, Server};

pub(crate) use server::serve;

/// Sets the plan, ends all streams, tells what happened.
const PLAN_PATH: &str = "/control/plan";
const STOP_PATH: &str = "/control/stop";
const SEEN_PATH: &str = "/control/seen";

/// What every stream from now on is like.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Tokens of an answer; 0: until it is stopped.
    pub(crate) tokens: u64,
    /// Each in a chunk of its own; 0: as fast as they are taken, in chunks of many.
    pub(crate) per_second: u64,
}

/// What the upstream has seen.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Requests for an answer.
    pub(crate) asked: u64,
    /// Streams whose reader left before the end.
    pub(crate) left: u64,
    /// When the last of them was noticed, as [`now`] tells it.
    pub(crate) last_left: u64,
}

/// An upstream that runs; ended when dropped.
#[derive(Debug)]
pub(crate) struct Upstream(Server);

impl Upstream {
    pub(crate) fn start(scratch: &Path) -> anyhow::Result<Self> {
        let process = Process::start(&env::current_exe()?, scratch, |command, _| {
            command.arg("serve-upstream");
        })?;
        Ok(Self(Server::announced(process).context("cannot start the upstream")?))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// From now on.
    pub(crate) fn plan(&self, plan: Plan) -> anyhow::Result<()> {
        self.0.call("POST", PLAN_PATH, Some(&serde_json::to_value(plan)?)).map(drop)
    }

    /// Ends all streams there are, properly.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        self.0.call("POST", STOP_PATH, None).map(drop)
    }

    pub(crate) fn seen(&self) -> anyhow::Result<Seen> {
        Ok(serde_json::from_str(&self.0.call("GET", SEEN_PATH, None)?)?)
    }

    /// The upstream as a server that is asked without a relay.
    pub(crate) fn server(&self) -> &Server {
        &self.0
    }
}

/// Microseconds by a clock that all processes of this machine share.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000
}
