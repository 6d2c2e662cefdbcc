//! Many readers of one run: it is asked once, decoded once and encoded once.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::bench::Bench;
use crate::compared::Compared;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::{Bar, Kind, Panel, Plot};
use crate::process::cpu_seconds;
use crate::readers::{Readers, written_at};
use crate::relay::upstream::{Plan, Upstream};
use crate::relay::{Relay, Running};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::{Verdict, ratio};

const TITLE: &str = "Many readers of one run";

/// Tokens a second: enough that one reader's are not lost among what a server does anyway.
const PACE: u64 = 200;

/// How long after the stop a stream may take to end.
const END_MAX: Duration = Duration::from_secs(15);

/// What is left of a delivery's cost when the run's own is shared by all readers, at most.
const SHARE: f64 = 0.8;

/// What the rounds gave with one reader, and with all.
#[derive(Debug, Default)]
struct Costs {
    one: Cost,
    all: Cost,
}

#[derive(Debug, Default)]
struct Cost {
    /// CPU seconds of the server process for a million tokens that a reader got.
    cpu: Samples,
    /// Requests that the upstream got for all readers; the most of any round.
    asked: u64,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let upstream = Upstream::start(&bench.scratch)?;
    let started = bench.taking_part(&[Relay::Ours], |relay| relay.start(bench, &upstream));
    let mut costs = Costs::default();
    if let Some((_, running)) = started.first() {
        for round in bench.rounds("fan-out") {
            round?;
            upstream.plan(Plan { tokens: 0, per_second: PACE })?;
            costs.one.round(bench, (running, &upstream), 1)?;
            costs.all.round(bench, (running, &upstream), bench.scale.streaming.one_run_readers)?;
        }
    }
    Ok(section(bench, &costs))
}

impl Cost {
    fn round(&mut self, bench: &Bench, way: (&Running, &Upstream), count: usize) -> anyhow::Result<()> {
        let before = way.1.seen()?.asked;
        self.cpu.push(cost(bench, way, count)?);
        self.asked = self.asked.max(way.1.seen()?.asked - before);
        Ok(())
    }
}

/// CPU seconds of the server process for a million tokens that a reader got.
fn cost(bench: &Bench, (running, upstream): (&Running, &Upstream), count: usize) -> anyhow::Result<f64> {
    let first = running.ask()?;
    let run = first.run_id().context("a turn without x-run-id")?.to_owned();
    let mut readers = Readers::default();
    readers.add(first)?;
    for _ in 1..count {
        readers.add(running.server().open("GET", &format!("/api/runs/{run}/events"), None)?)?;
    }
    let scale = bench.scale.streaming;
    readers.read_until(Instant::now() + scale.settle, &mut |_| {})?;
    let cpu = || cpu_seconds(running.server().pid()).context("the server is gone");
    let before = cpu()?;
    let mut came = 0_u64;
    readers.read_until(Instant::now() + scale.window, &mut |event| {
        came += u64::from(written_at(event).is_some());
    })?;
    let taken = cpu()? - before;
    upstream.stop()?;
    readers.read_until(Instant::now() + END_MAX, &mut |_| {})?;
    if came == 0 || !readers.is_empty() {
        bail!("{came} tokens came, and not every reader saw the end");
    }
    Ok(taken * 1e6 / came as f64)
}

fn section(bench: &Bench, costs: &Costs) -> Section {
    let count = bench.scale.streaming.one_run_readers;
    let mut table = Table::new(&["", "readers of one run", "CPU s/M deliveries", "requests to the upstream"]);
    let measured = costs.all.cpu.median().is_some();
    for (readers, cost) in [(1, &costs.one), (count, &costs.all)] {
        if measured {
            let figures = [readers.to_string(), with_range(&cost.cpu), cost.asked.to_string()];
            table.row([Relay::Ours.label().to_owned()].into_iter().chain(figures).collect());
        }
    }
    let bar = |label, samples: &Samples| Bar {
        label,
        kind: Kind::Ours,
        value: samples.median().unwrap_or_default(),
        shown: with_range(samples),
    };
    let share = ratio(costs.all.cpu.median(), costs.one.cpu.median());
    let asked = measured.then_some(costs.all.asked as f64);
    Section {
        title: TITLE,
        about: format!(
            "One turn at {PACE} tokens a second, read by one and by {count}: CPU seconds of the server process for a million \
             tokens that a reader got. What is done once for the run is shared by its readers."
        ),
        table,
        verdicts: vec![
            Verdict::at_most(format!("claude-web, requests for {count} readers"), 1.0, "requests", asked),
            Verdict::at_most(format!("claude-web, a delivery to {count}"), SHARE, "× one to one", share),
        ],
        plot: Plot {
            title: TITLE,
            panels: vec![Panel {
                title: "CPU seconds for a million deliveries; less is better".to_owned(),
                bars: vec![bar("one reader", &costs.one.cpu), bar("many readers", &costs.all.cpu)],
            }],
        },
    }
}
