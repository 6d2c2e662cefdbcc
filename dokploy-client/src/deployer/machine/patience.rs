//! How often, how long and with which pauses something is tried.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deployer::Timestamp;
use crate::deployer::effect::Effect;

/// Between two looks at something that takes its time.
pub(super) const POLL: Duration = Duration::from_secs(2);

/// How often a change is repeated after a reply that leaves open whether it was done.
const REPEATS: u32 = 4;

/// The first pause after a failure. It doubles with each, and is also the time in which a change whose reply was lost
/// takes effect before it is looked for.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long after a create whose reply was lost nothing of it is looked for in vain: a call of ours ends after ten seconds
/// without an answer, and the server goes on with it.
pub(super) const SETTLES: Duration = Duration::from_secs(15);

/// The longest pause of our own, so that what was left behind is gone soon after Dokploy answers again.
const MAX_PAUSE: Duration = Duration::from_secs(4);

/// The longest pause that a server may ask for.
const MAX_TOLD_PAUSE: Duration = Duration::from_secs(30);

/// What was tried in vain.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Patience {
    pause: Option<Timestamp>,
    /// Failures since the last success.
    failures: u32,
    failing_since: Option<Timestamp>,
    /// The change that was begun last, and how often.
    tried: Option<(Effect, u32)>,
}

impl Patience {
    pub(super) fn pause(&self) -> Option<Timestamp> {
        self.pause
    }

    /// Ends the pause, if it is time.
    pub(super) fn wake(&mut self, at: Timestamp) {
        self.pause = self.pause.filter(|until| at < *until);
    }

    /// Something was done since.
    pub(super) fn end_pause(&mut self) {
        self.pause = None;
    }

    /// Something new begins, or whoever failed is gone: time without work does not count. A pause goes on, since what it
    /// waits for may still take effect.
    pub(super) fn forgive(&mut self) {
        (self.failures, self.failing_since) = (0, None);
    }

    /// Pauses after a failure, for longer each time, and at least as long as was told.
    pub(super) fn pause_for(&mut self, at: Timestamp, after_ms: u64) {
        let times = self.tried.as_ref().map_or(0, |(_, times)| times.saturating_sub(1));
        let doublings = self.failures.max(times).min(2);
        let own = MAX_PAUSE.min(FIRST_PAUSE * 2_u32.pow(doublings));
        let told = MAX_TOLD_PAUSE.min(Duration::from_millis(after_ms));
        self.failures += 1;
        self.wait(at, own.max(told));
    }

    /// Ends the pause at a deadline.
    pub(super) fn pause_until_at_most(&mut self, deadline: Timestamp) {
        self.pause = self.pause.map(|until| until.min(deadline));
    }

    /// Pauses.
    pub(super) fn wait(&mut self, at: Timestamp, wait: Duration) {
        self.pause = Some(at.after(wait));
    }

    /// Notes a failure. Whether all since the first have taken so long.
    pub(super) fn is_over(&mut self, at: Timestamp, limit: Duration) -> bool {
        at.since(*self.failing_since.get_or_insert(at)) >= limit
    }

    /// Whether something failed since the last success.
    pub(super) fn has_failures(&self) -> bool {
        self.failures > 0
    }

    /// How often this change was begun, if it is the last one.
    fn times(&self, effect: &Effect) -> u32 {
        self.tried.as_ref().filter(|(tried, _)| tried == effect).map_or(0, |(_, times)| *times)
    }

    /// Whether this is the change that was begun last.
    pub(super) fn has_tried(&self, effect: &Effect) -> bool {
        self.times(effect) > 0
    }

    /// Whether a change may be begun, or repeated once more.
    pub(super) fn may_try_again(&self, effect: &Effect) -> bool {
        self.times(effect) <= REPEATS
    }

    /// Notes that a change begins. `false` if it was tried and repeated often enough.
    pub(super) fn try_again(&mut self, effect: &Effect) -> bool {
        let may_try = self.may_try_again(effect);
        self.tried = Some((effect.clone(), self.times(effect) + 1));
        may_try
    }
}
