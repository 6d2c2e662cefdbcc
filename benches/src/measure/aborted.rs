//! Who is left when clients have gone away in mid-stream.

use std::process::id;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, anyhow};
use claude_core::testing::StandIn;
use claude_core::testing::stand_in::GRANDCHILD;

use super::{median_of, panel};
use crate::bench::{Bench, Each, of};
use crate::compared::Compared;
use crate::contestant::{Contestant, Server, is_cli};
use crate::median::Samples;
use crate::nest;
use crate::plot::Plot;
use crate::process::{arguments, descendants};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::Verdict;

const TITLE: &str = "Left after aborted requests";

/// Clients that ask and leave at the same time.
const CLIENTS: usize = 20;

/// Who is left.
#[derive(Debug, Default, Clone, Copy)]
struct Left {
    clis: usize,
    grandchildren: usize,
}

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let plan = StandIn::new().lines(1_000_000).rate(10.0).ignore_sigterm().grandchild();
    let mut left = bench.each::<Left>();
    for (contestant, left) in &mut left {
        eprintln!("aborted: {}", contestant.label());
        let server = bench.start(*contestant, &plan)?;
        abort(&server, bench.scale.aborts).with_context(|| contestant.label())?;
        thread::sleep(bench.scale.after_aborts);
        *left = Left::count();
        drop(server);
        nest::clear();
    }
    Ok(section(bench, &left))
}

/// Asks, reads the first line and goes away, so many times.
fn abort(server: &Server, count: usize) -> anyhow::Result<()> {
    let asked = AtomicUsize::new(0);
    let client = || {
        while asked.fetch_add(1, Ordering::Relaxed) < count {
            server.ask()?.wait_for_event()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let mut done =
            clients.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?);
        done.try_for_each(|done| done)
    })
}

impl Left {
    /// Below this process, where orphans come to as well.
    fn count() -> Self {
        let mut left = Self::default();
        for stat in descendants(id()).iter().filter(|stat| !stat.is_zombie()) {
            left.clis += usize::from(is_cli(stat.pid));
            left.grandchildren += usize::from(arguments(stat.pid) == GRANDCHILD);
        }
        left
    }

    fn all(self) -> f64 {
        (self.clis + self.grandchildren) as f64
    }
}

fn section(bench: &Bench, left: &Each<Left>) -> Section {
    let mut table = Table::new(&["", "CLIs left", "grandchildren left"]);
    for (contestant, left) in left {
        let counts = [left.clis, left.grandchildren].map(|count| count.to_string());
        table.row([contestant.label().to_owned()].into_iter().chain(counts).collect());
    }
    let all: Each<Samples> =
        left.iter().map(|(contestant, left)| (*contestant, [left.all()].into_iter().collect())).collect();
    let ours = of(left, Contestant::Ours).and_then(|_| median_of(&all, Contestant::Ours));
    let (aborts, seconds) = (bench.scale.aborts, bench.scale.after_aborts.as_secs());
    let mut panel = panel("processes left; fewer is better", &all);
    for (bar, (_, left)) in panel.bars.iter_mut().zip(left) {
        bar.shown = (left.clis + left.grandchildren).to_string();
    }
    Section {
        title: TITLE,
        about: format!(
            "{aborts} requests whose clients leave after the first line; the CLI ignores SIGTERM and leaves a grandchild \
             that moved away into a session of its own. Counted {seconds} s after the last, in one round: it is a count."
        ),
        table,
        verdicts: vec![Verdict::at_most(format!("left by ours after {seconds} s"), 0.0, "processes", ours)],
        plot: Plot { title: TITLE, panels: vec![panel] },
    }
}
