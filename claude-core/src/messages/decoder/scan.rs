//! The one shape that nearly all events have, read without a parser:
//! `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"…"}}`.

use memchr::memchr2;

/// A delta as it stands there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scanned<'a> {
    pub(super) index: usize,
    pub(super) kind: Kind,
    pub(super) text: Inside<'a>,
}

/// What stands between the quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inside<'a> {
    /// It means what it says.
    Plain(&'a str),
    /// Escapes, or what may not stand in a string.
    Escaped(&'a [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thinking,
    InputJson,
    Signature,
}

/// More digits than any index has, and few enough for every machine's `usize`.
const INDEX_DIGITS: usize = 9;

/// Reads a delta of exactly this shape; `None` for anything else. A text that is not plain still has to be
/// unescaped, which may fail.
pub(super) fn scan(data: &[u8]) -> Option<Scanned<'_>> {
    let rest = data.strip_prefix(br#"{"type":"content_block_delta","index":"#)?;
    let (index, rest) = number(rest)?;
    let rest = rest.strip_prefix(br#","delta":{"type":""#)?;
    let (kind, rest) = kind(rest)?;
    let inside = rest.strip_suffix(br#""}}"#)?;
    let text = if is_plain(inside) {
        Inside::Plain(std::str::from_utf8(inside).ok()?)
    } else {
        Inside::Escaped(inside)
    };
    Some(Scanned { index, kind, text })
}

fn kind(rest: &[u8]) -> Option<(Kind, &[u8])> {
    Some(match rest.first()? {
        b't' => match rest.strip_prefix(br#"text_delta","text":""#) {
            Some(rest) => (Kind::Text, rest),
            None => (Kind::Thinking, rest.strip_prefix(br#"thinking_delta","thinking":""#)?),
        },
        b'i' => (Kind::InputJson, rest.strip_prefix(br#"input_json_delta","partial_json":""#)?),
        b's' => (Kind::Signature, rest.strip_prefix(br#"signature_delta","signature":""#)?),
        _ => return None,
    })
}

/// A whole number as JSON writes it: no sign, no leading zero.
fn number(text: &[u8]) -> Option<(usize, &[u8])> {
    let count = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at(count);
    if digits.len() > INDEX_DIGITS || (digits.len() > 1 && digits[0] == b'0') || digits.is_empty() {
        return None;
    }
    Some((digits.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')), rest))
}

/// Whether the inside of a string stands for itself.
fn is_plain(inside: &[u8]) -> bool {
    // The least byte is found without a branch per byte, so the compiler looks at many at once.
    memchr2(b'"', b'\\', inside).is_none()
        && inside.iter().fold(u8::MAX, |least, &byte| least.min(byte)) >= b' '
}
