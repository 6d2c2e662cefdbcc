//! Who relays turns: a server between the reader and the Messages API, which is played by [`upstream`].
//!
//! The contract is one POST that is answered with an event stream. What a token is named in it is the relay's own
//! matter; its data holds `"text":"…"`, as the upstream wrote it.

pub(crate) mod byte_relay;
pub(crate) mod crates;
pub(crate) mod re_encode;
pub(crate) mod serve;
pub(crate) mod upstream;

use std::env;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::json;

use crate::bench::Bench;
use crate::compared::Compared;
use crate::contestant::{self, Process, Server};
use crate::http::Stream;
use crate::peer;
use crate::plot::Kind;
use upstream::{Plan, Upstream};

/// The variable that tells every relay where the Messages API is, as the SDKs know it.
const BASE_URL: &str = "ANTHROPIC_BASE_URL";

/// A way from the Messages API to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relay {
    /// None: the reader asks the upstream itself
    Direct,
    /// A byte relay on hyper: it looks into nothing
    Bytes,
    /// The same, each event decoded and encoded anew
    ReEncode,
    /// Express with the official SDK
    Express,
    /// `FastAPI` with the official SDK
    FastApi,
    /// A small relay made of our crates
    Crates,
    /// claude-web
    Ours,
}

/// A relay that runs.
#[derive(Debug)]
pub(crate) struct Running {
    relay: Relay,
    server: Server,
}

impl Relay {
    pub(crate) const ALL: [Self; 7] =
        [Self::Direct, Self::FastApi, Self::Express, Self::Bytes, Self::ReEncode, Self::Crates, Self::Ours];

    /// Those at the pace of a model. To encode anew is the limit of full speed alone.
    pub(crate) const PACED: [Self; 6] =
        [Self::Direct, Self::FastApi, Self::Express, Self::Bytes, Self::Crates, Self::Ours];

    /// Those at full speed.
    pub(crate) const FULL_SPEED: [Self; 6] =
        [Self::FastApi, Self::Express, Self::Bytes, Self::ReEncode, Self::Crates, Self::Ours];

    /// Those whose memory and manners are compared.
    pub(crate) const PEERS_AND_OURS: [Self; 4] = [Self::Express, Self::Bytes, Self::Crates, Self::Ours];

    /// Starts it and relays one short turn by it; the error says why it can't take part.
    pub(crate) fn start(self, bench: &Bench, upstream: &Upstream) -> anyhow::Result<Running> {
        bench.check()?;
        let server = self.server(&bench.scratch, upstream.address())?;
        let running = Running { relay: self, server };
        upstream.plan(Plan { tokens: 8, per_second: 0 })?;
        let mut events = 0;
        running.ask()?.finish(&mut |_| events += 1)?;
        if events < 8 {
            bail!("of 8 tokens it relayed {events}");
        }
        Ok(running)
    }

    fn server(self, scratch: &Path, upstream: SocketAddr) -> anyhow::Result<Server> {
        let address = |command: &mut Command| {
            command.env(BASE_URL, format!("http://{upstream}")).env("ANTHROPIC_API_KEY", "none");
        };
        let start = |program: &Path, arguments: &[&str]| {
            let process = Process::start(program, scratch, |command, _| {
                command.args(arguments).env("NODE_ENV", "production");
                address(command);
            })?;
            Server::announced(process)
        };
        let role = |name| start(&env::current_exe()?, &[name]);
        let script = |name| peer::script(name).to_str().map(str::to_owned).context("a path that is no text");
        match self {
            Self::Direct => bail!("it is no server"),
            Self::Bytes => role("serve-byte-relay"),
            Self::ReEncode => role("serve-re-encode"),
            Self::Crates => role("serve-crates"),
            Self::Express => {
                peer::node_packages()?;
                start(Path::new("node"), &[&script("express-relay.mjs")?])
            }
            Self::FastApi => start(&peer::python()?, &[&script("fastapi_relay.py")?]),
            Self::Ours => {
                contestant::claude_web_lack().map_or(Ok(()), |why| bail!("{why}"))?;
                contestant::start_claude_web(scratch, address)
            }
        }
    }
}

impl Compared for Relay {
    fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Bytes => "byte-relay",
            Self::ReEncode => "re-encode",
            Self::Express => "express",
            Self::FastApi => "fastapi",
            Self::Crates => "crates",
            Self::Ours => "ours",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Direct => "no relay",
            Self::Bytes => "byte relay on hyper",
            Self::ReEncode => "hyper + re-encode",
            Self::Express => "Express + official SDK",
            Self::FastApi => "FastAPI + official SDK",
            Self::Crates => "relay of our crates",
            Self::Ours => "claude-web",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Direct | Self::Bytes | Self::ReEncode => Kind::Limit,
            Self::Express | Self::FastApi => Kind::Peer,
            Self::Crates | Self::Ours => Kind::Ours,
        }
    }
}

impl Running {
    /// Asks for a turn.
    pub(crate) fn ask(&self) -> anyhow::Result<Stream> {
        self.server.open("POST", "/api/chat", Some(&json!({ "message": "Say hello." })))
    }

    /// Allocations of the process so far; none where nobody counts them.
    pub(crate) fn allocations(&self) -> anyhow::Result<Option<u64>> {
        match self.relay {
            Relay::Bytes | Relay::ReEncode | Relay::Crates => {
                Ok(Some(self.server.call("GET", serve::ALLOCATIONS_PATH, None)?.parse()?))
            }
            Relay::Direct | Relay::Express | Relay::FastApi | Relay::Ours => Ok(None),
        }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Ends a turn whose reader is gone, where the server would go on with it; the reader's leaving ends the others.
    pub(crate) fn leave(&self, reader: Stream) -> anyhow::Result<()> {
        let run = reader.run_id().map(str::to_owned);
        if self.relay == Relay::Ours {
            let run = run.context("a turn without x-run-id")?;
            self.server.call("POST", &format!("/api/runs/{run}/interrupt"), Some(&json!({})))?;
        }
        drop(reader);
        Ok(())
    }
}
