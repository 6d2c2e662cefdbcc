//! What is decoded and relayed: bodies as the Messages API sends them, lines as the CLI writes them.
//!
//! All text is ASCII, so that its length is the same in bytes and in the units of any language.

use std::fmt::Write as _;

use bytes::Bytes;

/// The most bytes of a chunk where a body is cut regardless of its events: what a TLS record holds.
pub(crate) const BLOCK: usize = 16 * 1024;

/// A body, and what whoever decodes it must have found in it.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) found: Tally,
}

/// What was decoded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Tally {
    /// Events, or lines.
    pub(crate) events: u64,
    /// Bytes of text in them, escapes resolved.
    pub(crate) text: u64,
}

/// How a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cut {
    /// In chunks of 16 KiB.
    Blocks,
    /// Each event in a chunk of its own.
    Events,
}

/// The beginning of an answer, up to the first delta.
pub(crate) const HEAD: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01Bench\",\"type\":\"message\",",
    "\"role\":\"assistant\",\"model\":\"claude-sonnet-5-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,",
    "\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
);

/// Its end, behind the last delta.
pub(crate) const TAIL: &str = concat!(
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",",
    "\"stop_sequence\":null},\"usage\":{\"output_tokens\":4096}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

/// Events of [`HEAD`] and [`TAIL`].
const FRAME_EVENTS: u64 = 5;

/// One of so many small deltas ends a paragraph, which takes an escape.
const PARAGRAPH: u64 = 16;

/// Adds the event of a text delta; `text` is as JSON has it.
pub(crate) fn push_delta(body: &mut String, text: &str) {
    body.push_str(
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":",
    );
    body.push_str("{\"type\":\"text_delta\",\"text\":\"");
    body.push_str(text);
    body.push_str("\"}}\n\n");
}

/// Bytes of the text of a long line, as JSON has it.
const LONG_TEXT: usize = 100_000;

/// An answer of at least so many bytes in events of 120.
pub(crate) fn small_events(least: usize) -> Body {
    let mut number = 0;
    answer(least, |body| {
        number += 1;
        let (json, length) = if number % PARAGRAPH == 0 { ("x.\\n\\n", 4) } else { (" token", 6) };
        push_delta(body, json);
        length
    })
}

/// An answer of at least so many bytes in events of 8 KiB.
pub(crate) fn large_events(least: usize) -> Body {
    let text = "Eight KiB of plain words. ".repeat(310);
    answer(least, |body| {
        push_delta(body, &text);
        text.len() as u64
    })
}

fn answer(least: usize, mut push: impl FnMut(&mut String) -> u64) -> Body {
    let mut body = String::from(HEAD);
    let mut found = Tally { events: FRAME_EVENTS, text: 0 };
    while body.len() < least {
        found.text += push(&mut body);
        found.events += 1;
    }
    body.push_str(TAIL);
    Body { bytes: shared(&body), found }
}

/// Lines of about 400 bytes: deltas, as the CLI writes them with partial messages.
pub(crate) fn short_lines(least: usize) -> Body {
    let line = |body: &mut String, event: &str| {
        // Writing to a String can't fail.
        let _ = writeln!(
            body,
            "{{\"type\":\"stream_event\",\"event\":{event},\"session_id\":\"5f0a1c52-6f3d-4c1e-9d0b-2f5d3c1e7a90\",\
             \"parent_tool_use_id\":null,\"uuid\":\"00000000-0000-4000-8000-000000000000\"}}"
        );
    };
    let mut body = String::new();
    for event in events(HEAD) {
        line(&mut body, event);
    }
    let text = "About forty bytes of an answer in words, ".repeat(4);
    let delta = format!(
        "{{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}"
    );
    let mut found = Tally { events: FRAME_EVENTS, text: 0 };
    while body.len() < least {
        line(&mut body, &delta);
        found.events += 1;
        found.text += text.len() as u64;
    }
    for event in events(TAIL) {
        line(&mut body, event);
    }
    Body { bytes: shared(&body), found }
}

/// Lines of about 100 KB: whole messages that show source code, which takes an escape every dozen characters.
pub(crate) fn long_lines(least: usize) -> Body {
    let code = r#"    if name == \"main\" { println!(\"{} of {}: {}\", index, count, name); }\n"#;
    let text = code.repeat(LONG_TEXT / code.len());
    let escapes = memchr::memchr_iter(b'\\', text.as_bytes()).count();
    let length = (text.len() - escapes) as u64;
    let (mut body, mut found) = (String::new(), Tally::default());
    while body.len() < least {
        found.events += 1;
        found.text += length;
        let _ = writeln!(
            body,
            "{{\"type\":\"assistant\",\"message\":{{\"id\":\"msg_{:08}\",\"type\":\"message\",\"role\":\"assistant\",\
             \"model\":\"claude-sonnet-5-5\",\"content\":[{{\"type\":\"text\",\"text\":\"{text}\"}}],\"stop_reason\":null,\
             \"usage\":{{\"input_tokens\":3,\"output_tokens\":1}}}},\"parent_tool_use_id\":null,\
             \"session_id\":\"5f0a1c52-6f3d-4c1e-9d0b-2f5d3c1e7a90\"}}",
            found.events
        );
    }
    Body { bytes: shared(&body), found }
}

/// The data of each event.
fn events(body: &str) -> impl Iterator<Item = &str> {
    body.lines().filter_map(|line| line.strip_prefix("data: "))
}

/// Reference-counted from the start: slicing it allocates nothing.
fn shared(body: &str) -> Bytes {
    let bytes = Bytes::from(body.to_owned());
    drop(bytes.clone());
    bytes
}

impl Body {
    /// The chunks it comes in.
    pub(crate) fn cut(&self, how: Cut) -> Vec<Bytes> {
        match how {
            Cut::Blocks => {
                let starts = (0..self.bytes.len()).step_by(BLOCK);
                starts.map(|start| self.bytes.slice(start..self.bytes.len().min(start + BLOCK))).collect()
            }
            Cut::Events => {
                let ends = memchr::memmem::find_iter(&self.bytes, b"\n\n").map(|at| at + 2);
                let mut start = 0;
                ends.map(|end| self.bytes.slice(std::mem::replace(&mut start, end)..end)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_events_are_of_a_hundred_and_twenty_bytes_and_large_ones_of_eight_kibibytes() {
        let mean = |body: &Body| body.bytes.len() as f64 / body.found.events as f64;
        assert!((110.0..130.0).contains(&mean(&small_events(1 << 20))));
        assert!((8_000.0..8_400.0).contains(&mean(&large_events(1 << 24))));
        assert!((390.0..410.0).contains(&mean(&short_lines(1 << 20))));
        assert!((99_000.0..102_000.0).contains(&mean(&long_lines(1 << 20))));
    }

    #[test]
    fn the_chunks_of_a_body_are_the_body() {
        let body = small_events(100_000);
        for how in [Cut::Blocks, Cut::Events] {
            assert_eq!(body.cut(how).concat(), body.bytes);
        }
        assert_eq!(body.cut(Cut::Events).len() as u64, body.found.events);
    }

    #[test]
    fn every_line_is_json_and_holds_its_text() {
        for body in [short_lines(50_000), long_lines(300_000)] {
            let (mut lines, mut text) = (0, 0);
            for line in body.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let value: serde_json::Value = serde_json::from_slice(line).unwrap();
                let texts = [&value["event"]["delta"]["text"], &value["message"]["content"][0]["text"]];
                text +=
                    texts.iter().filter_map(|text| text.as_str()).map(|text| text.len() as u64).sum::<u64>();
                lines += 1;
            }
            assert_eq!(body.found, Tally { events: lines, text });
        }
    }
}
