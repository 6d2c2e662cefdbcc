//! How long a flood is waited for without going to sleep.
//!
//! The system hands a terminal's output over in pieces of 4 KiB, each by a helper of its own. Who asks for more between two
//! pieces is put to sleep and woken for each of them, which takes several times as long as the piece itself. The next one
//! is mostly there within some microseconds: looking for it meanwhile costs less than sleeping. Where it isn't, that is
//! learned, and it is tried seldom.

use std::sync::LazyLock;
use std::time::Duration;

/// How long the next piece is looked for.
const PATIENCE: Duration = Duration::from_micros(50);
/// How many times in a row it is not tried at all, at most, after it was in vain.
const SKIP_MOST: u32 = 64;

/// Whether there is another processor that may bring the next piece meanwhile.
static IS_ALONE: LazyLock<bool> =
    LazyLock::new(|| std::thread::available_parallelism().is_ok_and(|count| count.get() == 1));

/// What was learned of one terminal.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// How often it is not tried from now on.
    skip: u32,
    /// How often after the next time in vain.
    penalty: u32,
}

impl Patience {
    /// Waits for more, as long as it seems worth it; `comes` tells whether it came within so long.
    pub(crate) fn wait(&mut self, comes: impl FnOnce(Duration) -> bool) {
        if *IS_ALONE || self.skip > 0 {
            self.skip = self.skip.saturating_sub(1);
        } else if comes(PATIENCE) {
            self.penalty = 0;
        } else {
            self.penalty = (self.penalty * 2).clamp(1, SKIP_MOST);
            self.skip = self.penalty;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_in_vain_tries_seldom_and_who_does_not_goes_on() {
        let mut patience = Patience::default();
        let mut tried = 0;
        for _ in 0..1000 {
            patience.wait(|_| {
                tried += 1;
                false
            });
        }
        assert!(tried < 25, "{tried}");
        tried = 0;
        for _ in 0..1000 {
            patience.wait(|_| {
                tried += 1;
                true
            });
        }
        assert!(*IS_ALONE || tried > 900, "{tried}");
    }
}
