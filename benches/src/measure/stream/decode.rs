//! Typed events of a Messages API stream.

use super::rates::{Row, rates};
use crate::bench::Bench;
use crate::codec::{Codec, Work};
use crate::plot::Plot;
use crate::section::Section;
use crate::wire::{Cut, large_events, small_events};

const TITLE: &str = "Decoding a Messages API stream";

const CODECS: [Codec; 6] = [
    Codec::NodeSdk,
    Codec::PythonSdk,
    Codec::EventsourceStream,
    Codec::SseStream,
    Codec::Limit,
    Codec::Crates,
];

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let bytes = bench.scale.streaming.body_bytes;
    let row = |name, cut, body| Row { name, work: Work::Decode, cut, body };
    let rows = [
        row("120 B, 16 KiB chunks", Cut::Blocks, small_events(bytes)),
        row("120 B, one a chunk", Cut::Events, small_events(bytes)),
        row("8 KiB, 16 KiB chunks", Cut::Blocks, large_events(bytes)),
    ];
    let rates = rates(bench, "decode", (&CODECS, &rows))?;
    Ok(Section {
        title: TITLE,
        about: "From chunks in memory to typed events, each looked at: MB for each second of CPU time. Columns are the size \
                of events and how they are cut."
            .to_owned(),
        table: rates.table(),
        verdicts: vec![
            rates.verdict(0, (1.0, Codec::Limit)),
            rates.verdict(1, (12.0, Codec::NodeSdk)),
            rates.verdict(2, (0.9, Codec::Limit)),
        ],
        plot: Plot { title: TITLE, panels: rates.panels() },
    })
}
