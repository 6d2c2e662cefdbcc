//! Who is left when terminals have ended, daemons among them.

use std::process::id;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::super::{median_of, panel};
use super::{each, end_all, pick};
use crate::bench::{Bench, Each};
use crate::compared::Compared;
use crate::median::Samples;
use crate::nest;
use crate::plot::Plot;
use crate::process::{Stat, arguments, descendants};
use crate::section::Section;
use crate::table::Table;
use crate::terminal::{Face, Running, Shell, Terminal, is_bash};
use crate::verdict::Verdict;

const TITLE: &str = "Left after terminals have ended";

const FACE: Face = Face::WebSocket;

/// Leaves a daemon: an orphan in a session of its own, with an empty environment. Then it waits for a line.
const SCRIPT: &str = "(env -i setsid sleep 300 &); echo started; read -r line";

/// The daemon's arguments.
const DAEMON: [&str; 2] = ["sleep", "300"];

/// How long it may take until all daemons are there, and how often one looks.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Who is left.
#[derive(Debug, Default)]
struct Left {
    shells: usize,
    daemons: usize,
    /// Both, as bars are drawn of it.
    all: Samples,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut left = each::<Left>(bench, FACE);
    nest::clear();
    for (terminal, left) in &mut left {
        eprintln!("terminal-left: {}", terminal.label());
        let running = terminal.start(bench)?;
        leave(bench, &running).with_context(|| terminal.label())?;
        sleep(bench.scale.terminals.after_end);
        *left = Left::count();
        drop(running);
        nest::clear();
    }
    Ok(section(bench, &left))
}

/// Opens the terminals, waits for their daemons and ends the terminals.
fn leave(bench: &Bench, running: &Running) -> anyhow::Result<()> {
    let count = bench.scale.terminals.daemons;
    let open = |_| {
        let mut viewer = running.open(&Shell::Script(SCRIPT))?;
        viewer.wait_for(b"started")?;
        Ok(viewer)
    };
    let viewers = (0..count).map(open).collect::<anyhow::Result<Vec<_>>>()?;
    let deadline = Instant::now() + PATIENCE;
    while Left::count().daemons < count {
        if Instant::now() > deadline {
            bail!("of {count} daemons {} are there", Left::count().daemons);
        }
        sleep(LOOK_EVERY);
    }
    end_all(running, viewers)
}

impl Left {
    /// Below this process, where orphans come to as well.
    fn count() -> Self {
        let alive = descendants(id()).into_iter().filter(|stat: &Stat| !stat.is_zombie());
        let (mut shells, mut daemons) = (0, 0);
        for stat in alive {
            shells += usize::from(is_bash(stat.pid));
            daemons += usize::from(arguments(stat.pid) == DAEMON);
        }
        Self { shells, daemons, all: [(shells + daemons) as f64].into_iter().collect() }
    }
}

fn section(bench: &Bench, left: &Each<Left, Terminal>) -> Section {
    let mut table = Table::new(&["", "shells left", "daemons left"]);
    for (terminal, left) in left {
        let counts = [left.shells, left.daemons].map(|count| count.to_string());
        table.row([terminal.label().to_owned()].into_iter().chain(counts).collect());
    }
    let scale = bench.scale.terminals;
    let seconds = scale.after_end.as_secs();
    let all = pick(left, |left| &left.all);
    let ours = median_of(&all, FACE.ours());
    Section {
        title: TITLE,
        about: format!(
            "{} terminals whose bash has left a daemon: twice forked, in a session of its own, its environment empty. Ours \
             are ended by DELETE, the peer's by their clients' leaving. Counted {seconds} s after the last, in one round: it \
             is a count.",
            scale.daemons
        ),
        table,
        verdicts: vec![Verdict::at_most(format!("left by ours after {seconds} s"), 0.0, "processes", ours)],
        plot: Plot { title: TITLE, panels: vec![panel("processes left; fewer is better", &all)] },
    }
}
