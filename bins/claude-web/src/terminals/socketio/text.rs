//! Output of a terminal as text inside a JSON string.
//!
//! A piece goes three steps, and only the last one copies it: [`Text`] makes UTF-8 whole, `clipboard` takes out what
//! programs may not do to a viewer, `escape` writes JSON.

mod clipboard;
mod escape;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use clipboard::Filter;

/// What stands for bytes that are no UTF-8.
const REPLACEMENT: &str = "\u{fffd}";

/// Whether programs may write to the viewer's clipboard (OSC 52).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clipboard {
    /// Output comes as it is.
    Pass,
    /// Strings of OSC 52 that carry anything are taken out.
    Remove,
}

/// Turns the bytes of one viewer's output into text, whatever pieces they come in: what `String::from_utf8_lossy` makes
/// of all of them at once.
///
/// What a later piece may give another meaning is held back: a character that isn't whole, and with
/// [`Clipboard::Remove`] the beginning of an escape sequence that may become OSC 52, at most [`clipboard::HELD_MOST`]
/// bytes. So a terminal is never within such a sequence when it has been told everything up to [`Text::offset`], and a new
/// `Text` may go on from there, or from anywhere behind it.
#[derive(Debug)]
pub(super) struct Text {
    /// The offset behind what was decoded.
    at: u64,
    /// What follows it: the beginning of a character, at most three bytes.
    begun: SmallVec<[u8; 4]>,
    /// None where everything passes.
    filter: Option<Filter>,
}

impl Text {
    /// For output from offset `from` on.
    pub(super) fn new(from: u64, clipboard: Clipboard) -> Self {
        let filter = (clipboard == Clipboard::Remove).then(Filter::default);
        Self { at: from, begun: SmallVec::new(), filter }
    }

    /// Takes the next bytes of output, and appends to `json` what of them can be told: escaped, without the quotes.
    pub(super) fn push(&mut self, piece: &[u8], json: &mut Vec<u8>) {
        let rest = self.complete(piece, json);
        let (whole, begun) = rest.split_at(rest.len() - unfinished(rest));
        match str::from_utf8(whole) {
            Ok(text) => self.tell(text, text.len(), json),
            Err(_) => self.tell_repaired(whole, json),
        }
        self.begun.extend_from_slice(begun);
    }

    /// No more comes, or a gap does. A character that was begun comes as U+FFFD. With [`Clipboard::Remove`] a string of
    /// OSC 52 that didn't end does not come, and what may have become one comes as it is, with a CAN behind it: else it
    /// might still become one, with what follows the gap or with another program's output on the same terminal.
    pub(super) fn finish(&mut self, json: &mut Vec<u8>) {
        self.tell_invalid(self.begun.len(), json);
        self.begun.clear();
        if let Some(filter) = &mut self.filter {
            filter.finish(json);
        }
    }

    /// The offset behind what has been told or removed for good: where a client that comes back begins again.
    pub(super) fn offset(&self) -> u64 {
        self.filter.as_ref().and_then(Filter::held_from).unwrap_or(self.at)
    }

    /// The offset behind everything that was pushed.
    pub(super) fn read(&self) -> u64 {
        self.at + self.begun.len() as u64
    }

    /// Goes on with the character that was begun; what is left of the piece.
    fn complete<'piece>(&mut self, piece: &'piece [u8], json: &mut Vec<u8>) -> &'piece [u8] {
        if self.begun.is_empty() {
            return piece;
        }
        let mut character = std::mem::take(&mut self.begun);
        for (taken, &byte) in piece.iter().enumerate() {
            let before = character.len();
            character.push(byte);
            match str::from_utf8(&character) {
                Ok(text) => {
                    self.tell(text, text.len(), json);
                    return &piece[taken + 1..];
                }
                // The byte doesn't belong to it, and may begin something else.
                Err(error) if error.error_len().is_some() => {
                    self.tell_invalid(before, json);
                    return &piece[taken..];
                }
                Err(_) => {}
            }
        }
        self.begun = character;
        &[]
    }

    fn tell_repaired(&mut self, bytes: &[u8], json: &mut Vec<u8>) {
        for chunk in bytes.utf8_chunks() {
            self.tell(chunk.valid(), chunk.valid().len(), json);
            self.tell_invalid(chunk.invalid().len(), json);
        }
    }

    fn tell_invalid(&mut self, bytes: usize, json: &mut Vec<u8>) {
        if bytes > 0 {
            self.tell(REPLACEMENT, bytes, json);
        }
    }

    /// Tells `text`, which so many bytes of output have become.
    fn tell(&mut self, text: &str, bytes: usize, json: &mut Vec<u8>) {
        match &mut self.filter {
            None => escape::append(text, json),
            Some(filter) => filter.pass(text, self.at, json),
        }
        self.at += bytes as u64;
    }
}

/// How many bytes at the end begin a character that the next ones may finish.
fn unfinished(bytes: &[u8]) -> usize {
    let begins = |end: &[u8]| {
        str::from_utf8(end).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    let longest = bytes.len().min(3);
    (1..=longest).find(|count| begins(&bytes[bytes.len() - count..])).unwrap_or(0)
}
