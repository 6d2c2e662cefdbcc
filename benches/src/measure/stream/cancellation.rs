//! A reader that leaves: when the upstream hears of it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::super::{median_of, panel};
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::median::Samples;
use crate::number::{NOTHING, shown, with_range};
use crate::plot::Plot;
use crate::relay::upstream::{Plan, Upstream, now};
use crate::relay::{Relay, Running};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::Verdict;

const TITLE: &str = "A reader that leaves";

/// Tokens a second of the turn that is left.
const PACE: u64 = 50;

/// The most milliseconds until our upstream is closed.
const CLOSED_MAX: f64 = 100.0;

/// How long the upstream is asked whether it was closed, and how often.
const PATIENCE: Duration = Duration::from_secs(5);
const ASK_EVERY: Duration = Duration::from_millis(2);

/// What the rounds gave, in milliseconds.
#[derive(Debug, Default)]
struct Times {
    middle: Samples,
    /// The longest of all.
    longest: f64,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let upstream = Upstream::start(&bench.scratch)?;
    let servers = bench.taking_part(&Relay::PEERS_AND_OURS, |relay| relay.start(bench, &upstream));
    upstream.plan(Plan { tokens: 0, per_second: PACE })?;
    let empty =
        || -> Each<Times, Relay> { servers.iter().map(|(relay, _)| (*relay, Times::default())).collect() };
    let mut times = empty();
    for round in bench.warm_rounds("cancellation") {
        let round = round?;
        for ((relay, running), (_, times)) in servers.iter().zip(&mut times) {
            bench.check()?;
            times.round(bench, (running, &upstream)).with_context(|| relay.label())?;
        }
        if round == Round::WarmUp {
            times = empty();
        }
    }
    Ok(section(&times))
}

impl Times {
    fn round(&mut self, bench: &Bench, (running, upstream): (&Running, &Upstream)) -> anyhow::Result<()> {
        let mut all = Samples::default();
        for _ in 0..bench.scale.streaming.leaving {
            let taken = time(running, upstream)?;
            self.longest = self.longest.max(taken);
            all.push(taken);
        }
        self.middle.push(all.median().context("nobody left")?);
        Ok(())
    }
}

/// Milliseconds from the reader's leaving to the upstream's notice.
fn time(running: &Running, upstream: &Upstream) -> anyhow::Result<f64> {
    let mut reader = running.ask()?;
    // The head of a turn comes at once; three events are a turn that goes on.
    for _ in 0..3 {
        reader.wait_for_event()?;
    }
    let before = upstream.seen()?.left;
    let left = now();
    running.leave(reader)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = upstream.seen()?;
        if seen.left > before {
            return Ok(seen.last_left.saturating_sub(left) as f64 / 1e3);
        }
        if Instant::now() > deadline {
            bail!("its upstream is open {} s later", PATIENCE.as_secs());
        }
        sleep(ASK_EVERY);
    }
}

fn section(times: &Each<Times, Relay>) -> Section {
    let mut table = Table::new(&["", "upstream closed after, ms", "longest, ms"]);
    for (relay, times) in times {
        let longest = if times.longest > 0.0 { shown(times.longest) } else { NOTHING.to_owned() };
        table.row(vec![relay.label().to_owned(), with_range(&times.middle), longest]);
    }
    let middle: Each<Samples, Relay> =
        times.iter().map(|(relay, times)| (*relay, times.middle.clone())).collect();
    let judge = |ours: Relay| {
        Verdict::at_most(
            format!("{}, upstream closed", ours.label()),
            CLOSED_MAX,
            "ms",
            median_of(&middle, ours),
        )
    };
    Section {
        title: TITLE,
        about: "From the reader's leaving to the upstream's closed connection. claude-web goes on with a turn whose reader \
                left: there the turn is interrupted instead."
            .to_owned(),
        table,
        verdicts: [Relay::Crates, Relay::Ours].map(judge).to_vec(),
        plot: Plot { title: TITLE, panels: vec![panel("milliseconds until closed; less is better", &middle)] },
    }
}
