//! Brings a machine to where its records left it.

use super::{Machine, Next};
use crate::deployer::journal::Record;
use crate::deployer::plan::Plan;

/// A machine as its records left it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// The machine.
    pub machine: Machine,
    /// What it does next.
    pub next: Next,
    /// Whether the last effect had begun, with nothing known of what came of it. Whoever takes the machine over says
    /// so by [`Seen::Interrupted`](crate::deployer::Seen::Interrupted), before anything is done.
    pub begun: bool,
    /// At which position the next record comes.
    pub position: usize,
}

/// A record doesn't fit those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record {position} of a deployment does not fit those before it")]
#[non_exhaustive]
pub struct Unfit {
    /// Which, from 0.
    pub position: usize,
}

impl Machine {
    /// The machine that wrote these records. The same records always give the same machine.
    ///
    /// # Errors
    /// [`Unfit`]: the records are not those of one deployment.
    pub fn replay(records: &[Record]) -> Result<Replayed, Unfit> {
        let mut replayed: Option<Replayed> = None;
        for (position, record) in records.iter().enumerate() {
            replayed = Some(step(replayed, record).ok_or(Unfit { position })?);
        }
        replayed.ok_or(Unfit { position: 0 })
    }
}

fn step(before: Option<Replayed>, record: &Record) -> Option<Replayed> {
    let position = before.as_ref().map_or(0, |it| it.position) + record.count();
    let with = |(machine, next), begun| Some(Replayed { machine, next, begun, position });
    match (before, record) {
        (None, Record::Planned { id, plan }) => with(Machine::new(id.clone(), Plan::clone(plan)), false),
        (None, Record::Reached(reached)) => with(Machine::of_end(reached), false),
        (Some(it), Record::Asked { operation, at }) => with(it.machine.follow(*operation, *at).ok()?, false),
        (Some(mut it), Record::Began(effect)) => {
            // That a wait was over is not recorded.
            it.machine.patience.end_pause();
            it.machine.pass_look(effect);
            let next = it.machine.next();
            (next == Next::Do(effect.clone())).then_some(Replayed { next, begun: true, position, ..it })
        }
        (Some(it), Record::Saw(event)) => with(it.machine.on(event.clone()), false),
        _ => None,
    }
}
