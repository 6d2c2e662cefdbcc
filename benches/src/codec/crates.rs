//! claude-core.

use anyhow::{Context, bail};
use bytes::Bytes;
use claude_core::TurnEvent;
use claude_core::cli::{Detail, Translator};
use claude_core::messages::{Accumulator, ContentBlock, Decoder, Delta, Event, Message};
use claude_core::ndjson::Lines;

use crate::wire::Tally;

pub(super) fn decode(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let mut found = Tally::default();
    each_event(chunks, |event| {
        found.events += 1;
        if let Event::ContentBlockDelta { delta: Delta::Text(text), .. } = &event {
            found.text += text.len() as u64;
        }
    })?;
    Ok(found)
}

/// The message counts as one event.
pub(super) fn final_message(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let mut accumulator = Accumulator::new();
    each_event(chunks, |event| accumulator.push(&event))?;
    if !accumulator.is_complete() {
        bail!("the message is not complete");
    }
    Ok(Tally { events: 1, text: text_length(accumulator.message().context("no message")?) })
}

fn each_event(chunks: &[Bytes], mut take: impl FnMut(Event)) -> anyhow::Result<()> {
    let mut decoder = Decoder::new();
    for chunk in chunks {
        decoder.feed(chunk.clone());
        while let Some(event) = decoder.next() {
            take(event?);
        }
    }
    Ok(())
}

fn text_length(message: &Message) -> u64 {
    let length = |block: &ContentBlock| match block {
        ContentBlock::Text(text) => text.text.len() as u64,
        _ => 0,
    };
    message.content.iter().map(length).sum()
}

pub(super) fn lines(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let (mut translator, mut found) = (Translator::new(Detail::Full), Tally::default());
    each_line(chunks, |line| {
        found.events += 1;
        for event in translator.push(line) {
            if let TurnEvent::TextDelta { text, .. } = &event {
                found.text += text.len() as u64;
            }
        }
    })?;
    Ok(found)
}

pub(super) fn pass_through(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let (mut translator, mut found) = (Translator::new(Detail::Outcome), Tally::default());
    each_line(chunks, |line| {
        found.events += 1;
        found.text += line.len() as u64;
        std::hint::black_box(translator.push(line));
    })?;
    Ok(found)
}

/// A chunk is copied into the buffer of lines, as a read would do it.
fn each_line(chunks: &[Bytes], mut take: impl FnMut(&Bytes)) -> anyhow::Result<()> {
    let mut lines = Lines::default();
    for chunk in chunks {
        lines.feed(chunk);
        while let Some(line) = lines.next() {
            take(&line?);
        }
    }
    Ok(())
}
