//! Many terminals opened at the same time.

use std::time::Instant;

use anyhow::Context;

use super::super::{median_of, panel};
use super::{at_once, end_all, pick, start_all};
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::Plot;
use crate::section::Section;
use crate::table::Table;
use crate::terminal::{Face, Running, Shell, Terminal};
use crate::verdict::{Verdict, ratio};

const TITLE: &str = "Many terminals opened at once";

const FACE: Face = Face::WebSocket;

/// Seconds, of the rounds.
#[derive(Debug, Default)]
struct Times(Samples);

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let servers = start_all(bench, FACE);
    let empty =
        || -> Each<Times, Terminal> { servers.iter().map(|(it, _)| (*it, Times::default())).collect() };
    let mut times = empty();
    for round in bench.warm_rounds("terminal-connects") {
        let round = round?;
        for ((terminal, running), (_, times)) in servers.iter().zip(&mut times) {
            bench.check()?;
            let taken = time(running, bench.scale.terminals.sessions).with_context(|| terminal.label())?;
            times.0.push(taken);
        }
        if round == Round::WarmUp {
            times = empty();
        }
    }
    Ok(section(bench, &times))
}

/// Seconds until each of so many has shown something.
fn time(running: &Running, count: usize) -> anyhow::Result<f64> {
    let started = Instant::now();
    let viewers = at_once(count, || {
        let mut viewer = running.open(&Shell::Interactive)?;
        viewer.wait_for_output()?;
        Ok(viewer)
    })?;
    let taken = started.elapsed().as_secs_f64();
    end_all(running, viewers)?;
    Ok(taken)
}

fn section(bench: &Bench, times: &Each<Times, Terminal>) -> Section {
    let sessions = bench.scale.terminals.sessions;
    let mut table = Table::new(&["", &format!("{sessions} terminals, s")]);
    for (terminal, times) in times {
        table.row(vec![terminal.label().to_owned(), with_range(&times.0)]);
    }
    let times = pick(times, |times| &times.0);
    let found = ratio(median_of(&times, FACE.ours()), median_of(&times, FACE.peer()));
    Section {
        title: TITLE,
        about: format!(
            "{sessions} clients at the same time, each of which has a bash started and waits for its first output."
        ),
        table,
        verdicts: vec![Verdict::at_most("ours", 1.0, "× node-pty + ws", found)],
        plot: Plot {
            title: TITLE,
            panels: vec![panel("seconds until all have shown something; less is better", &times)],
        },
    }
}
