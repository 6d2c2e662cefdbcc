//! What is told of a terminal.

use chrono::{DateTime, Utc};
use pty_core::{Exit, Info};
use serde::Serialize;

/// A terminal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TerminalInfo {
    id: String,
    /// What runs in it, as `TERMINAL_COMMANDS` names it.
    command: String,
    name: Option<String>,
    cols: u16,
    rows: u16,
    /// The command's process id.
    pid: u32,
    /// `running`, `ending`, or `exited`.
    state: &'static str,
    created_at: DateTime<Utc>,
    /// The oldest byte of output that is held.
    base: u64,
    /// Where output ends for now.
    head: u64,
    /// Viewers attached now.
    viewers: usize,
    /// Whether it is recorded.
    recorded: bool,
    /// How the command ended.
    exit: Option<ExitInfo>,
}

/// How a command ended.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ExitInfo {
    /// Its exit code, unless a signal ended it.
    code: Option<i32>,
    /// That signal's name, without `SIG`.
    signal: Option<String>,
    /// Where its output ends.
    head: u64,
    /// Processor time it took, milliseconds.
    cpu_ms: u64,
    /// Its peak resident memory, KiB.
    peak_rss_kib: u64,
}

impl TerminalInfo {
    pub(super) fn of(info: Info) -> Self {
        Self {
            id: info.id.to_string(),
            command: info.label,
            name: info.name,
            cols: info.size.cols(),
            rows: info.size.rows(),
            pid: info.pid,
            state: info.phase.as_str(),
            created_at: info.created_at.into(),
            base: info.base,
            head: info.head,
            viewers: info.viewers,
            recorded: info.recording.is_some(),
            exit: info.exit.as_ref().map(ExitInfo::of),
        }
    }
}

impl ExitInfo {
    pub(super) fn of(exit: &Exit) -> Self {
        Self {
            code: exit.code,
            signal: exit.signal.clone(),
            head: exit.head,
            cpu_ms: u64::try_from(exit.cpu.as_millis()).unwrap_or(u64::MAX),
            peak_rss_kib: exit.peak_rss_bytes / 1024,
        }
    }
}
