//! What terminals may take.

use std::time::Duration;

/// Limits of all terminals of a [`Terminals`](crate::Terminals), set by its builder.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Terminals whose child or its descendants live; beyond it [`LimitReached`](crate::Error::LimitReached).
    pub sessions: usize,
    /// The same for each owner.
    pub per_owner: usize,
    /// Viewers of one terminal; beyond it `LimitReached`.
    pub viewers: usize,
    /// How long a terminal may be without input and output; then it is ended. `None`: for ever.
    pub idle: Option<Duration>,
    /// How long a terminal may live; then it is ended. `None`: for ever.
    pub lifetime: Option<Duration>,
    /// Bytes of output of one terminal; beyond it, it is ended. `None`: any number.
    pub output_bytes: Option<u64>,
    /// Bytes that a viewer is sent beyond what it acknowledged. A writer that far behind pauses the child. At most
    /// `ring_bytes`.
    pub window: usize,
    /// Bytes of output that are kept for replay; older ones are dropped. At least 64 KiB.
    pub ring_bytes: usize,
    /// Bytes of input that wait for the child; beyond it [`Input::send`](crate::Input::send) waits.
    pub input_bytes: usize,
    /// How long the place of a writer is kept whose connection was cut.
    pub hold: Duration,
    /// How long a writer may hold the child back without an acknowledgement; then it is closed as stalled.
    pub stall: Duration,
    /// How long a terminal can be looked at after its end.
    pub kept_for: Duration,
    /// Terminals that can be looked at after their end; beyond it the one that ended first goes.
    pub kept: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 100,
            per_owner: 100,
            viewers: 64,
            idle: None,
            lifetime: None,
            output_bytes: None,
            window: 256 << 10,
            ring_bytes: 4 << 20,
            input_bytes: 1 << 20,
            hold: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            kept_for: Duration::from_mins(10),
            kept: 100,
        }
    }
}

/// The longest time that any of them can be; more is as good as this.
const LONGEST: Duration = Duration::from_secs(86_400 * 365 * 10);
/// The smallest ring.
const RING_LEAST: usize = 64 << 10;

impl Limits {
    /// What contradicts itself is put right, as each field says.
    pub(crate) fn settled(mut self) -> Self {
        self.ring_bytes = self.ring_bytes.max(RING_LEAST);
        self.window = self.window.clamp(1, self.ring_bytes);
        self.input_bytes = self.input_bytes.max(1);
        for time in [&mut self.hold, &mut self.stall, &mut self.kept_for] {
            *time = (*time).min(LONGEST);
        }
        for time in [&mut self.idle, &mut self.lifetime] {
            *time = time.filter(|time| *time < LONGEST);
        }
        self
    }
}
