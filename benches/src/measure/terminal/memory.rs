//! Resident memory with many idle terminals.

use std::thread::sleep;

use anyhow::Context;

use super::super::{median_of, panel};
use super::{each, pick};
use crate::bench::{Bench, Each, of};
use crate::compared::Compared;
use crate::contestant::Reach;
use crate::median::Samples;
use crate::nest;
use crate::number::{NOTHING, median, with_range};
use crate::plot::Plot;
use crate::process::proportional;
use crate::section::Section;
use crate::table::Table;
use crate::terminal::viewer::Viewer;
use crate::terminal::{Face, Running, Shell, Terminal};
use crate::verdict::{Verdict, ratio};

const TITLE: &str = "Memory with many terminals";

const FACE: Face = Face::WebSocket;

/// What the rounds gave for one server.
#[derive(Debug, Default)]
struct Memory {
    /// MiB of the server process, with one terminal and with all.
    one: Samples,
    all: Samples,
    /// KiB for each terminal beyond the first.
    each: Samples,
    /// Proportional KiB of each helper process, of all rounds.
    helpers: Samples,
    /// How many of them there were.
    count: Samples,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut memory = each::<Memory>(bench, FACE);
    for round in bench.rounds("terminal-memory") {
        round?;
        for (terminal, memory) in &mut memory {
            let running = terminal.start_with(bench, Reach::Supervisors)?;
            memory.round(bench, &running).with_context(|| terminal.label())?;
            drop(running);
            nest::clear();
        }
    }
    Ok(section(bench, &memory))
}

impl Memory {
    fn round(&mut self, bench: &Bench, running: &Running) -> anyhow::Result<()> {
        let scale = bench.scale.terminals;
        let resident = || {
            sleep(scale.hold);
            running.server().resident()
        };
        let first = open(running)?;
        let one = resident()?;
        let others = (1..scale.sessions).map(|_| open(running)).collect::<anyhow::Result<Vec<_>>>()?;
        let all = resident()?;
        self.one.push(one as f64 / f64::from(1 << 20));
        self.all.push(all as f64 / f64::from(1 << 20));
        self.each.push((all as f64 - one as f64) / 1024.0 / others.len() as f64);
        let helpers = running.helpers();
        self.count.push(helpers.len() as f64);
        for bytes in helpers.into_iter().filter_map(proportional) {
            self.helpers.push(bytes as f64 / 1024.0);
        }
        drop((first, others));
        Ok(())
    }
}

/// A shell that has shown its prompt.
fn open(running: &Running) -> anyhow::Result<Viewer> {
    let mut viewer = running.open(&Shell::Interactive)?;
    viewer.wait_for_output()?;
    Ok(viewer)
}

fn section(bench: &Bench, memory: &Each<Memory, Terminal>) -> Section {
    let sessions = bench.scale.terminals.sessions;
    let all = format!("{sessions} terminals, MiB");
    let mut table = Table::new(&["", "one, MiB", &all, "KiB each", "helpers", "each, KiB PSS", "largest"]);
    for (terminal, memory) in memory {
        let largest =
            memory.helpers.range().map_or_else(|| NOTHING.to_owned(), |(_, most)| format!("{most:.0}"));
        table.row(vec![
            terminal.label().to_owned(),
            median(&memory.one),
            with_range(&memory.all),
            with_range(&memory.each),
            median(&memory.count),
            median(&memory.helpers),
            largest,
        ]);
    }
    let (all, each) = (pick(memory, |memory| &memory.all), pick(memory, |memory| &memory.each));
    Section {
        title: TITLE,
        about: format!(
            "Resident memory of the server process with one idle bash and with {sessions}, each with its client; beside it the \
             processes below the server that are no bash, by their proportional share. Ours holds each terminal by a \
             supervisor here, as where no cgroup can be made; one more forks them."
        ),
        table,
        verdicts: verdicts(&all, memory),
        plot: Plot {
            title: TITLE,
            panels: vec![
                panel(format!("{sessions} terminals, MiB resident; less is better"), &all),
                panel("KiB for each; less is better", &each),
            ],
        },
    }
}

fn verdicts(all: &Each<Samples, Terminal>, memory: &Each<Memory, Terminal>) -> Vec<Verdict> {
    let ours = of(memory, FACE.ours());
    let each = ours.and_then(|ours| ours.each.median());
    // By the median: one of them is not a supervisor but what forks them.
    let helper = ours.and_then(|ours| ours.helpers.median());
    let share = ratio(median_of(all, FACE.ours()), median_of(all, FACE.peer()));
    vec![
        Verdict::at_most("each terminal", 43.0, "KiB", each),
        Verdict::at_most("each terminal (aim)", 32.0, "KiB", each),
        Verdict::at_most("each helper", 300.0, "KiB", helper),
        Verdict::at_most("each helper (aim)", 150.0, "KiB", helper),
        Verdict::at_most("all terminals", 0.5, "× node-pty + ws", share),
        Verdict::at_most("all terminals (aim)", 0.25, "× node-pty + ws", share),
    ]
}
