//! Whether anything more is to come of a terminal whose child has ended. Pure: instants come in.
//!
//! A terminal tells by hanging up that nobody has it open any more. Where a process of another tree still has, silence has
//! to do: so long without a byte while bytes might have been read, or a while after the last process of the tree.

use std::time::Duration;

use tokio::time::Instant;

/// How long a terminal must be silent after its child's end, so that its output counts as complete.
const QUIET: Duration = Duration::from_millis(50);
/// How long a terminal is read on, at most, after the last process of its tree.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// How long a terminal that nobody has open is left alone before it is looked at again: twice as long each time, so often.
const HUNG_UP: Duration = Duration::from_millis(100);
const HUNG_UP_DOUBLED: u32 = 4;

/// How long a terminal has been silent.
#[derive(Debug)]
pub(crate) struct Silence {
    /// Nothing was read since, though it might have been.
    since: Instant,
    /// Reading stood still before.
    resumed_at: Instant,
    /// Nobody had it open; it isn't looked at until then.
    hung_up_until: Option<Instant>,
    /// How often in a row.
    hang_ups: u32,
}

impl Silence {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, resumed_at: now, hung_up_until: None, hang_ups: 0 }
    }

    /// Something was read, or may have been written unseen: it is counted anew.
    pub(crate) fn break_off(&mut self, now: Instant) {
        (self.since, self.hung_up_until, self.hang_ups) = (now, None, 0);
    }

    /// Reading may go on after it stood still.
    pub(crate) fn resume(&mut self, now: Instant) {
        (self.since, self.resumed_at) = (now, now);
    }

    /// Nobody has it open.
    pub(crate) fn hang_up(&mut self, now: Instant) {
        self.hung_up_until = Some(now + HUNG_UP * 2_u32.pow(self.hang_ups.min(HUNG_UP_DOUBLED)));
        self.hang_ups = self.hang_ups.saturating_add(1);
    }

    /// Whether it is to be left alone for now.
    pub(crate) fn is_hung_up(&mut self, now: Instant) -> bool {
        self.hung_up_until = self.hung_up_until.filter(|until| *until > now);
        self.hung_up_until.is_some()
    }

    /// Whether that is all, the child having ended, while reading is allowed; the last process went at `gone_at`.
    pub(crate) fn is_the_end(&self, gone_at: Option<Instant>, now: Instant) -> bool {
        self.hung_up_until.is_some() || self.end(gone_at) <= now
    }

    /// When that will be all, if nothing comes.
    pub(crate) fn end(&self, gone_at: Option<Instant>) -> Instant {
        let quiet = self.since + QUIET;
        gone_at.map_or(quiet, |at| quiet.min(at.max(self.resumed_at) + AFTERWARDS))
    }

    /// When it is looked at again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.hung_up_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn silence_counts_only_while_something_might_have_been_read() {
        let start = Instant::now();
        let mut silence = Silence::new(start);
        assert!(!silence.is_the_end(None, start + millis(49)));
        assert!(silence.is_the_end(None, start + millis(50)));
        silence.resume(start + millis(5000));
        assert!(!silence.is_the_end(Some(start), start + millis(5049)));
        assert!(silence.is_the_end(Some(start), start + millis(5050)));
    }

    #[test]
    fn who_writes_on_for_ever_is_not_listened_to_for_ever() {
        let start = Instant::now();
        let mut silence = Silence::new(start);
        silence.resume(start + millis(3000));
        silence.break_off(start + millis(3990));
        assert!(!silence.is_the_end(None, start + millis(4000)));
        assert!(silence.is_the_end(Some(start), start + millis(4000)));
        assert!(!silence.is_the_end(Some(start), start + millis(3999)));
    }

    #[test]
    fn a_hang_up_is_the_end_unless_it_is_taken_back() {
        let start = Instant::now();
        let mut silence = Silence::new(start);
        silence.hang_up(start);
        assert!(silence.is_the_end(None, start) && silence.is_hung_up(start + millis(99)));
        assert!(!silence.is_hung_up(start + millis(100)));
        silence.hang_up(start);
        assert!(silence.is_hung_up(start + millis(199)) && !silence.is_hung_up(start + millis(200)));
        silence.break_off(start);
        assert!(!silence.is_the_end(None, start));
        silence.hang_up(start);
        assert!(!silence.is_hung_up(start + millis(100)));
    }
}
