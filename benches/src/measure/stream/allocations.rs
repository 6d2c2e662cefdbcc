//! Allocations for each piece of text.

use bytes::Bytes;
use claude_core::cli::{Detail, Translator};
use claude_core::messages::{Accumulator, Decoder};
use claude_core::ndjson::Lines;

use crate::allocations;
use crate::bench::Bench;
use crate::codec::Codec;
use crate::number::shown;
use crate::plot::{Bar, Kind, Panel, Plot};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::Verdict;
use crate::wire::{Body, Cut, short_lines, small_events};

const TITLE: &str = "Allocations for each piece of text";

/// What counts as none: the few that don't grow with the number of pieces, shared among them.
const NONE: f64 = 0.005;

/// Takes a body and counts.
type Work = fn(&Body) -> anyhow::Result<Counted>;

/// What was counted behind the beginning.
struct Counted {
    allocations: u64,
    pieces: u64,
}

pub(crate) fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let takes_part = bench.selection.holds(Codec::Crates);
    let bytes = bench.scale.streaming.body_bytes;
    let rows: [(&'static str, Body, Work, bool); 3] = [
        ("decoded to typed events", small_events(bytes), decode, true),
        ("and accumulated", small_events(bytes), accumulate, true),
        ("line of the CLI to turn events", short_lines(bytes), translate, false),
    ];
    let mut table = Table::new(&["claude-core", "allocations for each piece", "pieces"]);
    let (mut verdicts, mut bars) = (Vec::new(), Vec::new());
    for (name, body, work, judged) in rows {
        let counted = if takes_part { Some(work(&body)?) } else { None };
        let each = counted.as_ref().map(|it| it.allocations as f64 / it.pieces.max(1) as f64);
        if let (Some(counted), Some(each)) = (counted, each) {
            table.row(vec![name.to_owned(), format!("{each:.4}"), shown(counted.pieces as f64)]);
            bars.push(Bar { label: name, kind: Kind::Ours, value: each, shown: format!("{each:.4}") });
        }
        if judged {
            let found = each.map(|each| (format!("{each:.4}"), each < NONE));
            verdicts.push(Verdict::holds(format!("claude-core, {name}"), "0 for each piece", found));
        }
    }
    let title = "allocations for each piece; less is better".to_owned();
    Ok(Section {
        title: TITLE,
        about: "Each event comes in a chunk of its own, as the API sends them; counted by this program's allocator once the \
                first half of the body is through."
            .to_owned(),
        table,
        verdicts,
        plot: Plot { title: TITLE, panels: vec![Panel { title, bars }] },
    })
}

fn decode(body: &Body) -> anyhow::Result<Counted> {
    let mut decoder = Decoder::new();
    second_half(&body.cut(Cut::Events), |chunk| {
        decoder.feed(chunk);
        let mut pieces = 0;
        while let Some(event) = decoder.next() {
            std::hint::black_box(event?);
            pieces += 1;
        }
        Ok(pieces)
    })
}

fn accumulate(body: &Body) -> anyhow::Result<Counted> {
    let (mut decoder, mut accumulator) = (Decoder::new(), Accumulator::new());
    second_half(&body.cut(Cut::Events), |chunk| {
        decoder.feed(chunk);
        let mut pieces = 0;
        while let Some(event) = decoder.next() {
            accumulator.push(&event?);
            pieces += 1;
        }
        Ok(pieces)
    })
}

fn translate(body: &Body) -> anyhow::Result<Counted> {
    let (mut lines, mut translator) = (Lines::default(), Translator::new(Detail::Full));
    let ends = memchr::memchr_iter(b'\n', &body.bytes).map(|at| at + 1);
    let mut start = 0;
    let cut: Vec<Bytes> = ends.map(|end| body.bytes.slice(std::mem::replace(&mut start, end)..end)).collect();
    second_half(&cut, |chunk| {
        lines.feed(&chunk);
        let mut pieces = 0;
        while let Some(line) = lines.next() {
            std::hint::black_box(translator.push(&line?));
            pieces += 1;
        }
        Ok(pieces)
    })
}

fn second_half(
    chunks: &[Bytes],
    mut take: impl FnMut(Bytes) -> anyhow::Result<u64>,
) -> anyhow::Result<Counted> {
    let (first, second) = chunks.split_at(chunks.len() / 2);
    for chunk in first {
        take(chunk.clone())?;
    }
    let before = allocations::of_this_thread();
    let mut pieces = 0;
    for chunk in second {
        pieces += take(chunk.clone())?;
    }
    Ok(Counted { allocations: allocations::of_this_thread() - before, pieces })
}
