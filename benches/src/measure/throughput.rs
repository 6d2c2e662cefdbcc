//! MB a second of one stream of lines, short and long.

use std::time::Instant;

use anyhow::Context;
use claude_core::testing::StandIn;

use super::tally::{Tally, lost};
use super::{median_of, panel};
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::contestant::{Contestant, Server};
use crate::median::Samples;
use crate::number::{median, with_range};
use crate::plot::{Panel, Plot};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::{Verdict, ratio};

const TITLE: &str = "One stream at full speed";

/// A size of lines: how it is named, its bytes, and how many times the careful Node server's speed is asked for.
const SHORT: Lines = Lines { name: "1 KB lines", size: 1_000, times_careful: 3.0 };
const LONG: Lines = Lines { name: "100 KB lines", size: 100_000, times_careful: 2.5 };

/// The share of the limit's speed that is asked for.
const SHARE_OF_LIMIT: f64 = 0.7;

#[derive(Debug, Clone, Copy)]
struct Lines {
    name: &'static str,
    size: usize,
    times_careful: f64,
}

/// What the rounds gave for one contestant and size.
#[derive(Debug, Default)]
struct Speed {
    /// MB a second of lines that came whole.
    rate: Samples,
    /// CPU seconds of the server process for a GB that the CLI wrote.
    cpu: Samples,
    /// The most lines lost in a round.
    lost: u64,
}

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section {
        title: TITLE,
        about: format!(
            "{} MB a stream; MB/s of lines that came whole, CPU seconds of the server process for each GB that the CLI \
             wrote.",
            bench.scale.stream_bytes / 1_000_000
        ),
        table: Table::new(&["", "lines", "MB/s", "CPU s/GB", "lines lost"]),
        verdicts: Vec::new(),
        plot: Plot { title: TITLE, panels: Vec::new() },
    };
    for lines in [SHORT, LONG] {
        let count = bench.scale.stream_bytes / lines.size as u64;
        let speeds = speeds(bench, lines, count)?;
        for (contestant, speed) in &speeds {
            let figures = [with_range(&speed.rate), median(&speed.cpu), lost(speed.lost, count)];
            let names = [contestant.label().to_owned(), lines.name.to_owned()];
            section.table.row(names.into_iter().chain(figures).collect());
        }
        section.verdicts.extend(verdicts(lines, &speeds));
        section.plot.panels.extend(panels(lines, &speeds));
    }
    Ok(section)
}

fn speeds(bench: &Bench, lines: Lines, count: u64) -> anyhow::Result<Each<Speed>> {
    let plan = StandIn::new().lines(count).size(lines.size);
    let servers = bench.start_all(&plan)?;
    let mut speeds = bench.each::<Speed>();
    for round in bench.warm_rounds(lines.name) {
        let round = round?;
        for ((contestant, server), (_, speed)) in servers.iter().zip(&mut speeds) {
            let tally = Tally::new(count, lines.size);
            speed.round(server, tally).with_context(|| contestant.label())?;
        }
        if round == Round::WarmUp {
            speeds = bench.each();
        }
    }
    Ok(speeds)
}

impl Speed {
    fn round(&mut self, server: &Server, mut tally: Tally) -> anyhow::Result<()> {
        let (before, started) = (server.cpu()?, Instant::now());
        server.ask()?.finish(&mut |event| tally.take(event))?;
        let (seconds, after) = (started.elapsed().as_secs_f64(), server.cpu()?);
        self.rate.push(tally.whole_bytes() as f64 / 1e6 / seconds);
        self.cpu.push((after.own - before.own) / (tally.written_bytes() as f64 / 1e9));
        self.lost = self.lost.max(tally.lost());
        Ok(())
    }
}

fn pick(speeds: &Each<Speed>, samples: fn(&Speed) -> &Samples) -> Each<Samples> {
    speeds.iter().map(|(contestant, speed)| (*contestant, samples(speed).clone())).collect()
}

/// Each by the clock and by CPU, which is steadier where the machine is busy.
fn verdicts(lines: Lines, speeds: &Each<Speed>) -> Vec<Verdict> {
    let (rates, cpu) = (pick(speeds, |speed| &speed.rate), pick(speeds, |speed| &speed.cpu));
    let targets = [
        (Contestant::Careful, "careful Node", lines.times_careful),
        (Contestant::Bare, "the bare copy", SHARE_OF_LIMIT),
    ];
    let judge = |(other, name, least): (Contestant, &str, f64)| {
        let by_clock = ratio(median_of(&rates, Contestant::Ours), median_of(&rates, other));
        let by_cpu = ratio(median_of(&cpu, other), median_of(&cpu, Contestant::Ours));
        [
            Verdict::at_least(format!("{}: ours by {name}, MB/s", lines.name), least, "×", by_clock),
            Verdict::at_least(format!("{}: ours by {name}, GB per CPU s", lines.name), least, "×", by_cpu),
        ]
    };
    let lost = crate::bench::of(speeds, Contestant::Ours).map(|speed| speed.lost as f64);
    let lost = Verdict::at_most(format!("{}: lost by ours", lines.name), 0.0, "lines", lost);
    targets.into_iter().flat_map(judge).chain([lost]).collect()
}

fn panels(lines: Lines, speeds: &Each<Speed>) -> [Panel; 2] {
    [
        panel(
            format!("{}, MB/s that came whole; more is better", lines.name),
            &pick(speeds, |speed| &speed.rate),
        ),
        panel(format!("{}, CPU seconds a GB; less is better", lines.name), &pick(speeds, |speed| &speed.cpu)),
    ]
}
