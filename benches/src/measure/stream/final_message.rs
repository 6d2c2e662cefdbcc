//! The whole message of a stream.

use super::rates::{Row, rates};
use crate::bench::Bench;
use crate::codec::{Codec, Work};
use crate::plot::Plot;
use crate::section::Section;
use crate::verdict::{Verdict, ratio};
use crate::wire::{Cut, small_events};

const TITLE: &str = "The whole message of a stream";

const CODECS: [Codec; 3] = [Codec::NodeSdk, Codec::PythonSdk, Codec::Crates];

/// How many times as long the longer message is.
const LONGER: usize = 4;

/// The share of the shorter message's speed that the longer one's must have: time grows with length and no faster.
const LINEAR: f64 = 0.8;

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let bytes = bench.scale.streaming.message_bytes;
    let row = |name, body| Row { name, work: Work::FinalMessage, cut: Cut::Blocks, body };
    let rows = [row("message", small_events(bytes)), row("four times as long", small_events(LONGER * bytes))];
    let rates = rates(bench, "final-message", (&CODECS, &rows))?;
    let kept = ratio(rates.median(1, Codec::Crates), rates.median(0, Codec::Crates));
    Ok(Section {
        title: TITLE,
        about: format!(
            "A message of {} KB in events of 120 B, and one of four times that; MB for each second of CPU time. The SDKs' \
             finalMessage() and get_final_message() against Decoder and Accumulator.",
            bytes / 1000
        ),
        table: rates.table(),
        verdicts: vec![
            rates.verdict(0, (8.0, Codec::NodeSdk)),
            rates.verdict(0, (200.0, Codec::PythonSdk)),
            Verdict::at_least("claude-core, time is linear: the longer one", LINEAR, "× the speed", kept),
        ],
        plot: Plot { title: TITLE, panels: rates.panels() },
    })
}
