//! When the pieces of a body are sent.

use std::time::Duration;

use tokio::time::Instant;

use super::fault::is_delta;

/// When, and in which pieces.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// Before the head of the response.
    pub(super) first: Duration,
    pub(super) tempo: Tempo,
    /// The largest piece in bytes.
    pub(super) split: Option<usize>,
    /// Between the pings of a stream that stalls.
    pub(super) pings: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Tempo {
    #[default]
    AtOnce,
    /// Waits before each event.
    Every(Duration),
    /// So many deltas in a second, each at its own time from the first one on: what comes late is caught up.
    PerSecond(u32),
}

/// The clock of one stream.
#[derive(Debug)]
pub(super) struct Beat {
    tempo: Tempo,
    /// When the first delta went, and how many went since.
    deltas: Option<(Instant, u64)>,
}

impl Beat {
    pub(super) fn new(tempo: Tempo) -> Self {
        Self { tempo, deltas: None }
    }

    /// Waits until this event is due.
    pub(super) async fn wait(&mut self, event: &[u8]) {
        match self.tempo {
            Tempo::Every(pause) => tokio::time::sleep(pause).await,
            Tempo::PerSecond(rate) if is_delta(event) => {
                let (start, sent) = self.deltas.get_or_insert_with(|| (Instant::now(), 0));
                let due = *start + after(*sent, rate);
                *sent += 1;
                tokio::time::sleep_until(due).await;
            }
            Tempo::AtOnce | Tempo::PerSecond(_) => {}
        }
    }
}

/// When a delta is due, seen from the first one.
fn after(deltas: u64, per_second: u32) -> Duration {
    let nanos = u128::from(deltas) * 1_000_000_000 / u128::from(per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_does_not_drift() {
        let mut beat = Beat::new(Tempo::PerSecond(300));
        let start = Instant::now();
        for _ in 0..901 {
            beat.wait(b"content_block_delta").await;
        }
        let late = start.elapsed().checked_sub(Duration::from_secs(3)).unwrap();
        assert!(late <= Duration::from_millis(1), "{late:?}");
    }
}
