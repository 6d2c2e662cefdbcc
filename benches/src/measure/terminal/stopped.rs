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
use crate::terminal::{Face, Running, Shell, Terminal};
use crate::verdict::Verdict;

/// The part of the output that is read before the client stops: one of so many.
const FIRST_PART: u64 = 10;

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

/// The name and the title.
const fn of_face(face: Face) -> (&'static str, &'static str) {
    match face {
        Face::WebSocket => ("terminal-stopped", "A terminal's client that stops"),
        Face::SocketIo => ("socketio-growth", "A terminal's client that stops, by Socket.IO"),
    }
}

/// What our server keeps of what was shown, where that is a part of its growth, and the most it may grow, in MiB.
const fn growth_max(face: Face) -> (&'static str, f64) {
    match face {
        Face::WebSocket => ("; ours keeps what was shown in a ring of 4 MiB", 4.0 + 1.0),
        Face::SocketIo => ("", 1.0),
    }
}

pub(crate) fn measure(bench: &Bench, face: Face) -> anyhow::Result<Section> {
    let mut stops = each::<Stop>(bench, face);
    for round in bench.rounds(of_face(face).0) {
        round?;
        for (terminal, stop) in &mut stops {
            let running = terminal.start(bench)?;
            stop.round(bench, face, &running).with_context(|| terminal.label())?;
            drop(running);
            nest::clear();
        }
    }
    Ok(section(bench, face, &stops))
}

impl Stop {
    fn round(&mut self, bench: &Bench, face: Face, running: &Running) -> anyhow::Result<()> {
        let work = face.bulk(bench.scale.terminals.stopped_bytes);
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

fn section(bench: &Bench, face: Face, stops: &Each<Stop, Terminal>) -> Section {
    let mut table = Table::new(&["", "growth, MiB", "bytes lost"]);
    for (terminal, stop) in stops {
        table.row(vec![terminal.label().to_owned(), with_range(&stop.growth), shown(stop.lost as f64)]);
    }
    let growth = pick(stops, |stop| &stop.growth);
    let lost = of(stops, face.ours()).map(|stop| stop.lost as f64);
    let (scale, title, (ring, growth_max)) = (bench.scale.terminals, of_face(face).1, growth_max(face));
    Section {
        title,
        about: format!(
            "Of {} MB that a child writes on a raw terminal a tenth is read, then nothing for {} s, then the rest. Growth is of \
             the server's resident memory from the child's start{ring}.",
            scale.stopped_bytes / 1_000_000,
            scale.stop.as_secs_f64()
        ),
        table,
        verdicts: vec![
            Verdict::at_most("our server's growth", growth_max, "MiB", median_of(&growth, face.ours())),
            Verdict::at_most("lost by ours", 0.0, "bytes", lost),
        ],
        plot: Plot { title, panels: vec![panel("growth of the server, MiB; less is better", &growth)] },
    }
}
