//! Takes strings of OSC 52 out of a terminal's output: programs write the viewer's clipboard with them.
//!
//! Such a string is `ESC ] 52 ; … BEL`, in any of the shapes in which xterm.js 6.0 takes it for one (observed in its
//! `EscapeSequenceParser`, `OscParser` and `TextDecoder`):
//!
//! - U+009D stands for `ESC ]`. The end may also be `ESC \` or U+009C. A lone ESC ends it too, and begins the next
//!   sequence; CAN and SUB cancel it.
//! - Controls between `ESC` and `]` are carried out, DEL there does nothing, and controls in the number do nothing. U+FEFF
//!   does nothing anywhere. The number may begin with zeros.
//! - An ESC or U+009D begins anew wherever it stands.
//!
//! What is taken out joins what is before it with what is behind it, and the two must not make a string of their own, as
//! in `ESC ] 5`, `ESC ] 52 ; … BEL`, `2 ; … BEL`. Hence a beginning is told only together with what makes it something
//! else, and a beginning that a string follows goes with that string. So a terminal is never within one.

use memchr::memchr2_iter;

use super::escape;

/// The most that is held of beginnings, in bytes; no program needs as much. Beyond it they are never told, but for the
/// controls that are carried out: a number then counts as 52 whatever it becomes, behind an ESC ordinary text goes on, and
/// of beginnings in a row only the last one stays. So a long beginning is no way past this either.
pub(super) const HELD_MOST: usize = 128;
/// The longest string that is removed, in bytes behind its `;` and with its end. What comes behind that is ordinary text,
/// so a string without an end can't silence the terminal for ever.
pub(super) const STRING_MOST: u64 = 1 << 20;

const BEL: char = '\x07';
const CAN: char = '\x18';
const SUB: char = '\x1a';
const ESC: char = '\x1b';
const DEL: char = '\x7f';
/// String terminator, `ESC \` in one.
const ST: char = '\u{9c}';
/// Operating system command, `ESC ]` in one.
const OSC: char = '\u{9d}';
/// Byte order mark.
const BOM: char = '\u{feff}';

/// Passes text on but for the strings of OSC 52.
#[derive(Debug, Default)]
pub(super) struct Filter {
    state: State,
    /// Beginnings that aren't told yet; the last one isn't decided, or is that of the string.
    held: String,
    /// The offset of what is held.
    from: u64,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// Nothing is held.
    #[default]
    Ordinary,
    /// The last beginning that is held is so far.
    Begun(Prefix),
    /// Within a string, which is removed up to offset `until` at most.
    String { until: u64 },
    /// Behind an ESC in a string.
    StringEscape,
}

/// Text that goes on from offset `at`.
#[derive(Debug, Clone, Copy)]
struct Part<'text> {
    text: &'text str,
    at: u64,
}

/// How far a beginning is.
#[derive(Debug, Clone, Copy)]
enum Prefix {
    Escape,
    /// In the number, of which nothing or zeros have come.
    Zeros,
    Five,
    FiftyTwo,
}

/// What the next character does to a beginning.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It belongs to it.
    On(Prefix),
    /// Another one begins with it.
    Anew(Prefix),
    /// It makes it a string.
    String,
    /// It makes it something else.
    Out,
}

impl Filter {
    /// Appends to `json` what of `text`, whose first character is at offset `at`, can be told.
    pub(super) fn pass(&mut self, text: &str, at: u64, json: &mut Vec<u8>) {
        let mut part = Part { text, at };
        while !part.text.is_empty() {
            let taken = match self.state {
                State::Ordinary => self.ordinary(part, json),
                State::Begun(prefix) => self.begun(prefix, part, json),
                State::String { until } => self.string(until, part, json),
                State::StringEscape => self.string_escape(part, json),
            };
            part = Part { text: &part.text[taken..], at: part.at + taken as u64 };
        }
    }

    /// No more comes: a string without an end isn't told; a beginning is, and cancelled, for something else may come to
    /// the same terminal.
    pub(super) fn finish(&mut self, json: &mut Vec<u8>) {
        match self.state {
            State::Ordinary => {}
            State::Begun(_) => {
                self.held.push(CAN);
                self.tell_held(json);
            }
            State::String { .. } | State::StringEscape => self.drop_held(json),
        }
    }

    /// The offset of the first character that is neither told nor removed for good.
    pub(super) fn held_from(&self) -> Option<u64> {
        match self.state {
            State::Ordinary => None,
            _ => Some(self.from),
        }
    }

    /// Tells text up to where a string may begin. Like the other three, it says how many bytes it took.
    fn ordinary(&mut self, part: Part<'_>, json: &mut Vec<u8>) -> usize {
        let start = beginning(part.text).unwrap_or(part.text.len());
        let (before, behind) = part.text.split_at(start);
        escape::append(before, json);
        let Some(first) = behind.chars().next() else { return start };
        self.from = part.at + start as u64;
        self.hold(first, if first == ESC { Prefix::Escape } else { Prefix::Zeros });
        start + first.len_utf8()
    }

    fn begun(&mut self, prefix: Prefix, part: Part<'_>, json: &mut Vec<u8>) -> usize {
        let Some(next) = part.text.chars().next() else { return 0 };
        let is_full = self.held.len() + next.len_utf8() > HELD_MOST;
        match prefix.step(next) {
            Step::On(Prefix::Escape) if is_full => {
                self.drop_held(json);
                return 0;
            }
            Step::On(_) if is_full => {
                self.state = State::String { until: part.at + STRING_MOST };
                return 0;
            }
            Step::Anew(prefix) if is_full => {
                self.drop_held(json);
                self.from = part.at;
                self.hold(next, prefix);
            }
            Step::On(prefix) | Step::Anew(prefix) => self.hold(next, prefix),
            Step::String => self.state = State::String { until: part.at + 1 + STRING_MOST },
            Step::Out => {
                self.tell_held(json);
                return 0;
            }
        }
        next.len_utf8()
    }

    fn string(&mut self, until: u64, part: Part<'_>, json: &mut Vec<u8>) -> usize {
        let Part { text, at } = part;
        let most = usize::try_from(until.saturating_sub(at)).unwrap_or(usize::MAX);
        let within = &text[..text.floor_char_boundary(most)];
        let Some((index, end)) = within.match_indices([BEL, ESC, CAN, SUB, ST]).next() else {
            if within.len() < text.len() {
                self.drop_held(json);
            }
            return within.len();
        };
        match end {
            "\x1b" => {
                self.state = State::StringEscape;
                index + 1
            }
            // They cancel the string, and are no part of it.
            "\x18" | "\x1a" => {
                self.drop_held(json);
                index
            }
            _ => {
                self.drop_held(json);
                index + end.len()
            }
        }
    }

    fn string_escape(&mut self, part: Part<'_>, json: &mut Vec<u8>) -> usize {
        self.drop_held(json);
        if part.text.starts_with('\\') {
            return 1;
        }
        // The ESC was the byte before.
        self.from = part.at - 1;
        self.hold(ESC, Prefix::Escape);
        0
    }

    fn hold(&mut self, next: char, prefix: Prefix) {
        self.held.push(next);
        self.state = State::Begun(prefix);
    }

    fn tell_held(&mut self, json: &mut Vec<u8>) {
        escape::append(&self.held, json);
        self.held.clear();
        self.state = State::Ordinary;
    }

    /// Tells nothing of what is held but the controls that a terminal carries out.
    fn drop_held(&mut self, json: &mut Vec<u8>) {
        let mut is_number = false;
        for one in self.held.chars() {
            match one {
                ESC => is_number = false,
                ']' | OSC => is_number = true,
                '\0'..='\x1f' if !is_number => escape::append(one.encode_utf8(&mut [0]), json),
                _ => {}
            }
        }
        self.held.clear();
        self.state = State::Ordinary;
    }
}

impl Prefix {
    fn step(self, next: char) -> Step {
        match (self, next) {
            (_, ESC) => Step::Anew(Prefix::Escape),
            (_, OSC) => Step::Anew(Prefix::Zeros),
            (_, CAN | SUB) => Step::Out,
            (_, BOM) | (Prefix::Escape, '\0'..='\x1f' | DEL) => Step::On(self),
            (Prefix::Escape, ']') => Step::On(Prefix::Zeros),
            (Prefix::Escape, _) | (_, BEL) => Step::Out,
            (_, '\0'..='\x1f') => Step::On(self),
            (Prefix::Zeros, '0') => Step::On(Prefix::Zeros),
            (Prefix::Zeros, '5') => Step::On(Prefix::Five),
            (Prefix::Five, '2') => Step::On(Prefix::FiftyTwo),
            (Prefix::FiftyTwo, ';') => Step::String,
            _ => Step::Out,
        }
    }
}

/// Where in ordinary text something begins that may become a string. Nearly all sequences are ruled out by the one or two
/// bytes behind their ESC, without being held.
fn beginning(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr2_iter(0x1b, 0xc2, bytes).find(|&at| match bytes[at..] {
        [0x1b, b']', next, ..] => matches!(next, b'0' | b'5') || goes_on(next),
        [0x1b, next, ..] => matches!(next, b']' | 0x7f) || goes_on(next),
        [0x1b] => true,
        // U+009D
        [0xc2, next, ..] => next == 0x9d,
        _ => false,
    })
}

/// Whether a control begins with this byte, or U+009D (0xc2), or U+FEFF (0xef).
fn goes_on(next: u8) -> bool {
    matches!(next, 0..0x20 | 0xc2 | 0xef)
}
