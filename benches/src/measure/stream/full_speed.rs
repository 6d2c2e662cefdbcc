//! Turns relayed as fast as they come.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::super::{median_of, panel};
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::median::Samples;
use crate::number::with_range;
use crate::plot::Plot;
use crate::process::cpu_seconds;
use crate::readers::{Readers, written_at};
use crate::relay::upstream::{Plan, Upstream};
use crate::relay::{Relay, Running};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::{Verdict, ratio};

const TITLE: &str = "Turns relayed at full speed";

/// Readers at the same time, each with its own turn.
const READERS: u64 = 8;

/// Python gets turns of one of so many tokens.
const FEWER: u64 = 8;

/// How long the turns of a round may take.
const END_MAX: Duration = Duration::from_secs(60);

/// What the rounds gave for one relay.
#[derive(Debug, Default)]
struct Speed {
    /// CPU seconds of the server process for a million tokens.
    cpu: Samples,
    /// Thousands of tokens a second.
    rate: Samples,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let upstream = Upstream::start(&bench.scratch)?;
    let servers = bench.taking_part(&Relay::FULL_SPEED, |relay| relay.start(bench, &upstream));
    let empty =
        || -> Each<Speed, Relay> { servers.iter().map(|(relay, _)| (*relay, Speed::default())).collect() };
    let mut speeds = empty();
    for round in bench.warm_rounds("relay-full-speed") {
        let round = round?;
        for ((relay, running), (_, speed)) in servers.iter().zip(&mut speeds) {
            bench.check()?;
            let tokens = tokens(bench, *relay);
            upstream.plan(Plan { tokens, per_second: 0 })?;
            speed.round(running, tokens).with_context(|| relay.label())?;
        }
        if round == Round::WarmUp {
            speeds = empty();
        }
    }
    Ok(section(bench, &speeds))
}

/// Of one turn.
fn tokens(bench: &Bench, relay: Relay) -> u64 {
    let all = bench.scale.streaming.tokens;
    if relay == Relay::FastApi { all / FEWER } else { all }
}

impl Speed {
    fn round(&mut self, running: &Running, tokens: u64) -> anyhow::Result<()> {
        let cpu = || cpu_seconds(running.server().pid()).context("the server is gone");
        let (before, started) = (cpu()?, Instant::now());
        let mut readers = Readers::default();
        for _ in 0..READERS {
            readers.add(running.ask()?)?;
        }
        let mut came = 0;
        readers.read_until(started + END_MAX, &mut |event| {
            // `" tokens"`: a text without a time.
            came += u64::from(
                written_at(event).is_none() && memchr::memmem::find(&event.tail, b" tokens").is_some(),
            );
        })?;
        let (took, taken) = (started.elapsed(), cpu()? - before);
        if came < READERS * tokens || !readers.is_empty() {
            bail!("of {} tokens {came} came", READERS * tokens);
        }
        self.cpu.push(taken * 1e6 / came as f64);
        self.rate.push(came as f64 / took.as_secs_f64() / 1e3);
        Ok(())
    }
}

fn section(bench: &Bench, speeds: &Each<Speed, Relay>) -> Section {
    let mut table = Table::new(&["", "CPU s/M tokens", "thousand tokens/s"]);
    for (relay, speed) in speeds {
        table.row(vec![relay.label().to_owned(), with_range(&speed.cpu), with_range(&speed.rate)]);
    }
    let cpu: Each<Samples, Relay> = speeds.iter().map(|(relay, speed)| (*relay, speed.cpu.clone())).collect();
    let against = |(most, ours, than): (f64, Relay, Relay)| {
        let found = ratio(median_of(&cpu, ours), median_of(&cpu, than));
        Verdict::at_most(format!("{}, CPU", ours.label()), most, &format!("× {}", than.label()), found)
    };
    let judge = |ours| [against((1.2, ours, Relay::ReEncode)), against((0.05, ours, Relay::Express))];
    Section {
        title: TITLE,
        about: format!(
            "{READERS} readers at the same time, each with a turn of {} tokens that the upstream writes as fast as they are \
             taken (FastAPI: one of {FEWER}).",
            bench.scale.streaming.tokens
        ),
        table,
        verdicts: [Relay::Crates, Relay::Ours].into_iter().flat_map(judge).collect(),
        plot: Plot {
            title: TITLE,
            panels: vec![panel("CPU seconds for a million tokens; less is better", &cpu)],
        },
    }
}
