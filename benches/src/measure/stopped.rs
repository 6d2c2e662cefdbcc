//! A reader that stops in mid-stream and reads on later.

use std::process::id;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use claude_core::testing::StandIn;

use super::tally::{Tally, lost};
use super::{median_of, panel};
use crate::bench::{Bench, Each, of};
use crate::compared::Compared;
use crate::contestant::{Contestant, Server, is_cli};
use crate::http::Progress;
use crate::median::Samples;
use crate::nest;
use crate::number::with_range;
use crate::plot::Plot;
use crate::process::{Stat, descendants};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::Verdict;

const TITLE: &str = "A reader that stops";

/// Bytes of a line.
const LINE: usize = 1_000;

/// The part of the stream that is read before the reader stops: one of so many.
const FIRST_PART: u64 = 10;

/// The most that our server may grow, in MB.
const GROWTH_MAX: f64 = 8.0;

/// How often the server's memory is read.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long the CLI is watched, at the end of the stop.
const WATCH: Duration = Duration::from_millis(400);

/// What the rounds gave for one contestant.
#[derive(Debug, Default)]
struct Stop {
    /// MB.
    growth: Samples,
    /// The worst of all rounds.
    cli: Cli,
    lost: u64,
}

/// What the CLI does while nobody reads; from good to bad.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cli {
    #[default]
    Paused,
    /// It goes on writing.
    Works,
    /// It has written everything.
    Ended,
}

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let count = bench.scale.stopped_bytes / LINE as u64;
    let plan = StandIn::new().lines(count).size(LINE);
    let mut stops = bench.each::<Stop>();
    for round in bench.rounds("stopped") {
        round?;
        for (contestant, stop) in &mut stops {
            let server = bench.start(*contestant, &plan)?;
            let tally = Tally::new(count, LINE);
            stop.round(&server, tally, bench.scale.stop).with_context(|| contestant.label())?;
            drop(server);
            nest::clear();
        }
    }
    Ok(section(bench, &stops, count))
}

impl Stop {
    fn round(&mut self, server: &Server, mut tally: Tally, stop: Duration) -> anyhow::Result<()> {
        let mut stream = server.ask()?;
        let first = tally.written_bytes() / FIRST_PART;
        while tally.bytes() < first {
            if stream.read(&mut |event| tally.take(event))? == Progress::End {
                bail!("the stream ended after {} bytes", tally.bytes());
            }
        }
        let before = server.resident()?;
        let (peak, cli) = stand_still(server, stop)?;
        self.growth.push(peak.saturating_sub(before) as f64 / 1e6);
        self.cli = self.cli.max(cli);
        stream.finish(&mut |event| tally.take(event))?;
        self.lost = self.lost.max(tally.lost());
        Ok(())
    }
}

/// Reads nothing for a while: the most that the server took, and what the CLI did at the end.
fn stand_still(server: &Server, stop: Duration) -> anyhow::Result<(u64, Cli)> {
    let started = Instant::now();
    let mut peak = 0;
    let mut watched: Option<Option<f64>> = None;
    while started.elapsed() < stop {
        peak = peak.max(server.resident()?);
        if watched.is_none() && started.elapsed() + WATCH >= stop {
            watched = Some(cli_cpu());
        }
        sleep(LOOK_EVERY);
    }
    let cli = match (watched.flatten(), cli_cpu()) {
        (_, None) => Cli::Ended,
        (Some(before), Some(now)) if before == now => Cli::Paused,
        _ => Cli::Works,
    };
    Ok((peak.max(server.resident()?), cli))
}

/// CPU time of the one CLI there is; none if there is none.
fn cli_cpu() -> Option<f64> {
    let alive = |stat: &&Stat| !stat.is_zombie() && is_cli(stat.pid);
    descendants(id()).iter().find(alive).map(|stat| stat.own_cpu)
}

impl Cli {
    const fn told(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Works => "works on",
            Self::Ended => "ran to its end",
        }
    }
}

fn section(bench: &Bench, stops: &Each<Stop>, count: u64) -> Section {
    let mut table = Table::new(&["", "growth, MB", "the CLI meanwhile", "lines lost"]);
    for (contestant, stop) in stops {
        let figures = [with_range(&stop.growth), stop.cli.told().to_owned(), lost(stop.lost, count)];
        table.row([contestant.label().to_owned()].into_iter().chain(figures).collect());
    }
    let growth: Each<Samples> =
        stops.iter().map(|(contestant, stop)| (*contestant, stop.growth.clone())).collect();
    let ours = of(stops, Contestant::Ours);
    let paused = ours.map(|stop| (stop.cli.told().to_owned(), stop.cli == Cli::Paused));
    let megabytes = bench.scale.stopped_bytes / 1_000_000;
    Section {
        title: TITLE,
        about: format!(
            "Of {megabytes} MB a tenth is read, then nothing for {} s, then the rest. Growth is of the server's resident \
             memory while the reader stands still.",
            bench.scale.stop.as_secs_f64()
        ),
        table,
        verdicts: vec![
            Verdict::at_most("our server's growth", GROWTH_MAX, "MB", median_of(&growth, Contestant::Ours)),
            Verdict::holds("the CLI below ours", "paused", paused),
            Verdict::at_most("lost by ours", 0.0, "lines", ours.map(|stop| stop.lost as f64)),
        ],
        plot: Plot { title: TITLE, panels: vec![panel("growth of the server, MB; less is better", &growth)] },
    }
}
