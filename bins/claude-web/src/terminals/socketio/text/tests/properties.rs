//! What holds for any output in any pieces.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::clipboard::HELD_MOST;
use super::super::{Clipboard, Text, escape};
use super::terminal::Terminal;
use super::{FROM, parsed, reference, told};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn pieces_give_the_text_of_the_whole(output in short_output(), cuts in cuts()) {
        let pieces = pieces(&output, &cuts);
        let whole = String::from_utf8_lossy(&output);
        prop_assert_eq!(told(Clipboard::Pass, &pieces), &*whole);
        prop_assert_eq!(told(Clipboard::Remove, &pieces), reference::removed(&whole));
    }

    #[test]
    fn splits_change_nothing_beyond_the_limits_either(output in long_output(), cuts in cuts()) {
        prop_assert_eq!(told(Clipboard::Remove, &pieces(&output, &cuts)), told(Clipboard::Remove, &[&output]));
    }

    #[test]
    fn any_text_is_escaped_as_serde_json_does(text in any::<String>(), plain in "[ -~\r\n\t]{0,60}") {
        for text in [text, plain] {
            let mut json = Vec::new();
            escape::append(&text, &mut json);
            prop_assert_eq!(parsed(&json), text);
        }
    }

    #[test]
    fn a_client_that_comes_back_gets_exactly_the_rest(output in short_output(), cuts in cuts()) {
        let whole = {
            let mut json = Vec::new();
            let mut text = Text::new(FROM, Clipboard::Remove);
            text.push(&output, &mut json);
            text.finish(&mut json);
            json
        };
        let (mut text, mut json, mut last) = (Text::new(FROM, Clipboard::Remove), Vec::new(), FROM);
        for piece in pieces(&output, &cuts) {
            text.push(piece, &mut json);
            prop_assert!(last <= text.offset() && text.offset() <= text.read());
            last = text.offset();
            let mut fresh = Text::new(last, Clipboard::Remove);
            let mut seen = json.clone();
            fresh.push(&output[usize::try_from(last - FROM).unwrap()..], &mut seen);
            fresh.finish(&mut seen);
            prop_assert_eq!(&seen, &whole);
        }
    }

    #[test]
    fn no_terminal_writes_its_clipboard(output in long_output(), cuts in cuts(), fates in vec(fate(), 61)) {
        let mut viewer = Viewer::new(&output);
        for (cut, fate) in cuts.into_iter().chain([output.len()]).zip(fates) {
            viewer.meet(fate);
            viewer.push(cut);
            prop_assert_eq!(viewer.clipboards(), 0);
        }
        viewer.finish();
        prop_assert_eq!(viewer.clipboards(), 0);
    }
}

/// Bytes that are full of what matters here.
fn output(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let bytes = select(&b"\x1b\x1b]]550022;;\x07\\\xc2\x9c\x9d\x18\x1a\0\n\x7f\xef\xbb\xbf\xe2\x82[\"m"[..]);
    let words = select(vec![
        "\x1b]",
        "\u{9d}",
        "52",
        "52;",
        "\x1b]52;c;",
        "\x1b\\",
        "\u{9c}",
        "\u{feff}",
        "\x1b]8;",
        "漢",
        "🦀",
    ]);
    let part = prop_oneof![
        6 => bytes.prop_map(|byte| vec![byte]),
        4 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    vec(part, 0..most).prop_map(|parts| parts.concat())
}

/// A stream so short that nothing in it is beyond a limit.
fn short_output() -> impl Strategy<Value = Vec<u8>> {
    output(60).prop_map(|mut output| {
        output.truncate(HELD_MOST);
        output
    })
}

/// With stretches that are beyond what is held.
fn long_output() -> impl Strategy<Value = Vec<u8>> {
    let stretch = (select(&b"\x1b0\0"[..]), 0..2 * HELD_MOST).prop_map(|(byte, count)| vec![byte; count]);
    let part = prop_oneof![6 => output(12), 1 => stretch];
    vec(part, 0..30).prop_map(|parts| parts.concat())
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(0..7_usize, 0..60)
}

/// Cuts off what the first of `cuts` says; at the end of the cuts, everything.
fn pieces<'output>(mut output: &'output [u8], cuts: &[usize]) -> Vec<&'output [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = output.split_at(*cut.min(&output.len()));
        pieces.push(piece);
        output = rest;
    }
    pieces.push(output);
    pieces
}

/// What happens to a viewer before the next piece.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Nothing,
    /// It goes, and comes back with its offset.
    ComesBack,
    /// So many bytes are lost to it.
    Gap(usize),
    /// The same, and it is told what was held.
    FinishedGap(usize),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Nothing),
        1 => Just(Fate::ComesBack),
        1 => (0..20_usize).prop_map(Fate::Gap),
        1 => (0..20_usize).prop_map(Fate::FinishedGap),
    ]
}

/// A viewer's end.
struct Viewer<'output> {
    output: &'output [u8],
    at: usize,
    text: Text,
    terminal: Terminal,
}

impl<'output> Viewer<'output> {
    fn new(output: &'output [u8]) -> Self {
        Self { output, at: 0, text: Text::new(0, Clipboard::Remove), terminal: Terminal::default() }
    }

    fn meet(&mut self, fate: Fate) {
        match fate {
            Fate::Nothing => return,
            Fate::ComesBack => self.at = usize::try_from(self.text.offset()).unwrap(),
            Fate::Gap(lost) => self.at += lost,
            Fate::FinishedGap(lost) => {
                self.finish();
                self.at += lost;
            }
        }
        self.at = self.at.min(self.output.len());
        self.text = Text::new(self.at as u64, Clipboard::Remove);
    }

    fn push(&mut self, count: usize) {
        let end = self.output.len().min(self.at + count);
        let mut json = Vec::new();
        self.text.push(&self.output[self.at..end], &mut json);
        self.at = end;
        self.terminal.write(&parsed(&json));
    }

    fn finish(&mut self) {
        let mut json = Vec::new();
        self.text.finish(&mut json);
        self.terminal.write(&parsed(&json));
    }

    /// How many strings the terminal has taken for OSC 52, were it told something else now.
    fn clipboards(&self) -> usize {
        let after = |more: &str| {
            let mut terminal = self.terminal.clone();
            terminal.write(more);
            terminal.clipboards
        };
        ["]52;", "52;", "2;", ";"].map(after).iter().sum()
    }
}
