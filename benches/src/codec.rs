//! Who is compared where nothing but bytes is decoded: no server, no socket.
//!
//! What is written in Rust runs on the measuring thread and is timed by the thread's CPU clock. What is written in
//! another language runs in a [`worker`] that times itself by the CPU clock of its process: helper threads that
//! collect garbage and compile count, since they take the same cores.

mod crates;
pub(crate) mod limit;
mod line_scan;
mod published;
mod worker;

use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};

use crate::bench::Bench;
use crate::compared::Compared;
use crate::plot::Kind;
use crate::wire::{Cut, Tally};
use worker::Worker;

/// A way to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Finds lines and looks into none
    LineScan,
    /// memchr and serde_json into borrowed structs
    Limit,
    /// serde_json with everything but the type left raw
    RawValue,
    /// The crate sse-stream with serde_json
    SseStream,
    /// The crate eventsource-stream with serde_json
    EventsourceStream,
    /// The official SDK on Node
    NodeSdk,
    /// The official SDK on Python
    PythonSdk,
    /// Node's readline with JSON.parse
    NodeReadline,
    /// claude-core
    Crates,
}

/// What is asked of a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Work {
    /// Typed events of a Messages API stream.
    Decode,
    /// The whole message of a Messages API stream.
    FinalMessage,
    /// Typed lines of the CLI.
    Lines,
    /// Lines of the CLI that go on as they are: their bounds and their type.
    PassThrough,
}

/// A body to be worked on again and again for some CPU time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) work: Work,
    pub(crate) cut: Cut,
    pub(crate) chunks: &'a [Bytes],
    /// The same body as a file.
    pub(crate) file: &'a Path,
    /// What it must have found.
    pub(crate) expected: Tally,
    pub(crate) cpu: Duration,
}

/// A codec that is ready to work.
#[derive(Debug)]
pub(crate) enum Ready {
    Here(Codec),
    Worker(Box<Worker>),
}

impl Codec {
    pub(crate) const ALL: [Self; 9] = [
        Self::LineScan,
        Self::Limit,
        Self::RawValue,
        Self::SseStream,
        Self::EventsourceStream,
        Self::NodeSdk,
        Self::PythonSdk,
        Self::NodeReadline,
        Self::Crates,
    ];

    /// Makes it ready; the error says why it can't take part.
    pub(crate) fn start(self, bench: &Bench) -> anyhow::Result<Ready> {
        Ok(match self {
            Self::NodeSdk | Self::NodeReadline => Ready::Worker(Box::new(Worker::node(&bench.scratch)?)),
            Self::PythonSdk => Ready::Worker(Box::new(Worker::python(&bench.scratch)?)),
            here => Ready::Here(here),
        })
    }
}

impl Compared for Codec {
    fn name(self) -> &'static str {
        match self {
            Self::LineScan => "line-scan",
            Self::Limit => "serde",
            Self::RawValue => "raw-value",
            Self::SseStream => "sse-stream",
            Self::EventsourceStream => "eventsource-stream",
            Self::NodeSdk => "node-sdk",
            Self::PythonSdk => "python-sdk",
            Self::NodeReadline => "node-readline",
            Self::Crates => "crates",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::LineScan => "bare line scan",
            Self::Limit => "memchr + serde_json",
            Self::RawValue => "serde_json RawValue",
            Self::SseStream => "sse-stream + serde_json",
            Self::EventsourceStream => "eventsource-stream + …",
            Self::NodeSdk => "official SDK, Node",
            Self::PythonSdk => "official SDK, Python",
            Self::NodeReadline => "readline + JSON.parse",
            Self::Crates => "claude-core",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::LineScan | Self::Limit => Kind::Limit,
            Self::Crates => Kind::Ours,
            _ => Kind::Peer,
        }
    }
}

impl Ready {
    /// Works for a while; MB for each second of CPU time. What finds something else than it must is an error.
    pub(crate) fn rate(&mut self, task: &Task<'_>) -> anyhow::Result<f64> {
        let (megabytes, seconds) = match self {
            Self::Here(codec) => codec.repeat(task)?,
            Self::Worker(worker) => worker.repeat(task)?,
        };
        if seconds <= 0.0 {
            bail!("it took no time");
        }
        Ok(megabytes / seconds)
    }
}

impl Codec {
    fn repeat(self, task: &Task<'_>) -> anyhow::Result<(f64, f64)> {
        let length = task.chunks.iter().map(Bytes::len).sum::<usize>() as f64 / 1e6;
        let started = thread_cpu();
        let mut megabytes = 0.0;
        loop {
            let found = self.once(task.work, task.chunks)?;
            if found != task.expected {
                bail!("it found {found:?}, not {:?}", task.expected);
            }
            megabytes += length;
            let taken = thread_cpu() - started;
            if taken >= task.cpu.as_secs_f64() {
                return Ok((megabytes, taken));
            }
        }
    }

    fn once(self, work: Work, chunks: &[Bytes]) -> anyhow::Result<Tally> {
        match (self, work) {
            (Self::Crates, Work::Decode) => crates::decode(chunks),
            (Self::Crates, Work::FinalMessage) => crates::final_message(chunks),
            (Self::Crates, Work::Lines) => crates::lines(chunks),
            (Self::Crates, Work::PassThrough) => crates::pass_through(chunks),
            (Self::Limit, Work::Decode) => limit::decode(chunks),
            (Self::Limit, Work::Lines) => limit::lines(chunks),
            (Self::RawValue, Work::PassThrough) => limit::pass_through(chunks),
            (Self::LineScan, Work::PassThrough) => Ok(line_scan::pass_through(chunks)),
            (Self::SseStream, Work::Decode) => published::sse_stream(chunks),
            (Self::EventsourceStream, Work::Decode) => published::eventsource_stream(chunks),
            (codec, work) => Err(anyhow::anyhow!("{codec:?} doesn't do {work:?}")),
        }
    }
}

/// Seconds of CPU that this thread took.
fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
