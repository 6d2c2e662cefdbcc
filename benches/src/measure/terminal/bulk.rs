//! One terminal that shows as much as it can: MB a second, what they cost the server, and in how many messages they come.

use std::time::Instant;

use anyhow::{Context, bail};

use super::super::{median_of, panel};
use super::pick;
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::http::Progress;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::Plot;
use crate::process::cpu_seconds;
use crate::section::Section;
use crate::table::Table;
use crate::terminal::work::Work;
use crate::terminal::{Running, Shell, Terminal, pty_reader};
use crate::verdict::{Verdict, ratio};

const TITLE: &str = "Bulk output of a terminal";

/// Messages that ttyd needs for a MB of raw output, as measured elsewhere: it is in no package registry used here.
const TTYD_MESSAGES: f64 = 237.0;

/// The two outputs, as the table names them.
const NAMES: [&str; 2] = ["raw", "cooked"];

/// Who is measured: a server, or a process for each figure.
enum Way {
    Reader,
    Server(Box<Running>),
}

/// What the rounds gave for one contestant and output.
#[derive(Debug, Default)]
struct Bulk {
    /// MB a second.
    rate: Samples,
    /// CPU milliseconds of the server process for a MB.
    cpu: Samples,
    /// Messages for a MB.
    messages: Samples,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let ways = bench.taking_part(&Terminal::ALL, |terminal| match terminal {
        Terminal::PtyReader => Ok(Way::Reader),
        terminal => Ok(Way::Server(Box::new(terminal.start(bench)?))),
    });
    let empty = || -> Each<[Bulk; 2], Terminal> {
        ways.iter().map(|(terminal, _)| (*terminal, Default::default())).collect()
    };
    let mut bulks = empty();
    let scale = bench.scale.terminals;
    let works = [Work::BulkRaw { bytes: scale.raw_bytes }, Work::BulkCooked { bytes: scale.cooked_bytes }];
    for round in bench.warm_rounds("terminal-bulk") {
        let round = round?;
        for (index, work) in works.into_iter().enumerate() {
            for ((terminal, way), (_, bulks)) in ways.iter().zip(&mut bulks) {
                bench.check()?;
                bulks[index].round(bench, way, work).with_context(|| terminal.label())?;
            }
        }
        if round == Round::WarmUp {
            bulks = empty();
        }
    }
    Ok(section(bench, &bulks))
}

impl Bulk {
    fn round(&mut self, bench: &Bench, way: &Way, work: Work) -> anyhow::Result<()> {
        let megabytes = work.check().expected() as f64 / 1e6;
        let taken = match way {
            Way::Reader => pty_reader::run(bench, work)?,
            Way::Server(running) => {
                let (taken, messages) = watch(running, work)?;
                self.messages.push(messages as f64 / megabytes);
                taken
            }
        };
        self.rate.push(megabytes / taken.seconds);
        self.cpu.push(1e3 * taken.cpu / megabytes);
        Ok(())
    }
}

/// Reads all output of one terminal; what it took from its start to its last byte, and its messages.
fn watch(running: &Running, work: Work) -> anyhow::Result<(pty_reader::Taken, u64)> {
    let mut viewer = running.open(&Shell::Work(work))?;
    viewer.wait_until_ready()?;
    let cpu = || cpu_seconds(running.server().pid()).context("the server is gone");
    let (mut check, messages) = (work.check(), viewer.messages());
    let (before, started) = (cpu()?, Instant::now());
    viewer.input(b"\n")?;
    while !check.is_complete() && viewer.read(&mut |output| check.take(output))? == Progress::More {}
    let taken = pty_reader::Taken { seconds: started.elapsed().as_secs_f64(), cpu: cpu()? - before };
    let messages = viewer.messages() - messages;
    running.end(viewer)?;
    if check.lost() > 0 {
        bail!("of {} bytes {} came, {} were lost", check.expected(), check.came(), check.lost());
    }
    Ok((taken, messages))
}

fn section(bench: &Bench, bulks: &Each<[Bulk; 2], Terminal>) -> Section {
    let mut table = Table::new(&["", "output", "MB/s", "CPU ms/MB", "messages a MB"]);
    for (index, name) in NAMES.into_iter().enumerate() {
        for (terminal, bulks) in bulks {
            let figures = [&bulks[index].rate, &bulks[index].cpu, &bulks[index].messages].map(with_range);
            let names = [terminal.label().to_owned(), name.to_owned()];
            table.row(names.into_iter().chain(figures).collect());
        }
    }
    let scale = bench.scale.terminals;
    let [raw, cooked] = [0, 1].map(|index| pick(bulks, |bulks| &bulks[index].rate));
    let cpu = pick(bulks, |bulks| &bulks[0].cpu);
    Section {
        title: TITLE,
        about: format!(
            "{} MB of bytes on a raw terminal, {} MB of lines on a cooked one, one client; every byte is compared. CPU is \
             the server process's.",
            scale.raw_bytes / 1_000_000,
            scale.cooked_bytes / 1_000_000
        ),
        table,
        verdicts: verdicts([&raw, &cooked], bulks),
        plot: Plot {
            title: TITLE,
            panels: vec![
                panel("raw, MB/s; more is better", &raw),
                panel("cooked, MB/s; more is better", &cooked),
                panel("raw, CPU milliseconds of the server for a MB; less is better", &cpu),
            ],
        },
    }
}

fn verdicts(rates: [&Each<Samples, Terminal>; 2], bulks: &Each<[Bulk; 2], Terminal>) -> Vec<Verdict> {
    const OURS: Terminal = Terminal::Ours;
    let faster = |index: usize, (what, least, than): (&str, f64, Terminal)| {
        let found = ratio(median_of(rates[index], OURS), median_of(rates[index], than));
        Verdict::at_least(format!("{what}, MB/s"), least, &format!("× {}", than.label()), found)
    };
    let cpu = pick(bulks, |bulks| &bulks[0].cpu);
    let cpu = |of, by| ratio(median_of(&cpu, of), median_of(&cpu, by));
    let messages = median_of(&pick(bulks, |bulks| &bulks[0].messages), OURS);
    vec![
        Verdict::at_least("raw, MB per CPU s", 4.0, "× node-pty + ws", cpu(Terminal::NodePty, OURS)),
        Verdict::at_most("raw, CPU ms/MB (aim)", 1.3, "× bare PTY reader", cpu(OURS, Terminal::PtyReader)),
        faster(0, ("raw", 3.5, Terminal::NodePty)),
        faster(0, ("raw (aim)", 0.8, Terminal::PtyReader)),
        faster(1, ("cooked", 1.8, Terminal::NodePty)),
        faster(1, ("cooked (aim)", 0.9, Terminal::PtyReader)),
        Verdict::at_most("raw (1/8 of ttyd)", TTYD_MESSAGES / 8.0, "messages a MB", messages),
        Verdict::at_most("raw (aim: 1/12)", TTYD_MESSAGES / 12.0, "messages a MB", messages),
    ]
}
