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
use crate::scale::Terminals;
use crate::section::Section;
use crate::table::Table;
use crate::terminal::work::Work;
use crate::terminal::{Face, Running, Shell, Terminal, pty_reader};
use crate::verdict::{Verdict, ratio};

/// Messages that ttyd needs for a MB of raw output, as measured elsewhere: it is in no package registry used here.
const TTYD_MESSAGES: f64 = 237.0;

/// What is measured of a face.
struct Plan {
    name: &'static str,
    title: &'static str,
    about: String,
    whom: Vec<Terminal>,
    /// What a terminal shows, as the table names it.
    outputs: Vec<(&'static str, Work)>,
}

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

/// One for each output.
type Bulks = Each<Vec<Bulk>, Terminal>;

pub(crate) fn measure(bench: &Bench, face: Face) -> anyhow::Result<Section> {
    let plan = Plan::new(face, bench.scale.terminals);
    let ways = bench.taking_part(&plan.whom, |terminal| match terminal {
        Terminal::PtyReader => Ok(Way::Reader),
        terminal => Ok(Way::Server(Box::new(terminal.start(bench)?))),
    });
    let empty = || -> Bulks {
        let each = |_: &_| Bulk::default();
        ways.iter().map(|(terminal, _)| (*terminal, plan.outputs.iter().map(each).collect())).collect()
    };
    let mut bulks = empty();
    for round in bench.warm_rounds(plan.name) {
        let round = round?;
        for (index, (_, work)) in plan.outputs.iter().enumerate() {
            for ((terminal, way), (_, bulks)) in ways.iter().zip(&mut bulks) {
                bench.check()?;
                bulks[index].round(bench, way, *work).with_context(|| terminal.label())?;
            }
        }
        if round == Round::WarmUp {
            bulks = empty();
        }
    }
    Ok(section(face, plan, &bulks))
}

impl Plan {
    fn new(face: Face, scale: Terminals) -> Self {
        const COMPARED: &str = "one client; every byte is compared. CPU is the server process's.";
        let (raw, megabytes) = (face.bulk(scale.raw_bytes), scale.raw_bytes / 1_000_000);
        match face {
            Face::WebSocket => Self {
                name: "terminal-bulk",
                title: "Bulk output of a terminal",
                about: format!(
                    "{megabytes} MB of bytes on a raw terminal, {} MB of lines on a cooked one, {COMPARED}",
                    scale.cooked_bytes / 1_000_000
                ),
                whom: vec![face.peer(), Terminal::PtyReader, Terminal::WsSender, face.ours()],
                outputs: vec![("raw", raw), ("cooked", Work::BulkCooked { bytes: scale.cooked_bytes })],
            },
            Face::SocketIo => Self {
                name: "socketio-bulk",
                title: "Bulk output of a terminal by Socket.IO",
                about: format!("{megabytes} MB of ASCII lines on a raw terminal, {COMPARED}"),
                whom: vec![face.peer(), Terminal::PtyReader, face.ours()],
                outputs: vec![("text", raw)],
            },
        }
    }
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

fn section(face: Face, plan: Plan, bulks: &Bulks) -> Section {
    let mut table = Table::new(&["", "output", "MB/s", "CPU ms/MB", "messages a MB"]);
    for (index, (name, _)) in plan.outputs.iter().enumerate() {
        for (terminal, bulks) in bulks {
            let figures = [&bulks[index].rate, &bulks[index].cpu, &bulks[index].messages].map(with_range);
            let names = [terminal.label().to_owned(), (*name).to_owned()];
            table.row(names.into_iter().chain(figures).collect());
        }
    }
    let rate = |(index, (name, _)): (usize, &(&str, _))| {
        panel(format!("{name}, MB/s; more is better"), &pick(bulks, |bulks| &bulks[index].rate))
    };
    let cpu = pick(bulks, |bulks| &bulks[0].cpu);
    let name = plan.outputs[0].0;
    let cpu = panel(format!("{name}, CPU milliseconds of the server for a MB; less is better"), &cpu);
    Section {
        title: plan.title,
        about: plan.about,
        table,
        verdicts: match face {
            Face::WebSocket => web_socket_verdicts(bulks),
            Face::SocketIo => socket_io_verdicts(bulks),
        },
        plot: Plot {
            title: plan.title,
            panels: plan.outputs.iter().enumerate().map(rate).chain([cpu]).collect(),
        },
    }
}

fn web_socket_verdicts(bulks: &Bulks) -> Vec<Verdict> {
    const OURS: Terminal = Face::WebSocket.ours();
    const PEER: Terminal = Face::WebSocket.peer();
    let faster = |index: usize, (what, least, than): (&str, f64, Terminal)| {
        let rates = pick(bulks, |bulks| &bulks[index].rate);
        let found = ratio(median_of(&rates, OURS), median_of(&rates, than));
        Verdict::at_least(format!("{what}, MB/s"), least, &format!("× {}", than.label()), found)
    };
    let cpu = pick(bulks, |bulks| &bulks[0].cpu);
    let cpu = |of, by| ratio(median_of(&cpu, of), median_of(&cpu, by));
    let messages = median_of(&pick(bulks, |bulks| &bulks[0].messages), OURS);
    vec![
        Verdict::at_least("raw, MB per CPU s", 4.0, "× node-pty + ws", cpu(PEER, OURS)),
        Verdict::at_most("raw, CPU ms/MB (aim)", 1.3, "× bare PTY reader", cpu(OURS, Terminal::PtyReader)),
        faster(0, ("raw", 3.5, PEER)),
        faster(0, ("raw (aim)", 0.8, Terminal::PtyReader)),
        faster(1, ("cooked", 1.8, PEER)),
        faster(1, ("cooked (aim)", 0.9, Terminal::PtyReader)),
        Verdict::at_most("raw (1/8 of ttyd)", TTYD_MESSAGES / 8.0, "messages a MB", messages),
        Verdict::at_most("raw (aim: 1/12)", TTYD_MESSAGES / 12.0, "messages a MB", messages),
    ]
}

fn socket_io_verdicts(bulks: &Bulks) -> Vec<Verdict> {
    const OURS: Terminal = Face::SocketIo.ours();
    const PEER: Terminal = Face::SocketIo.peer();
    const UNIT: &str = "× node-pty + socket.io";
    let (rate, cpu) = (pick(bulks, |bulks| &bulks[0].rate), pick(bulks, |bulks| &bulks[0].cpu));
    let rate = ratio(median_of(&rate, OURS), median_of(&rate, PEER));
    let cpu = ratio(median_of(&cpu, PEER), median_of(&cpu, OURS));
    vec![
        Verdict::at_least("text, MB per CPU s", 3.5, UNIT, cpu),
        Verdict::at_least("text, MB per CPU s (aim)", 5.0, UNIT, cpu),
        Verdict::at_least("text, MB/s", 2.5, UNIT, rate),
        Verdict::at_least("text, MB/s (aim)", 5.0, UNIT, rate),
    ]
}
