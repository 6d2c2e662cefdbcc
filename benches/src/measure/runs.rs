//! Runs a second with a tiny answer, one client and many.

use std::process::id;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use claude_core::testing::StandIn;

use super::{bar, median_of, panel};
use crate::bench::{Bench, Each, Round};
use crate::compared::Compared;
use crate::contestant::{Contestant, Server, direct};
use crate::median::Samples;
use crate::number::{median, with_range};
use crate::plot::{Kind, Plot};
use crate::process::Stat;
use crate::section::Section;
use crate::table::Table;
use crate::verdict::{Verdict, ratio};

const TITLE: &str = "Runs a second";

/// How many times the careful Node server's runs are asked for.
const TIMES_CAREFUL: f64 = 3.0;

/// What the rounds gave for one contestant.
#[derive(Debug, Default)]
struct Rates {
    one: Samples,
    many: Samples,
    /// CPU milliseconds a run, with many clients: of the server with all below it, and that without the CLI's.
    tree: Samples,
    beyond: Samples,
}

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let plan = StandIn::new();
    let servers = bench.start_all(&plan)?;
    let (mut limit, mut rates) = (Rates::default(), bench.each::<Rates>());
    for round in bench.warm_rounds("runs") {
        let round = round?;
        let run = || direct::run(&plan).map(drop);
        limit.one.push(count(1, bench.scale.window, &run)?.rate());
        let before = ended_children_cpu()?;
        let many = count(bench.scale.clients, bench.scale.window, &run)?;
        let cli = many.milliseconds_each(ended_children_cpu()? - before);
        limit.many.push(many.rate());
        limit.tree.push(cli);
        for ((_, server), (_, rates)) in servers.iter().zip(&mut rates) {
            rates.round(server, bench, cli)?;
        }
        if round == Round::WarmUp {
            (limit, rates) = (Rates::default(), bench.each());
        }
    }
    Ok(section(bench.scale.clients, &limit, &rates))
}

impl Rates {
    /// One round; `cli` is the CPU time of a CLI in this round.
    fn round(&mut self, server: &Server, bench: &Bench, cli: f64) -> anyhow::Result<()> {
        let run = || server.run();
        self.one.push(count(1, bench.scale.window, &run)?.rate());
        let before = server.cpu()?;
        let many = count(bench.scale.clients, bench.scale.window, &run)?;
        let after = server.cpu()?;
        self.many.push(many.rate());
        let tree = many.milliseconds_each(after.tree - before.tree);
        self.tree.push(tree);
        self.beyond.push(tree - cli);
        Ok(())
    }
}

/// Runs that were counted.
#[derive(Debug, Clone, Copy)]
struct Counted {
    runs: u32,
    seconds: f64,
}

impl Counted {
    fn rate(self) -> f64 {
        f64::from(self.runs) / self.seconds
    }

    fn milliseconds_each(self, cpu_seconds: f64) -> f64 {
        1000.0 * cpu_seconds / f64::from(self.runs.max(1))
    }
}

/// Counts runs of so many clients, each starting the next when one is over; none is started behind the window.
fn count(
    clients: usize,
    window: Duration,
    run: &(impl Fn() -> anyhow::Result<()> + Sync),
) -> anyhow::Result<Counted> {
    let started = Instant::now();
    let client = || {
        let mut runs = 0;
        while started.elapsed() < window {
            run()?;
            runs += 1;
        }
        anyhow::Ok(runs)
    };
    let runs: anyhow::Result<Vec<u32>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?).collect()
    });
    Ok(Counted { runs: runs?.iter().sum(), seconds: started.elapsed().as_secs_f64() })
}

fn section(clients: usize, limit: &Rates, rates: &Each<Rates>) -> Section {
    let many = format!("{clients} clients");
    let pick = |samples: fn(&Rates) -> &Samples| -> Each<Samples> {
        rates.iter().map(|(contestant, rates)| (*contestant, samples(rates).clone())).collect()
    };
    let (ones, manies) = (pick(|rates| &rates.one), pick(|rates| &rates.many));
    let beyond = pick(|rates| &rates.beyond);
    let mut panels = vec![
        panel("1 client, runs a second; more is better", &ones),
        panel(format!("{many}, runs a second; more is better"), &manies),
        panel("CPU milliseconds a run beyond the CLI's; less is better", &beyond),
    ];
    for (panel, samples) in panels.iter_mut().zip([&limit.one, &limit.many]) {
        panel.bars.insert(0, bar(direct::LABEL, Kind::Limit, samples));
    }
    Section {
        title: TITLE,
        about: "A run is a request, a start of the CLI, its three short lines and its end. CPU time is that of the \
            server with all below it, the CLIs included."
            .to_owned(),
        table: table(&many, limit, rates),
        verdicts: verdicts(&many, &manies, &beyond),
        plot: Plot { title: TITLE, panels },
    }
}

fn table(many: &str, limit: &Rates, rates: &Each<Rates>) -> Table {
    let mut table = Table::new(&["", "1 client", many, "CPU ms/run", "beyond the CLI's"]);
    let all = rates.iter().map(|(contestant, rates)| (contestant.label(), rates));
    for (label, rates) in std::iter::once((direct::LABEL, limit)).chain(all) {
        let figures =
            [with_range(&rates.one), with_range(&rates.many), median(&rates.tree), median(&rates.beyond)];
        table.row([label.to_owned()].into_iter().chain(figures).collect());
    }
    table
}

/// By the clock and by CPU: on few cores the CLI itself takes most of the clock's time.
fn verdicts(many: &str, rates: &Each<Samples>, beyond: &Each<Samples>) -> Vec<Verdict> {
    let (ours, careful) = (Contestant::Ours, Contestant::Careful);
    let by_clock = ratio(median_of(rates, ours), median_of(rates, careful));
    let by_cpu = ratio(median_of(beyond, careful), median_of(beyond, ours));
    vec![
        Verdict::at_least(format!("ours by careful Node, {many}"), TIMES_CAREFUL, "×", by_clock),
        Verdict::at_least("the same, runs per CPU s beyond the CLI's", TIMES_CAREFUL, "×", by_cpu),
    ]
}

/// CPU seconds of the children of this process that have ended.
fn ended_children_cpu() -> anyhow::Result<f64> {
    Ok(Stat::of(id()).context("we are gone")?.children_cpu)
}
