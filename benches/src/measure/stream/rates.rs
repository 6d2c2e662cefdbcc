//! How fast bytes are decoded: rows of work, each by the codecs that do it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;

use super::super::{median_of, panel};
use crate::bench::{Bench, Each, Round, of};
use crate::codec::{Codec, Ready, Task, Work};
use crate::compared::Compared;
use crate::median::Samples;
use crate::number::{NOTHING, with_range};
use crate::plot::Panel;
use crate::table::Table;
use crate::verdict::{Verdict, ratio};
use crate::wire::{Body, Cut};

/// How many times as long the round takes that doesn't count: Node compiles what it runs often.
const WARM_UP: u32 = 4;

/// One kind of work.
#[derive(Debug)]
pub(super) struct Row {
    /// What the column is named.
    pub(super) name: &'static str,
    pub(super) work: Work,
    pub(super) cut: Cut,
    pub(super) body: Body,
}

/// What the rounds gave: MB for each second of CPU time.
#[derive(Debug)]
pub(super) struct Rates {
    rows: Vec<&'static str>,
    /// In the order of `rows`.
    rates: Vec<Each<Samples, Codec>>,
    codecs: Vec<Codec>,
}

/// A row that is ready to be worked on.
struct Prepared<'a> {
    row: &'a Row,
    chunks: Vec<Bytes>,
    file: PathBuf,
}

/// Lets all codecs do all rows, in turns.
pub(super) fn rates(bench: &Bench, name: &'static str, work: (&[Codec], &[Row])) -> anyhow::Result<Rates> {
    let (codecs, rows) = work;
    let prepared: Vec<_> = rows.iter().map(|row| row.prepare(bench, name)).collect::<anyhow::Result<_>>()?;
    let mut ready = bench.taking_part(codecs, |codec| codec.start(bench));
    if ready.is_empty() {
        bail!("nobody takes part");
    }
    let codecs: Vec<Codec> = ready.iter().map(|(codec, _)| *codec).collect();
    let empty = || -> Vec<Each<Samples, Codec>> {
        rows.iter().map(|_| codecs.iter().map(|codec| (*codec, Samples::default())).collect()).collect()
    };
    let mut rates = empty();
    for round in bench.warm_rounds(name) {
        let round = round?;
        for (prepared, rates) in prepared.iter().zip(&mut rates) {
            let cpu = bench.scale.streaming.cpu * if round == Round::WarmUp { WARM_UP } else { 1 };
            prepared.round(bench, (&mut ready, cpu), rates)?;
        }
        if round == Round::WarmUp {
            rates = empty();
        }
    }
    Ok(Rates { rows: rows.iter().map(|row| row.name).collect(), rates, codecs })
}

impl Row {
    fn prepare(&self, bench: &Bench, name: &str) -> anyhow::Result<Prepared<'_>> {
        let file = bench.scratch.join(format!("{name}-{}", self.name.replace(' ', "-")));
        fs::write(&file, &self.body.bytes)?;
        Ok(Prepared { row: self, chunks: self.body.cut(self.cut), file })
    }
}

impl Prepared<'_> {
    fn round(
        &self,
        bench: &Bench,
        (ready, cpu): (&mut Each<Ready, Codec>, Duration),
        rates: &mut Each<Samples, Codec>,
    ) -> anyhow::Result<()> {
        let mut expected = self.row.body.found;
        match self.row.work {
            Work::FinalMessage => expected.events = 1,
            // Whole lines, without their line feeds.
            Work::PassThrough => expected.text = self.row.body.bytes.len() as u64 - expected.events,
            Work::Decode | Work::Lines => {}
        }
        let task = Task {
            work: self.row.work,
            cut: self.row.cut,
            chunks: &self.chunks,
            file: &self.file,
            expected,
            cpu,
        };
        for ((codec, ready), (_, rates)) in ready.iter_mut().zip(rates) {
            let rate = ready.rate(&task).with_context(|| format!("{}, {}", codec.label(), self.row.name))?;
            rates.push(rate);
            bench.check()?;
        }
        Ok(())
    }
}

impl Rates {
    /// A line for each codec, a column for each row.
    pub(super) fn table(&self) -> Table {
        let columns: Vec<&str> = [""].iter().chain(&self.rows).copied().collect();
        let mut table = Table::new(&columns);
        for codec in &self.codecs {
            let cell =
                |each: &Each<Samples, Codec>| of(each, *codec).map_or_else(|| NOTHING.to_owned(), with_range);
            table.row([codec.label().to_owned()].into_iter().chain(self.rates.iter().map(cell)).collect());
        }
        table
    }

    pub(super) fn panels(&self) -> Vec<Panel> {
        let rows = self.rows.iter().zip(&self.rates);
        rows.map(|(name, each)| panel(format!("{name}: MB for each second of CPU; more is better"), each))
            .collect()
    }

    /// MB a second of CPU, in the middle of the rounds.
    pub(super) fn median(&self, row: usize, codec: Codec) -> Option<f64> {
        median_of(self.rates.get(row)?, codec)
    }

    /// That ours is so many times as fast as somebody.
    pub(super) fn verdict(&self, row: usize, (times, than): (f64, Codec)) -> Verdict {
        let name = self.rows.get(row).copied().unwrap_or_default();
        let found = ratio(self.median(row, Codec::Crates), self.median(row, than));
        Verdict::at_least(format!("claude-core, {name}"), times, &format!("× {}", than.label()), found)
    }
}
