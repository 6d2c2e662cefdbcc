//! A key until it comes back, on a quiet server and beside a terminal that shows as much as it can.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::super::{median_of, panel};
use super::{pick, start_all};
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::http::Progress;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::Plot;
use crate::section::Section;
use crate::table::Table;
use crate::terminal::viewer::Viewer;
use crate::terminal::work::Work;
use crate::terminal::{Face, Running, Shell, Terminal};
use crate::verdict::{Verdict, ratio};

/// How long nothing is typed between two keys, so that each finds everybody asleep.
const BETWEEN: Duration = Duration::from_millis(1);

/// The name, the title, and how many times the peer's speed is asked for.
const fn of_face(face: Face) -> (&'static str, &'static str, f64) {
    match face {
        Face::WebSocket => ("terminal-echo", "Keys that come back", 2.0),
        Face::SocketIo => ("socketio-echo", "Keys that come back by Socket.IO", 1.0),
    }
}

/// What the rounds gave for one server: microseconds of the key in the middle.
#[derive(Debug, Default)]
struct Echo {
    idle: Samples,
    beside: Samples,
}

pub(crate) fn measure(bench: &Bench, face: Face) -> anyhow::Result<Section> {
    let servers = start_all(bench, face);
    let empty = || -> Each<Echo, Terminal> { servers.iter().map(|(it, _)| (*it, Echo::default())).collect() };
    let mut echoes = empty();
    for round in bench.warm_rounds(of_face(face).0) {
        let round = round?;
        for ((terminal, running), (_, echo)) in servers.iter().zip(&mut echoes) {
            bench.check()?;
            echo.round(bench, running).with_context(|| terminal.label())?;
        }
        if round == Round::WarmUp {
            echoes = empty();
        }
    }
    Ok(section(bench, face, &echoes))
}

impl Echo {
    fn round(&mut self, bench: &Bench, running: &Running) -> anyhow::Result<()> {
        let keys = bench.scale.terminals.keys;
        let mut viewer = running.open(&Shell::Work(Work::Echo))?;
        viewer.wait_until_ready()?;
        self.idle.push(typical(&mut viewer, keys)?);
        let flood = running.open(&Shell::Work(Work::Flood))?;
        let stop = AtomicBool::new(false);
        let beside = thread::scope(|scope| {
            let flood = scope.spawn(|| watch(flood, &stop));
            let beside = typical(&mut viewer, keys);
            stop.store(true, Ordering::Relaxed);
            let flood = flood.join().map_err(|_| anyhow!("a client panicked"))??;
            running.end(flood)?;
            beside
        });
        self.beside.push(beside?);
        running.end(viewer)
    }
}

/// Reads a flood until it is told to stop.
fn watch(mut flood: Viewer, stop: &AtomicBool) -> anyhow::Result<Viewer> {
    while !stop.load(Ordering::Relaxed) && flood.read(&mut |_| {})? == Progress::More {}
    Ok(flood)
}

/// Microseconds from a key to its echo, of the one in the middle of so many.
fn typical(viewer: &mut Viewer, keys: usize) -> anyhow::Result<f64> {
    let mut times = Samples::default();
    for key in (b'a'..=b'z').cycle().take(keys) {
        sleep(BETWEEN);
        let started = Instant::now();
        viewer.input(&[key])?;
        viewer.wait_for(&[key])?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    times.median().context("no key was typed")
}

fn section(bench: &Bench, face: Face, echoes: &Each<Echo, Terminal>) -> Section {
    let mut table = Table::new(&["", "idle p50, µs", "beside a flood p50, µs"]);
    for (terminal, echo) in echoes {
        let figures = [&echo.idle, &echo.beside].map(with_range);
        table.row([terminal.label().to_owned()].into_iter().chain(figures).collect());
    }
    let (idle, beside) = (pick(echoes, |echo| &echo.idle), pick(echoes, |echo| &echo.beside));
    let (_, title, times_peer) = of_face(face);
    let judge = |what: &str, times: &Each<Samples, Terminal>| {
        let found = ratio(median_of(times, face.peer()), median_of(times, face.ours()));
        let unit = format!("× {}", face.peer().label());
        Verdict::at_least(format!("{what}, faster"), times_peer, &unit, found)
    };
    Section {
        title,
        about: format!(
            "{} keys, one after the other, that the child of a raw terminal writes back; then the same while another client \
             of the server reads an endless flood of lines.",
            bench.scale.terminals.keys
        ),
        table,
        verdicts: vec![judge("idle", &idle), judge("beside a flood", &beside)],
        plot: Plot {
            title,
            panels: vec![
                panel("idle, microseconds; less is better", &idle),
                panel("beside a flood, microseconds; less is better", &beside),
            ],
        },
    }
}
