//! What a relay holds: at the start, for each turn, and for a reader that stops.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::super::{median_of, panel};
use crate::bench::{Bench, Each};
use crate::compared::Compared;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::Plot;
use crate::readers::Readers;
use crate::relay::upstream::{Plan, Upstream};
use crate::relay::{Relay, Running};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::Verdict;

const TITLE: &str = "Memory of a relay";

/// Tokens a second of each turn that is held.
const PACE: u64 = 10;

/// How often the memory is read while a reader stands still.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the rounds gave for one relay.
#[derive(Debug, Default)]
struct Memory {
    /// MB after one short turn.
    base: Samples,
    /// KB for each turn.
    each: Samples,
    /// MB that a reader costs who stops while the upstream writes on.
    stopped: Samples,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let upstream = Upstream::start(&bench.scratch)?;
    let mut all = bench.taking_part(&Relay::PEERS_AND_OURS, |relay| {
        relay.start(bench, &upstream).map(|_| Memory::default())
    });
    for round in bench.rounds("stream-memory") {
        round?;
        for (relay, memory) in &mut all {
            let server = relay.start(bench, &upstream)?;
            memory.hold(bench, (&server, &upstream)).with_context(|| relay.label())?;
            drop(server);
            let server = relay.start(bench, &upstream)?;
            memory.stop(bench, (&server, &upstream)).with_context(|| relay.label())?;
        }
    }
    Ok(section(bench, &all))
}

impl Memory {
    fn hold(&mut self, bench: &Bench, (running, upstream): (&Running, &Upstream)) -> anyhow::Result<()> {
        let base = running.server().resident()? as f64;
        upstream.plan(Plan { tokens: 0, per_second: PACE })?;
        let scale = bench.scale.streaming;
        let mut readers = Readers::default();
        for _ in 0..scale.readers {
            readers.add(running.ask()?)?;
        }
        readers.read_until(Instant::now() + scale.hold, &mut |_| {})?;
        self.base.push(base / 1e6);
        self.each.push((running.server().resident()? as f64 - base).max(0.0) / 1e3 / scale.readers as f64);
        Ok(())
    }

    fn stop(&mut self, bench: &Bench, (running, upstream): (&Running, &Upstream)) -> anyhow::Result<()> {
        upstream.plan(Plan { tokens: 0, per_second: 0 })?;
        let before = running.server().resident()?;
        let mut reader = running.ask()?;
        reader.wait_for_event()?;
        let started = Instant::now();
        let mut most = before;
        while started.elapsed() < bench.scale.streaming.hold {
            sleep(LOOK_EVERY);
            most = most.max(running.server().resident()?);
        }
        self.stopped.push((most - before) as f64 / 1e6);
        upstream.stop()?;
        Ok(())
    }
}

fn section(bench: &Bench, all: &Each<Memory, Relay>) -> Section {
    let mut table = Table::new(&["", "base, MB", "KB a turn", "a stopped reader, MB"]);
    for (relay, memory) in all {
        let figures = [&memory.base, &memory.each, &memory.stopped].map(with_range);
        table.row([relay.label().to_owned()].into_iter().chain(figures).collect());
    }
    let pick = |samples: fn(&Memory) -> &Samples| -> Each<Samples, Relay> {
        all.iter().map(|(relay, memory)| (*relay, samples(memory).clone())).collect()
    };
    let (base, each, stopped) =
        (pick(|memory| &memory.base), pick(|memory| &memory.each), pick(|memory| &memory.stopped));
    let judge = |ours: Relay| {
        let at_most = |what: &str, most, unit, samples| {
            Verdict::at_most(format!("{}, {what}", ours.label()), most, unit, median_of(samples, ours))
        };
        [
            at_most("base", 15.0, "MB", &base),
            at_most("each turn", 35.0, "KB", &each),
            at_most("a stopped reader", 1.0, "MB", &stopped),
        ]
    };
    Section {
        title: TITLE,
        about: format!(
            "Resident memory of the server process: after one short turn, with {} turns of {PACE} tokens a second held open, \
             and what it grows by while one reader of an endless turn at full speed stands still for {} s.",
            bench.scale.streaming.readers,
            bench.scale.streaming.hold.as_secs_f64()
        ),
        table,
        verdicts: [Relay::Crates, Relay::Ours].into_iter().flat_map(judge).collect(),
        plot: Plot {
            title: TITLE,
            panels: vec![
                panel("MB at the start; less is better", &base),
                panel("KB for each turn; less is better", &each),
                panel("MB for a reader that stops; less is better", &stopped),
            ],
        },
    }
}
