//! How long the first line takes.

use std::time::{Duration, Instant};

use anyhow::Context;
use claude_core::testing::StandIn;

use super::{bar, median_of, panel};
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::contestant::{Contestant, Server, direct};
use crate::median::Samples;
use crate::number::{NOTHING, with_range};
use crate::plot::{Kind, Plot};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::Verdict;

const TITLE: &str = "The first line";

/// The most that our server may add, in milliseconds.
const ADDED_MAX: f64 = 2.0;

/// What the rounds gave, in milliseconds.
#[derive(Debug, Default)]
struct Times {
    first_line: Samples,
    /// Beyond the first line of the CLI alone.
    added: Samples,
}

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let plan = StandIn::new();
    let servers = bench.start_all(&plan)?;
    let (mut limit, mut times) = (Samples::default(), bench.each::<Times>());
    for round in bench.warm_rounds("first-line") {
        let round = round?;
        let (direct, typical) = typical(bench, &plan, &servers)?;
        limit.push(direct);
        for ((_, times), (_, typical)) in times.iter_mut().zip(typical) {
            times.first_line.push(typical);
            times.added.push(typical - direct);
        }
        if round == Round::WarmUp {
            (limit, times) = (Samples::default(), bench.each());
        }
    }
    Ok(section(&limit, &times))
}

/// The medians of one round: of the CLI alone and of each server. They take turns with every line.
fn typical(bench: &Bench, plan: &StandIn, servers: &Each<Server>) -> anyhow::Result<(f64, Each<f64>)> {
    let (mut direct, mut each) = (Samples::default(), bench.each::<Samples>());
    for _ in 0..bench.scale.first_lines {
        direct.push(milliseconds(direct::run(plan)?));
        for ((contestant, server), (_, samples)) in servers.iter().zip(&mut each) {
            let time = first_line(server).with_context(|| contestant.label())?;
            samples.push(milliseconds(time));
        }
    }
    let median = |samples: &Samples| samples.median().context("no try");
    let each = each.iter().map(|(contestant, samples)| Ok((*contestant, median(samples)?)));
    Ok((median(&direct)?, each.collect::<anyhow::Result<_>>()?))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// From the start of the connection to the first event; the rest is read, so that the next try finds a quiet server.
fn first_line(server: &Server) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let mut stream = server.ask()?;
    stream.wait_for_event()?;
    let time = started.elapsed();
    stream.finish(&mut |_| {})?;
    Ok(time)
}

fn section(limit: &Samples, times: &Each<Times>) -> Section {
    let mut table = Table::new(&["", "first line, ms", "beyond the CLI, ms"]);
    table.row(vec![direct::LABEL.to_owned(), with_range(limit), NOTHING.to_owned()]);
    for (contestant, times) in times {
        table.row(vec![
            contestant.label().to_owned(),
            with_range(&times.first_line),
            with_range(&times.added),
        ]);
    }
    let pick = |samples: fn(&Times) -> &Samples| -> Each<Samples> {
        times.iter().map(|(contestant, times)| (*contestant, samples(times).clone())).collect()
    };
    let mut panel = panel("milliseconds to the first line; less is better", &pick(|times| &times.first_line));
    panel.bars.insert(0, bar(direct::LABEL, Kind::Limit, limit));
    let ours = median_of(&pick(|times| &times.added), Contestant::Ours);
    Section {
        title: TITLE,
        about: "From the start of the connection to the first event, one client; beside it how much later that is than \
            the first line of the CLI started directly."
            .to_owned(),
        table,
        verdicts: vec![Verdict::at_most("added by ours", ADDED_MAX, "ms", ours)],
        plot: Plot { title: TITLE, panels: vec![panel] },
    }
}
