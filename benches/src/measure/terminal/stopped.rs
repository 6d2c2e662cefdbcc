//! A client that stops in a flood and reads on later.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::super::{median_of, panel};
use super::{each, pick};
use crate::bench::{Bench, Each, of};
use crate::compared::Compared;
use crate::http::Progress;
use crate::median::Samples;
use crate::nest;
use crate::number::{shown, with_range};
use crate::plot::Plot;
use crate::section::Section;
use crate::table::Table;
use crate::terminal::work::Work;
use crate::terminal::{Running, Shell, Terminal};
use crate::verdict::Verdict;

const TITLE: &str = "A terminal's client that stops";

/// The part of the output that is read before the client stops: one of so many.
const FIRST_PART: u64 = 10;

/// The most that our server may grow, in MiB: the ring in which it keeps what was shown, and one more.
const GROWTH_MAX: f64 = 4.0 + 1.0;

/// How often the server's memory is read.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the rounds gave for one server.
#[derive(Debug, Default)]
struct Stop {
    /// MiB.
    growth: Samples,
    /// Bytes, the most of all rounds.
    lost: u64,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut stops = each::<Stop>(bench);
    for round in bench.rounds("terminal-stopped") {
        round?;
        for (terminal, stop) in &mut stops {
            let running = terminal.start(bench)?;
            stop.round(bench, &running).with_context(|| terminal.label())?;
            drop(running);
            nest::clear();
        }
    }
    Ok(section(bench, &stops))
}

impl Stop {
    fn round(&mut self, bench: &Bench, running: &Running) -> anyhow::Result<()> {
        let work = Work::BulkRaw { bytes: bench.scale.terminals.stopped_bytes };
        let mut viewer = running.open(&Shell::Work(work))?;
        viewer.wait_until_ready()?;
        let (mut check, before) = (work.check(), running.server().resident()?);
        viewer.input(b"\n")?;
        while check.came() < check.expected() / FIRST_PART {
            if viewer.read(&mut |output| check.take(output))? == Progress::End {
                bail!("the terminal ended after {} bytes", check.came());
            }
        }
        let peak = stand_still(running, bench.scale.terminals.stop)?;
        self.growth.push(peak.saturating_sub(before) as f64 / f64::from(1 << 20));
        while !check.is_complete() && viewer.read(&mut |output| check.take(output))? == Progress::More {}
        self.lost = self.lost.max(check.lost());
        Ok(())
    }
}

/// Reads nothing for a while; the most that the server took.
fn stand_still(running: &Running, stop: Duration) -> anyhow::Result<u64> {
    let started = Instant::now();
    let mut peak = running.server().resident()?;
    while started.elapsed() < stop {
        sleep(LOOK_EVERY);
        peak = peak.max(running.server().resident()?);
    }
    Ok(peak)
}

fn section(bench: &Bench, stops: &Each<Stop, Terminal>) -> Section {
    let mut table = Table::new(&["", "growth, MiB", "bytes lost"]);
    for (terminal, stop) in stops {
        table.row(vec![terminal.label().to_owned(), with_range(&stop.growth), shown(stop.lost as f64)]);
    }
    let growth = pick(stops, |stop| &stop.growth);
    let lost = of(stops, Terminal::Ours).map(|stop| stop.lost as f64);
    let scale = bench.scale.terminals;
    Section {
        title: TITLE,
        about: format!(
            "Of {} MB that a child writes on a raw terminal a tenth is read, then nothing for {} s, then the rest. Growth is of \
             the server's resident memory from the child's start; ours keeps what was shown in a ring of 4 MiB.",
            scale.stopped_bytes / 1_000_000,
            scale.stop.as_secs_f64()
        ),
        table,
        verdicts: vec![
            Verdict::at_most("our server's growth", GROWTH_MAX, "MiB", median_of(&growth, Terminal::Ours)),
            Verdict::at_most("lost by ours", 0.0, "bytes", lost),
        ],
        plot: Plot {
            title: TITLE,
            panels: vec![panel("growth of the server, MiB; less is better", &growth)],
        },
    }
}
