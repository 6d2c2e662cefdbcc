//! Typed lines of the CLI.

use super::rates::{Row, rates};
use crate::bench::Bench;
use crate::codec::{Codec, Work};
use crate::plot::Plot;
use crate::section::Section;
use crate::wire::{Cut, long_lines, short_lines};

const TITLE: &str = "Typed lines of the CLI";

const CODECS: [Codec; 3] = [Codec::NodeReadline, Codec::Limit, Codec::Crates];

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let bytes = bench.scale.streaming.body_bytes;
    let row = |name, body| Row { name, work: Work::Lines, cut: Cut::Blocks, body };
    let rows = [row("400 B lines", short_lines(bytes)), row("100 KB lines", long_lines(bytes))];
    let rates = rates(bench, "ndjson", (&CODECS, &rows))?;
    Ok(Section {
        title: TITLE,
        about: "From chunks of 16 KiB in memory to turn events, all text at hand: MB for each second of CPU time. The long \
                lines show source code, with an escape every dozen characters."
            .to_owned(),
        table: rates.table(),
        verdicts: vec![
            rates.verdict(0, (3.0, Codec::NodeReadline)),
            rates.verdict(1, (3.0, Codec::NodeReadline)),
        ],
        plot: Plot { title: TITLE, panels: rates.panels() },
    })
}
