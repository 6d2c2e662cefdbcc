//! Resident memory with many streams held open.

use std::thread;

use anyhow::Context;
use claude_core::testing::StandIn;

use super::{median_of, panel};
use crate::bench::{Bench, Each};
use crate::compared::Compared;
use crate::contestant::{Contestant, Reach, Server};
use crate::http::Stream;
use crate::median::Samples;
use crate::nest;
use crate::number::{NOTHING, median, with_range};
use crate::plot::Plot;
use crate::process::proportional;
use crate::section::Section;
use crate::table::Table;
use crate::verdict::Verdict;

const TITLE: &str = "Memory with many streams";

/// The most that our server may take, in MB, and each of its supervisors, in KiB.
const SERVER_MAX: f64 = 40.0;
const SUPERVISOR_MAX: f64 = 300.0;

/// What the rounds gave for one contestant.
#[derive(Debug, Default)]
struct Memory {
    /// MB of the server process, without streams and with them.
    idle: Samples,
    busy: Samples,
    /// Proportional KiB of each of its supervisors, of all rounds.
    supervisors: Samples,
    /// How many supervisors there were.
    count: Samples,
}

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    // A line a second, so that a stream is alive and takes no CPU.
    let plan = StandIn::new().lines(1_000_000).rate(1.0);
    let mut memory = bench.each::<Memory>();
    for round in bench.rounds("memory") {
        round?;
        for (contestant, memory) in &mut memory {
            let server = bench.start_with(*contestant, &plan, Reach::Supervisors)?;
            memory.round(&server, bench).with_context(|| contestant.label())?;
            drop(server);
            nest::clear();
        }
    }
    Ok(section(bench.scale.streams, &memory))
}

impl Memory {
    fn round(&mut self, server: &Server, bench: &Bench) -> anyhow::Result<()> {
        self.idle.push(megabytes(server.resident()?));
        let streams = open(server, bench.scale.streams)?;
        thread::sleep(bench.scale.hold);
        self.busy.push(megabytes(server.resident()?));
        let supervisors = server.supervisors();
        self.count.push(supervisors.len() as f64);
        for bytes in supervisors.into_iter().filter_map(proportional) {
            self.supervisors.push(bytes as f64 / 1024.0);
        }
        drop(streams);
        Ok(())
    }
}

/// Streams that have given their first line.
fn open(server: &Server, count: usize) -> anyhow::Result<Vec<Stream>> {
    let open = |_| {
        let mut stream = server.ask()?;
        stream.wait_for_event()?;
        Ok(stream)
    };
    (0..count).map(open).collect()
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn section(streams: usize, memory: &Each<Memory>) -> Section {
    let busy = format!("{streams} streams, MB");
    let mut table =
        Table::new(&["", "idle, MB", &busy, "KB a stream", "supervisors", "each, KiB PSS", "largest"]);
    for (contestant, memory) in memory {
        let grown = memory.busy.median().zip(memory.idle.median());
        let each: Samples =
            grown.map(|(busy, idle)| 1e3 * (busy - idle) / streams as f64).into_iter().collect();
        let largest =
            memory.supervisors.range().map_or_else(|| NOTHING.to_owned(), |(_, most)| format!("{most:.0}"));
        table.row(vec![
            contestant.label().to_owned(),
            median(&memory.idle),
            with_range(&memory.busy),
            median(&each),
            memory.count.median().map_or_else(|| NOTHING.to_owned(), |count| format!("{count:.0}")),
            median(&memory.supervisors),
            largest,
        ]);
    }
    let pick = |samples: fn(&Memory) -> &Samples| -> Each<Samples> {
        memory.iter().map(|(contestant, memory)| (*contestant, samples(memory).clone())).collect()
    };
    let busy = pick(|memory| &memory.busy);
    Section {
        title: TITLE,
        about: format!(
            "Resident memory of the server process with {streams} streams held open, a line a second on each; beside it \
             the processes below it that are not the CLI, by their proportional share. Ours holds each CLI by a \
             supervisor here, as where no cgroup can be made; one more forks them."
        ),
        table,
        verdicts: verdicts(&busy, memory),
        plot: Plot {
            title: TITLE,
            panels: vec![panel(format!("{streams} streams, MB resident; less is better"), &busy)],
        },
    }
}

fn verdicts(busy: &Each<Samples>, memory: &Each<Memory>) -> Vec<Verdict> {
    let ours = crate::bench::of(memory, Contestant::Ours);
    // By the median: one of them is not a supervisor but what forks them.
    let each = ours.and_then(|ours| ours.supervisors.median());
    vec![
        Verdict::at_most("our server", SERVER_MAX, "MB", median_of(busy, Contestant::Ours)),
        Verdict::at_most("each of our supervisors", SUPERVISOR_MAX, "KiB", each),
    ]
}
