//! What is done from time to time: cutting readers that stand still, forgetting runs that ended.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Shared;
use super::id::RunId;
use super::run::Run;

/// How often the house is kept, at least.
const ROUND: Duration = Duration::from_secs(1);

/// Keeps the house until nobody has the runs any more: cuts readers that stand still, makes room, forgets.
pub(super) async fn keep_house(shared: Weak<Shared>) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let round = ROUND.min(shared.limits.stall / 4).max(Duration::from_millis(10));
        shared.one_round();
        drop(shared);
        tokio::time::sleep(round).await;
    }
}

impl Shared {
    fn one_round(&self) {
        let runs: Vec<Arc<Run>> = self.live().values().cloned().collect();
        for run in &runs {
            if let Some(arrivals) = run.log.cut_stalled(self.limits.stall) {
                run.was_deserted(arrivals);
            }
        }
        if self.memory.is_short() {
            runs.iter().for_each(|run| run.log.shrink());
        }
        self.live().retain(|_, run| run.ended_since().is_none_or(|since| since < self.limits.kept));
    }
}

/// Forgets the run that ended first; `false` if none has.
pub(super) fn forget_oldest(live: &mut HashMap<RunId, Arc<Run>>) -> bool {
    let ended = live.iter().filter_map(|(id, run)| Some((run.ended_since()?, *id)));
    let oldest = ended.max().map(|(_, id)| id);
    oldest.is_some_and(|id| live.remove(&id).is_some())
}
