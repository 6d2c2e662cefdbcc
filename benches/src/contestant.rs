//! Who is compared: servers behind one HTTP contract, all starting the same stand-in for the CLI.

pub(crate) mod bare;
pub(crate) mod direct;
mod node;
mod ours;
mod server;

use std::path::Path;

use claude_core::testing::StandIn;

use crate::compared::Compared;
use crate::plot::Kind;

pub(crate) use node::version as node_version;
pub(crate) use ours::{lack as claude_web_lack, start_with as start_claude_web};
pub(crate) use server::{LISTENING, Process, Server, is_cli};

/// A server that answers `POST /api/claude` with the CLI's lines as events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// A Node server as one writes it first
    Simple,
    /// A careful Node server
    Careful,
    /// A bare pipe-to-socket copy: the limit
    Bare,
    /// claude-web
    Ours,
}

impl Contestant {
    pub(crate) const ALL: [Self; 4] = [Self::Simple, Self::Careful, Self::Bare, Self::Ours];

    /// Starts it and waits until it answers.
    pub(crate) fn start(self, setup: &Setup<'_>) -> anyhow::Result<Server> {
        match self {
            Self::Simple => node::start("simple-server.mjs", setup),
            Self::Careful => node::start("careful-server.mjs", setup),
            Self::Bare => bare::start(setup),
            Self::Ours => ours::start(setup),
        }
    }

    /// Why it can't take part on this machine; none if it can.
    pub(crate) fn lack(self) -> Option<String> {
        match self {
            Self::Simple | Self::Careful => node::lack(),
            Self::Bare => None,
            Self::Ours => ours::lack(),
        }
    }
}

impl Compared for Contestant {
    fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Careful => "careful",
            Self::Bare => "bare",
            Self::Ours => "ours",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Simple => "simple Node server",
            Self::Careful => "careful Node server",
            Self::Bare => "bare pipe-to-socket copy",
            Self::Ours => "claude-web",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Simple | Self::Careful => Kind::Peer,
            Self::Bare => Kind::Limit,
            Self::Ours => Kind::Ours,
        }
    }
}

/// What a server is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// What the CLI does.
    pub(crate) plan: &'a StandIn,
    /// A directory for whatever servers write.
    pub(crate) scratch: &'a Path,
    /// What our server holds its children by.
    pub(crate) reach: Reach,
}

/// What our server holds its children by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The strongest there is.
    Best,
    /// A supervisor for each, as where no cgroup can be made.
    Supervisors,
}
