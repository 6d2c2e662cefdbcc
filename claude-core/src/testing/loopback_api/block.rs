//! A content block: whole, as it starts, and as the deltas that it comes in.

use serde::Serialize;
use serde_json::json;

use crate::object::Object;
use crate::text::{Json, Text};

/// Bytes per piece of a tool's input, where nothing else is planned.
const INPUT_PIECE: usize = 12;

/// What a thinking block is signed with; it only has to come back unchanged.
pub(super) const SIGNATURE: &str = "bG9vcGJhY2stc2lnbmF0dXJl";

/// What a tool call counts in tokens.
const CALL_TOKENS: u64 = 12;

/// A content block as the API has it.
#[derive(Debug, Clone)]
pub(super) struct Block(Object);

/// How blocks are cut into deltas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces {
    /// Bytes per delta; `None`: a word of a text, a few bytes of a tool's input.
    pub(super) bytes: Option<usize>,
    /// Deltas that a signature comes in.
    pub(super) signature: usize,
    /// Bytes of a tool's input after which the model stops.
    pub(super) input_max: usize,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { bytes: None, signature: 1, input_max: usize::MAX }
    }
}

/// A delta of a block.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "type")]
pub(super) enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
    #[serde(rename = "citations_delta")]
    Citation { citation: &'a Json },
}

/// The texts that deltas are slices of.
pub(super) struct Parts {
    text: Text,
    signature: Text,
    input: String,
    citations: Vec<Json>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Thinking,
    Call,
    Other,
}

impl Block {
    /// A block as it is; what is no JSON object is none.
    pub(super) fn new(block: &Json) -> Option<Self> {
        block.read().ok().map(Self)
    }

    pub(super) fn text(text: &str) -> Option<Self> {
        Self::new(&json!({"type": "text", "text": text}).into())
    }

    pub(super) fn thinking(thinking: &str) -> Option<Self> {
        Self::new(&json!({"type": "thinking", "thinking": thinking, "signature": SIGNATURE}).into())
    }

    pub(super) fn tool_use(name: &str, input: Json) -> Option<Self> {
        let mut block =
            Self::new(&json!({"type": "tool_use", "id": super::message::id("toolu"), "name": name}).into())?;
        block.0.set("input", input);
        Some(block)
    }

    /// The block, whole. An input that the model did not finish is empty.
    pub(super) fn whole(&self, pieces: &Pieces) -> Object {
        let mut whole = self.0.clone();
        let cut = self.0.get("input").is_some_and(|input| input.as_str().len() > pieces.input_max);
        if self.kind() == Kind::Call && cut {
            whole.set("input", json!({}).into());
        }
        whole
    }

    pub(super) fn is_tool_use(&self) -> bool {
        self.0.read::<Text>("type").is_some_and(|kind| kind == "tool_use")
    }

    /// The block before its first delta.
    pub(super) fn start(&self) -> Object {
        let mut start = self.0.clone();
        let mut empty = |name: &str, value: serde_json::Value| {
            if start.get(name).is_some() {
                start.set(name, value.into());
            }
        };
        match self.kind() {
            Kind::Text => {
                empty("text", "".into());
                empty("citations", json!([]));
            }
            Kind::Thinking => {
                empty("thinking", "".into());
                empty("signature", "".into());
            }
            Kind::Call => empty("input", json!({})),
            Kind::Other => {}
        }
        start
    }

    pub(super) fn parts(&self) -> Parts {
        let kind = self.kind();
        let text = self.0.read(if kind == Kind::Thinking { "thinking" } else { "text" });
        let input = self.0.get("input").map(|input| input.as_str().to_owned());
        Parts {
            text: text.unwrap_or_default(),
            signature: self.0.read("signature").unwrap_or_default(),
            input: input.unwrap_or_default(),
            citations: self.0.read("citations").unwrap_or_default(),
            kind,
        }
    }

    /// What the block counts in output tokens: a word is one.
    pub(super) fn tokens(&self) -> u64 {
        match self.kind() {
            Kind::Call => CALL_TOKENS,
            _ => words(&self.parts().text).count() as u64,
        }
    }

    fn kind(&self) -> Kind {
        match self.0.read::<Text>("type").as_deref() {
            Some("text") => Kind::Text,
            Some("thinking") => Kind::Thinking,
            Some("tool_use" | "server_tool_use") => Kind::Call,
            _ => Kind::Other,
        }
    }
}

impl Parts {
    /// The deltas in their order.
    pub(super) fn deltas(&self, pieces: &Pieces) -> Vec<Delta<'_>> {
        match self.kind {
            Kind::Text => {
                let texts = cut(&self.text, pieces).into_iter().map(|text| Delta::Text { text });
                let cited = self.citations.iter().map(|citation| Delta::Citation { citation });
                texts.chain(cited).collect()
            }
            Kind::Thinking => {
                let thoughts =
                    cut(&self.text, pieces).into_iter().map(|thinking| Delta::Thinking { thinking });
                let size = self.signature.len().div_ceil(pieces.signature.max(1));
                let signed = chunks(&self.signature, size).into_iter();
                thoughts.chain(signed.map(|signature| Delta::Signature { signature })).collect()
            }
            Kind::Call => self.input_deltas(pieces),
            Kind::Other => Vec::new(),
        }
    }

    /// The first piece is empty, as with the API; an input without members has no other.
    fn input_deltas(&self, pieces: &Pieces) -> Vec<Delta<'_>> {
        let input = if self.input == "{}" { "" } else { self.input.as_str() };
        let end = input.floor_char_boundary(pieces.input_max);
        let parts = chunks(&input[..end], pieces.bytes.unwrap_or(INPUT_PIECE));
        std::iter::once("").chain(parts).map(|partial_json| Delta::InputJson { partial_json }).collect()
    }
}

fn cut<'a>(text: &'a str, pieces: &Pieces) -> Vec<&'a str> {
    match pieces.bytes {
        None => words(text).collect(),
        Some(bytes) => chunks(text, bytes),
    }
}

/// The words, each with the blanks behind it, so that they add up to the text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// Pieces of at most `bytes` bytes, or of one character where that is longer.
fn chunks(mut text: &str, bytes: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while let Some(first) = text.chars().next() {
        let (piece, rest) = text.split_at(text.floor_char_boundary(bytes).max(first.len_utf8()));
        pieces.push(piece);
        text = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_between_characters_and_add_up() {
        for bytes in 1..9 {
            let pieces = chunks("aä€😀b", bytes);
            assert_eq!(pieces.concat(), "aä€😀b");
            assert!(pieces.iter().all(|piece| piece.len() <= bytes.max(4)), "{pieces:?}");
        }
    }
}
