//! Turns relayed at the pace of a model: what a token costs and how late it comes.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::super::{median_of, panel};
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::Plot;
use crate::process::cpu_seconds;
use crate::readers::{Readers, written_at};
use crate::relay::upstream::{Plan, Upstream, now};
use crate::relay::{Relay, Running};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::{Verdict, ratio};

const TITLE: &str = "Turns relayed at the pace of a model";

/// Tokens a second of each turn.
const PACE: u64 = 50;

/// `FastAPI` can't relay as many at once on a small machine: it gets one of so many readers.
const FEWER: usize = 5;

/// How long after the stop a stream may take to end.
const END_MAX: Duration = Duration::from_secs(15);

/// What the rounds gave for one relay.
#[derive(Debug, Default)]
struct Cost {
    /// CPU seconds of the server process for a million tokens.
    cpu: Samples,
    /// Allocations of the server process for each token, where they are counted.
    allocations: Samples,
    /// Milliseconds from the upstream's write to the reader's read, of the token in the middle.
    middle: Samples,
    /// The same of the one in a hundred that came latest.
    late: Samples,
}

/// Who is measured: a server, or none.
enum Way {
    Direct,
    Server(Box<Running>),
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let upstream = Upstream::start(&bench.scratch)?;
    let ways = bench.taking_part(&Relay::PACED, |relay| match relay {
        Relay::Direct => Ok(Way::Direct),
        relay => Ok(Way::Server(Box::new(relay.start(bench, &upstream)?))),
    });
    let empty = || -> Each<Cost, Relay> { ways.iter().map(|(relay, _)| (*relay, Cost::default())).collect() };
    let mut costs = empty();
    for round in bench.warm_rounds("relay") {
        let round = round?;
        for ((relay, way), (_, cost)) in ways.iter().zip(&mut costs) {
            upstream.plan(Plan { tokens: 0, per_second: PACE })?;
            let readers = readers(bench, *relay);
            cost.round(bench, (way, &upstream), readers).with_context(|| relay.label())?;
        }
        if round == Round::WarmUp {
            costs = empty();
        }
    }
    Ok(section(bench, &costs))
}

fn readers(bench: &Bench, relay: Relay) -> usize {
    let all = bench.scale.streaming.readers;
    if relay == Relay::FastApi { all.div_ceil(FEWER) } else { all }
}

/// What a server has taken up to now.
struct Spent {
    /// Seconds.
    cpu: f64,
    allocations: Option<u64>,
}

impl Way {
    fn spent(&self) -> anyhow::Result<Spent> {
        let Self::Server(running) = self else { return Ok(Spent { cpu: 0.0, allocations: None }) };
        let allocations = running.allocations()?;
        Ok(Spent { cpu: cpu_seconds(running.server().pid()).context("the server is gone")?, allocations })
    }
}

impl Cost {
    fn round(
        &mut self,
        bench: &Bench,
        (way, upstream): (&Way, &Upstream),
        count: usize,
    ) -> anyhow::Result<()> {
        let mut readers = Readers::default();
        for _ in 0..count {
            readers.add(match way {
                Way::Direct => upstream.server().open("POST", "/v1/messages", None)?,
                Way::Server(running) => running.ask()?,
            })?;
        }
        let scale = bench.scale.streaming;
        readers.read_until(Instant::now() + scale.settle, &mut |_| {})?;
        let before = way.spent()?;
        let mut late = Vec::new();
        readers.read_until(Instant::now() + scale.window, &mut |event| {
            late.extend(written_at(event).map(|written| now().saturating_sub(written)));
        })?;
        let after = way.spent()?;
        upstream.stop()?;
        readers.read_until(Instant::now() + END_MAX, &mut |_| {})?;
        if !readers.is_empty() || late.is_empty() {
            bail!("{} tokens came, and not every turn ended", late.len());
        }
        late.sort_unstable();
        self.cpu.push((after.cpu - before.cpu) * 1e6 / late.len() as f64);
        if let (Some(before), Some(after)) = (before.allocations, after.allocations) {
            self.allocations.push((after - before) as f64 / late.len() as f64);
        }
        self.middle.push(late[late.len() / 2] as f64 / 1e3);
        self.late.push(late[late.len() * 99 / 100] as f64 / 1e3);
        Ok(())
    }
}

fn section(bench: &Bench, costs: &Each<Cost, Relay>) -> Section {
    let mut table =
        Table::new(&["", "readers", "CPU s/M tokens", "allocations a token", "p50, ms", "p99, ms"]);
    for (relay, cost) in costs {
        table.row(vec![
            relay.label().to_owned(),
            readers(bench, *relay).to_string(),
            with_range(&cost.cpu),
            with_range(&cost.allocations),
            with_range(&cost.middle),
            with_range(&cost.late),
        ]);
    }
    let pick = |samples: fn(&Cost) -> &Samples| -> Each<Samples, Relay> {
        costs.iter().map(|(relay, cost)| (*relay, samples(cost).clone())).collect()
    };
    let (cpu, middle, late) = (pick(|cost| &cost.cpu), pick(|cost| &cost.middle), pick(|cost| &cost.late));
    let served = cpu.iter().filter(|(relay, _)| *relay != Relay::Direct).cloned().collect();
    Section {
        title: TITLE,
        about: format!(
            "{} readers, each with a turn of its own at {PACE} tokens a second (FastAPI: one of {FEWER}); CPU seconds of the \
             server process for a million tokens, and milliseconds from the upstream's write to the reader's read.",
            bench.scale.streaming.readers
        ),
        table,
        verdicts: verdicts(&cpu, &middle, &late),
        plot: Plot {
            title: TITLE,
            panels: vec![
                panel("CPU seconds for a million tokens; less is better", &served),
                panel("milliseconds to the reader, p50; less is better", &middle),
                panel("milliseconds to the reader, p99; less is better", &late),
            ],
        },
    }
}

fn verdicts(
    cpu: &Each<Samples, Relay>,
    middle: &Each<Samples, Relay>,
    late: &Each<Samples, Relay>,
) -> Vec<Verdict> {
    let against = |what: &str, each: &Each<Samples, Relay>, (most, ours, than): (f64, Relay, Relay)| {
        let found = ratio(median_of(each, ours), median_of(each, than));
        Verdict::at_most(format!("{}, {what}", ours.label()), most, &format!("× {}", than.label()), found)
    };
    let judge = |ours| {
        [
            against("CPU", cpu, (1.15, ours, Relay::Bytes)),
            against("CPU", cpu, (0.25, ours, Relay::Express)),
            against("p50", middle, (1.5, ours, Relay::Bytes)),
            against("p99", late, (2.0, ours, Relay::Bytes)),
        ]
    };
    [Relay::Crates, Relay::Ours].into_iter().flat_map(judge).collect()
}
