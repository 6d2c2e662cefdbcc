//! Ctrl-C in a flood, with a client that reads slowly: how long until its prompt is back.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::super::{median_of, panel};
use super::{each, pick};
use crate::bench::{Bench, Each};
use crate::compared::Compared;
use crate::http::Progress;
use crate::median::Samples;
use crate::nest;
use crate::number::with_range;
use crate::plot::Plot;
use crate::section::Section;
use crate::table::Table;
use crate::terminal::work::Work;
use crate::terminal::{Face, Running, Shell, Speed, Terminal};
use crate::verdict::{Verdict, ratio};

/// Bytes a second that the client reads.
const PACE: f64 = 2e6;

/// The prompt, and how it is set: the line that sets it doesn't hold it.
const PROMPT: &[u8] = b"prompt-is-back$ ";
const SET_PROMPT: &[u8] = b"PS1='prompt-''is-back$ '\n";

const CTRL_C: &[u8] = &[0x03];

/// What the rounds gave for one server.
#[derive(Debug, Default)]
struct Interrupt {
    /// Seconds.
    prompt: Samples,
    /// The prompt didn't come in time: the time that was waited is its figure, and it isn't asked again.
    gave_up: bool,
}

/// The name and the title.
const fn of_face(face: Face) -> (&'static str, &'static str) {
    match face {
        Face::WebSocket => ("terminal-interrupt", "Ctrl-C with a slow client"),
        Face::SocketIo => ("socketio-interrupt", "Ctrl-C with a slow client by Socket.IO"),
    }
}

pub(crate) fn measure(bench: &Bench, face: Face) -> anyhow::Result<Section> {
    let mut interrupts = each::<Interrupt>(bench, face);
    for round in bench.rounds(of_face(face).0) {
        round?;
        for (terminal, interrupt) in interrupts.iter_mut().filter(|(_, interrupt)| !interrupt.gave_up) {
            let running = terminal.start(bench)?;
            interrupt.round(bench, &running).with_context(|| terminal.label())?;
            drop(running);
            nest::clear();
        }
    }
    Ok(section(bench, face, &interrupts))
}

impl Interrupt {
    fn round(&mut self, bench: &Bench, running: &Running) -> anyhow::Result<()> {
        let scale = bench.scale.terminals;
        let mut viewer = running.open_at(&Shell::Interactive, Speed::Slow(PACE))?;
        viewer.input(SET_PROMPT)?;
        viewer.wait_for(PROMPT)?;
        viewer.input(format!("{}\n", Work::Flood.command_line()?).as_bytes())?;
        let flooded = Instant::now() + scale.flood;
        let mut bytes = 0;
        while Instant::now() < flooded {
            if viewer.read(&mut |output| bytes += output.len())? == Progress::End {
                bail!("the terminal ended in its flood");
            }
        }
        if bytes as f64 * 2.0 < PACE * scale.flood.as_secs_f64() {
            bail!("a flood of {bytes} bytes is none");
        }
        let started = Instant::now();
        viewer.input(CTRL_C)?;
        self.gave_up = !viewer.wait_until(PROMPT, started + scale.patience)?;
        let waited = if self.gave_up { scale.patience } else { started.elapsed() };
        self.prompt = if self.gave_up { Samples::default() } else { std::mem::take(&mut self.prompt) };
        self.prompt.push(waited.as_secs_f64());
        Ok(())
    }
}

fn section(bench: &Bench, face: Face, interrupts: &Each<Interrupt, Terminal>) -> Section {
    let patience = bench.scale.terminals.patience;
    let mut table = Table::new(&["", "Ctrl-C to prompt, s"]);
    for (terminal, interrupt) in interrupts {
        table.row(vec![terminal.label().to_owned(), interrupt.told(patience)]);
    }
    let times = pick(interrupts, |interrupt| &interrupt.prompt);
    let mut panel = panel("seconds from Ctrl-C to the prompt; less is better", &times);
    for (bar, (_, interrupt)) in panel.bars.iter_mut().zip(interrupts) {
        bar.shown = interrupt.told(patience);
    }
    let title = of_face(face).1;
    Section {
        title,
        about: format!(
            "A bash whose child floods the terminal with lines for {} s; the client reads {} MB a second. Then Ctrl-C, and \
             at most {} s for the prompt: who needs longer isn't asked again and counts as that.",
            bench.scale.terminals.flood.as_secs_f64(),
            PACE / 1e6,
            patience.as_secs()
        ),
        table,
        verdicts: verdicts(face, &times),
        plot: Plot { title, panels: vec![panel] },
    }
}

fn verdicts(face: Face, times: &Each<Samples, Terminal>) -> Vec<Verdict> {
    let (ours, peer) = (median_of(times, face.ours()), median_of(times, face.peer()));
    match face {
        Face::WebSocket => vec![
            Verdict::at_least("ours, faster", 100.0, "× node-pty + ws", ratio(peer, ours)),
            Verdict::at_most("ours (aim)", 0.15, "s", ours),
        ],
        Face::SocketIo => {
            vec![Verdict::at_most("ours", 1.0, "s", ours), Verdict::at_most("ours (aim)", 0.3, "s", ours)]
        }
    }
}

impl Interrupt {
    fn told(&self, patience: Duration) -> String {
        if self.gave_up { format!("> {}", patience.as_secs()) } else { with_range(&self.prompt) }
    }
}
