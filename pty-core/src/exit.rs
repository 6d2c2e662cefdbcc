//! How a terminal's child ended.

use std::time::Duration;

use process_tree::Status;

use crate::signal;

/// How a terminal's child ended, and what it used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// Its exit code; none if a signal ended it, or nobody can tell.
    pub code: Option<i32>,
    /// The name of the signal that ended it, without `SIG`.
    pub signal: Option<String>,
    /// Where its output ends.
    pub head: u64,
    /// Processor time of the child and those it waited for.
    pub cpu: Duration,
    /// Peak resident memory of the child, bytes.
    pub peak_rss_bytes: u64,
}

/// How a child ended, before it is known where its output does.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) cpu: Duration,
    pub(crate) peak_rss_bytes: u64,
    /// Processes that even the kernel can't end yet.
    pub(crate) left: u32,
}

impl From<process_tree::Exit> for Ended {
    fn from(exit: process_tree::Exit) -> Self {
        let (code, signal) = match exit.status {
            Status::Code(code) => (Some(code), None),
            Status::Signal(number) => (None, Some(number)),
            Status::Lost => (None, None),
        };
        let cpu = exit.usage.user + exit.usage.system;
        Self { code, signal, cpu, peak_rss_bytes: exit.usage.max_rss_bytes, left: exit.left }
    }
}

impl Ended {
    pub(crate) fn at(self, head: u64) -> Exit {
        let Self { code, signal, cpu, peak_rss_bytes, .. } = self;
        Exit { code, signal: signal.map(signal::name), head, cpu, peak_rss_bytes }
    }
}
