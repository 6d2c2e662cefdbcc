//! How much a run may take.

use std::time::Duration;

use crate::ndjson::LINE_BYTES;

/// How much a run may take.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the prompt (10 MiB, which is what the CLI takes on stdin); beyond it the call is refused.
    pub prompt_bytes: usize,
    /// Bytes of one line of output (16 MiB); a longer one ends the run with an error.
    pub line_bytes: usize,
    /// Bytes kept of the end of stderr (4 KiB); what comes before is forgotten.
    pub stderr_bytes: usize,
    /// How long nothing may come while nobody is asked (none); beyond it the run is ended.
    pub idle: Option<Duration>,
    /// How long the run may take (none); beyond it the run is ended.
    pub total: Option<Duration>,
    /// How long to wait for more after a result, while no subagent works (30 s); beyond it the process is
    /// ended and the run counts as finished. A command that the model left in the background would keep it.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            prompt_bytes: 10 << 20,
            line_bytes: LINE_BYTES,
            stderr_bytes: 4 << 10,
            idle: None,
            total: None,
            linger: Duration::from_secs(30),
        }
    }
}
