//! The limit of decoding with a JSON parser: memchr finds the data, serde_json reads it into structs that borrow.
//!
//! It knows text deltas alone, takes line feeds for the only ends of lines, and keeps nothing. An event that two
//! chunks share is put together in a buffer; all others are read where they are.

use std::borrow::Cow;

use anyhow::Context;
use bytes::Bytes;
use memchr::{memchr, memchr_iter};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::Tally;

/// The data of any event of the Messages API, as far as text deltas need it.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    #[serde(default)]
    pub(crate) index: u32,
    #[serde(borrow, default)]
    pub(crate) delta: Option<Delta<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Delta<'a> {
    #[serde(rename = "type", default)]
    pub(crate) kind: &'a str,
    #[serde(borrow, default)]
    pub(crate) text: Option<Borrowed<'a>>,
}

/// Text that borrows where nothing is escaped.
#[derive(Debug, Deserialize)]
pub(crate) struct Borrowed<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A line of the CLI, as far as its text needs it.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow, default)]
    event: Option<Event<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(default)]
    session_id: &'a str,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Vec<Delta<'a>>,
}

/// A line whose type is known and whose rest is raw.
#[derive(Debug, Deserialize)]
struct Raw<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

/// Cuts chunks into pieces with an end that is told by a function; puts together what chunks share.
#[derive(Debug)]
pub(crate) struct Pieces {
    find_end: fn(&[u8]) -> Option<usize>,
    partial: Vec<u8>,
}

impl Pieces {
    /// Events of an event stream, each with the empty line that ends it.
    pub(crate) fn events() -> Self {
        Self { find_end: event_end, partial: Vec::new() }
    }

    /// Lines, each with its line feed.
    fn lines() -> Self {
        Self { find_end: line_end, partial: Vec::new() }
    }

    /// Hands on the pieces that this chunk completes.
    pub(crate) fn push(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut rest = chunk;
        if !self.partial.is_empty() {
            let Some(end) = self.end_of_partial(rest) else {
                self.partial.extend_from_slice(rest);
                return Ok(());
            };
            self.partial.extend_from_slice(&rest[..end]);
            take(&self.partial)?;
            self.partial.clear();
            rest = &rest[end..];
        }
        while let Some(end) = (self.find_end)(rest) {
            take(&rest[..end])?;
            rest = &rest[end..];
        }
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// Where in `rest` the partial piece ends. The end itself may be cut: its line feed here, the empty line there.
    fn end_of_partial(&self, rest: &[u8]) -> Option<usize> {
        let is_cut = self.partial.ends_with(b"\n") && rest.first() == Some(&b'\n');
        if is_cut { Some(1) } else { (self.find_end)(rest) }
    }
}

/// Where an event ends, its empty line included.
fn event_end(bytes: &[u8]) -> Option<usize> {
    memchr_iter(b'\n', bytes).find(|at| bytes.get(at + 1) == Some(&b'\n')).map(|at| at + 2)
}

/// Where a line ends, its line feed included.
fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr(b'\n', bytes).map(|at| at + 1)
}

/// The data of an event: its one line behind that of its name.
pub(crate) fn data(event: &[u8]) -> anyhow::Result<&str> {
    let line = if event.starts_with(b"event:") { line_end(event).unwrap_or_default() } else { 0 };
    let data = event[line..].strip_prefix(b"data: ").context("an event without data")?;
    Ok(std::str::from_utf8(data.strip_suffix(b"\n\n").unwrap_or(data))?)
}

impl Tally {
    /// Counts an event whose data this is.
    pub(super) fn event(&mut self, data: &str) -> anyhow::Result<()> {
        let event: Event<'_> = serde_json::from_str(data)?;
        std::hint::black_box((event.kind, event.index));
        self.events += 1;
        self.text += event.text_length();
        Ok(())
    }
}

impl Event<'_> {
    fn text_length(&self) -> u64 {
        self.delta.as_ref().map_or(0, Delta::text_length)
    }
}

impl Delta<'_> {
    fn text_length(&self) -> u64 {
        std::hint::black_box(self.kind);
        self.text.as_ref().map_or(0, |text| text.0.len() as u64)
    }
}

pub(super) fn decode(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let (mut pieces, mut found) = (Pieces::events(), Tally::default());
    for chunk in chunks {
        pieces.push(chunk, |event| found.event(data(event)?))?;
    }
    Ok(found)
}

pub(super) fn lines(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let (mut pieces, mut found) = (Pieces::lines(), Tally::default());
    for chunk in chunks {
        pieces.push(chunk, |line| {
            let line: Line<'_> = serde_json::from_str(std::str::from_utf8(line)?)?;
            std::hint::black_box((line.kind, line.session_id));
            found.events += 1;
            found.text += line.event.as_ref().map_or(0, Event::text_length);
            let content = line.message.iter().flat_map(|message| &message.content);
            found.text += content.map(Delta::text_length).sum::<u64>();
            Ok(())
        })?;
    }
    Ok(found)
}

pub(super) fn pass_through(chunks: &[Bytes]) -> anyhow::Result<Tally> {
    let (mut pieces, mut found) = (Pieces::lines(), Tally::default());
    for chunk in chunks {
        pieces.push(chunk, |line| {
            let raw: Raw<'_> = serde_json::from_slice(line)?;
            let rest = [raw.event, raw.message].map(|raw| raw.map(|raw| raw.get().len()));
            std::hint::black_box((raw.kind, rest));
            found.events += 1;
            found.text += line.len() as u64 - 1;
            Ok(())
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(cut: usize) -> Vec<String> {
        let (mut pieces, mut found) = (Pieces::events(), Vec::new());
        for chunk in b"event: a\ndata: 1\n\ndata: {}\n\n".chunks(cut) {
            let take = |event: &[u8]| {
                found.push(data(event)?.to_owned());
                Ok(())
            };
            pieces.push(chunk, take).unwrap();
        }
        found
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        for cut in 1..30 {
            assert_eq!(pieces(cut), ["1", "{}"], "cut every {cut} bytes");
        }
    }
}
