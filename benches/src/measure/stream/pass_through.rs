//! Lines of the CLI that go on as they are.

use super::rates::{Row, rates};
use crate::bench::Bench;
use crate::codec::{Codec, Work};
use crate::plot::Plot;
use crate::section::Section;
use crate::wire::{Cut, long_lines, short_lines};

const TITLE: &str = "Lines that go on as they are";

const CODECS: [Codec; 3] = [Codec::RawValue, Codec::LineScan, Codec::Crates];

/// The shortest body that gives long lines a fair share of cut ones.
const LEAST: usize = 4 << 20;

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let bytes = bench.scale.streaming.body_bytes.max(LEAST);
    let row = |name, body| Row { name, work: Work::PassThrough, cut: Cut::Blocks, body };
    let rows = [row("400 B lines", short_lines(bytes)), row("100 KB lines", long_lines(bytes))];
    let rates = rates(bench, "pass-through", (&CODECS, &rows))?;
    Ok(Section {
        title: TITLE,
        about: "From chunks of 16 KiB in memory to whole lines whose type is known, the rest unparsed: MB for each second of \
                CPU time."
            .to_owned(),
        table: rates.table(),
        verdicts: vec![
            rates.verdict(0, (10.0, Codec::RawValue)),
            rates.verdict(1, (10.0, Codec::RawValue)),
        ],
        plot: Plot { title: TITLE, panels: rates.panels() },
    })
}
