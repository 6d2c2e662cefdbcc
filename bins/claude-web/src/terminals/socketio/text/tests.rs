mod properties;
mod reference;
mod terminal;

use super::clipboard::{HELD_MOST, STRING_MOST};
use super::*;
use terminal::Terminal;

/// Where the output of the tests begins.
const FROM: u64 = 1000;

/// What is told of all pieces, as text.
fn told(clipboard: Clipboard, pieces: &[&[u8]]) -> String {
    let (mut text, mut json) = (Text::new(FROM, clipboard), Vec::new());
    for piece in pieces {
        text.push(piece, &mut json);
    }
    text.finish(&mut json);
    let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
    assert_eq!((text.offset(), text.read()), (FROM + bytes as u64, FROM + bytes as u64));
    parsed(&json)
}

fn parsed(json: &[u8]) -> String {
    let quoted = [b"\"", json, b"\""].concat();
    let text: String = serde_json::from_slice(&quoted).unwrap();
    assert_eq!(serde_json::to_vec(&text).unwrap(), quoted, "another way of writing JSON than serde_json's");
    text
}

/// What is told of `output` without OSC 52, in one piece and byte by byte.
fn filtered(output: &str) -> String {
    let whole = told(Clipboard::Remove, &[output.as_bytes()]);
    let bytes: Vec<&[u8]> = output.as_bytes().chunks(1).collect();
    assert_eq!(told(Clipboard::Remove, &bytes), whole, "{output:?} byte by byte");
    whole
}

/// `output` would write the clipboard, and comes as `rest`, which doesn't.
#[track_caller]
fn is_cut(output: &str, rest: &str) {
    let (mut before, mut after) = (Terminal::default(), Terminal::default());
    before.write(output);
    assert!(before.clipboards > 0, "{output:?} is no OSC 52");
    let told = filtered(output);
    assert_eq!(told, rest, "of {output:?}");
    after.write(&told);
    assert_eq!(after.clipboards, 0, "{told:?}");
}

/// The offsets behind each piece: what a client would come back with, and what was read.
fn offsets(pieces: &[&str]) -> Vec<(u64, u64)> {
    let mut text = Text::new(FROM, Clipboard::Remove);
    let behind = |piece: &&str| {
        text.push(piece.as_bytes(), &mut Vec::new());
        (text.offset() - FROM, text.read() - FROM)
    };
    pieces.iter().map(behind).collect()
}

#[test]
fn a_split_character_comes_when_it_is_whole() {
    let mut text = Text::new(FROM, Clipboard::Pass);
    let mut json = Vec::new();
    text.push(b"a\xe2\x82", &mut json);
    assert_eq!((&json[..], text.offset(), text.read()), (&b"a"[..], FROM + 1, FROM + 3));
    text.push(b"\xac!", &mut json);
    assert_eq!((&json[..], text.offset(), text.read()), ("a€!".as_bytes(), FROM + 5, FROM + 5));
}

#[test]
fn a_character_may_be_split_anywhere() {
    for character in ["é", "€", "🦀"] {
        for split in 0..=character.len() {
            let (begun, rest) = character.as_bytes().split_at(split);
            let pieces = [&[b"a", begun].concat()[..], &[rest, b"b"].concat()];
            assert_eq!(told(Clipboard::Pass, &pieces), format!("a{character}b"));
        }
    }
}

#[test]
fn each_longest_invalid_part_is_one_replacement() {
    for (bytes, text) in [
        (&b"\xff\xff"[..], "\u{fffd}\u{fffd}"),
        (b"\xf0\x9f\xa6", "\u{fffd}"),
        (b"\xf0\x9f\xa6z", "\u{fffd}z"),
        (b"\xe2\x82\xe2\x82\xac", "\u{fffd}€"),
        (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xc0\xaf", "\u{fffd}\u{fffd}"),
    ] {
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(told(Clipboard::Pass, &[bytes]), text);
        assert_eq!(told(Clipboard::Remove, &single), text);
    }
}

#[test]
fn controls_quotes_and_backslashes_are_escaped_as_serde_json_does() {
    let mut json = Vec::new();
    let mut text = Text::new(0, Clipboard::Pass);
    text.push(b"\x00\x08\t\n\x0b\x0c\r\x1b[1m\x7f \"\\/ \xc3\xa9\xe2\x80\xa8", &mut json);
    let expected = r#"\u0000\b\t\n\u000b\f\r\u001b[1m"#.to_owned() + "\x7f \\\"\\\\/ é\u{2028}";
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}

#[test]
fn every_ascii_character_is_escaped_wherever_it_stands() {
    for (character, place) in
        ('\0'..='\x7f').flat_map(|character| (0..20).map(move |place| (character, place)))
    {
        let mut text = "~".repeat(20);
        text.insert(place, character);
        assert_eq!(told(Clipboard::Pass, &[text.as_bytes()]), text);
    }
}

#[test]
fn where_all_passes_osc_52_does_too() {
    let output = "a\x1b]52;c;aGk=\x07b\x1b]5";
    assert_eq!(told(Clipboard::Pass, &[output.as_bytes()]), output);
    let mut text = Text::new(FROM, Clipboard::Pass);
    text.push(b"\x1b", &mut Vec::new());
    assert_eq!(text.offset(), FROM + 1);
}

#[test]
fn osc_52_is_removed_however_it_begins() {
    is_cut("a\x1b]52;c;aGk=\x07b", "ab");
    is_cut("a\u{9d}52;c;aGk=\x07b", "ab");
    is_cut("a\x1b]052;c;aGk=\x07b", "ab");
    is_cut("a\x1b]0000052;c;aGk=\x07b", "ab");
    is_cut("a\x1b]52;\x07b", "ab");
    is_cut("a\x1b\x1b]52;c;aGk=\x07b", "ab");
    is_cut("\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\", "\x1bPtmux;\x1b\\");
    is_cut("\x1b]2;title\x1b]52;c;aGk=\x07b", "\x1b]2;titleb");
}

#[test]
fn controls_that_a_terminal_carries_out_come_without_the_string_that_they_are_in() {
    is_cut("a\x1b\n\x7f\x07]52;c;aGk=\x07b", "a\n\x07b");
    // These are ignored.
    is_cut("a\x1b]\n5\t2\0;c;aGk=\x07b", "ab");
}

#[test]
fn byte_order_marks_hide_nothing() {
    is_cut("a\x1b\u{feff}]\u{feff}5\u{feff}2\u{feff};c;aGk=\x07b", "ab");
}

#[test]
fn osc_52_is_removed_however_it_ends() {
    is_cut("\x1b]52;c;aGk=\x1b\\b", "b");
    is_cut("\x1b]52;c;aGk=\u{9c}b", "b");
    is_cut("\x1b]52;c;aGk=\x18b", "\x18b");
    is_cut("\x1b]52;c;aGk=\x1ab", "\x1ab");
    is_cut("\x1b]52;c;aGk=\x1b[1mb", "\x1b[1mb");
    is_cut("\x1b]52;c;aGk=\x1b]52;c;aGk=\x1b]52;c;aGk=\x07b", "b");
    is_cut("\x1b]52;c;ü\u{9d}\n\r;a\x07b", "b");
    is_cut("\x1b]52;c;aGk=", "");
    is_cut("\x1b]52;c;aGk=\x1b", "");
}

#[test]
fn what_is_no_osc_52_passes() {
    for output in [
        "\x1b]52\x07",
        "\x1b]52\x1b\\",
        "\x1b]520;c;aGk=\x07",
        "\x1b]5;c;aGk=\x07",
        "\x1b]502;c\x07",
        "\x1b]152;c\x07",
        "\x1b]2;title 52;\x07",
        "\x1b]8;;https://example.org/\x1b\\52;\x1b]8;;\x1b\\",
        "\x1b[52;1m \x1bP52;\x1b\\",
        "\x1b\x18]52;c\x07",
        "\x1b]5\x182;c\x07",
        "\x1b]5\u{9c}2;c\x07",
        "\x1b]5\x7f2;c\x07",
        "\x1b ]52;c\x07",
        "\x1b\x1b[A\u{9d}\u{9b}1m ¢Ü\u{9c}]52;",
    ] {
        assert_eq!(filtered(output), output);
    }
}

#[test]
fn what_may_have_become_osc_52_passes_at_the_end_and_is_cancelled() {
    for output in ["\x1b", "a\x1b\x07", "\x1b]5", "\u{9d}0052", "\x1b]5\x1b"] {
        assert_eq!(filtered(output), format!("{output}\x18"));
    }
    assert_eq!(told(Clipboard::Remove, &[b"\x1b\xc2"]), "\x1b\u{fffd}");
}

#[test]
fn what_is_before_a_removed_string_makes_no_other_one_with_what_is_behind_it() {
    let string = "\x1b]52;c;aGk=\x07";
    is_cut(&format!("\x1b{string}]52;c;aGk=\x07"), "]52;c;aGk=\x07");
    is_cut(&format!("\x1b]{string}52;c;aGk=\x07"), "52;c;aGk=\x07");
    is_cut(&format!("\x1b]5{string}2;c;aGk=\x07"), "2;c;aGk=\x07");
    is_cut(&format!("\x1b]5\x1b]5{string}2;c;aGk=\x07"), "2;c;aGk=\x07");
    is_cut("\x1b\u{9d}52;c;aGk=\u{9c}]52;c;aGk=\x07", "]52;c;aGk=\x07");
    is_cut("\x1b]\u{9d}52;c;aGk=\u{9c}52;c;aGk=\x07", "52;c;aGk=\x07");
    let split = [b"\xc2", string.as_bytes(), b"\x9d52;c;aGk=\x07"];
    assert_eq!(told(Clipboard::Remove, &split), "\u{fffd}\u{fffd}52;c;aGk=\x07");
}

#[test]
fn a_string_without_an_end_silences_a_mebibyte_and_no_more() {
    let most = "a".repeat(usize::try_from(STRING_MOST).unwrap());
    is_cut(&format!("\x1b\n]52;{most}b\x1b[m"), "\nb\x1b[m");
    is_cut(&format!("\x1b]52;{}\x07\x07b", &most[1..]), "\x07b");
    is_cut(&format!("\x1b]52;{most}\x07b"), "\x07b");
    is_cut(&format!("\x1b]52;{}ü\x07b", &most[1..]), "ü\x07b");
    is_cut(&format!("\x1b]52;{most}\x1b]52;{most}b"), "b");
}

#[test]
fn a_beginning_that_is_too_long_to_hold_is_no_way_past() {
    let most = |one: char| one.to_string().repeat(HELD_MOST);
    is_cut(&format!("a\x1b]{}52;c;aGk=\x07b", most('0')), "ab");
    is_cut(&format!("a\x1b]5{}2;c;aGk=\x07b", most('\n')), "ab");
    is_cut(&format!("a\x1b{}]52;c;aGk=\x07b", most('\n')), &format!("a{}]52;c;aGk=\x07b", most('\n')));
    is_cut(&format!("a{}]52;c;aGk=\x07b", most('\x1b')), "ab");
    is_cut(&format!("a{}]52;c;aGk=\x07]52;b", most('\x1b')), "a]52;b");
    is_cut(&format!("a{}52;c;aGk=\x07b", most('\u{9d}')), "ab");
    let controls = "\n".repeat(HELD_MOST - 2);
    is_cut(&format!("a\x1b{controls}]52;c;aGk=\x07b"), &format!("a{controls}b"));
}

#[test]
fn beginnings_in_a_row_keep_nobody_back_by_more_than_is_held() {
    for one in ["\x1b", "\x1b]", "\x1b\0", "\u{9d}", "\x1b\u{feff}"] {
        let (mut text, mut json) = (Text::new(0, Clipboard::Remove), Vec::new());
        for piece in [one].repeat(10 * HELD_MOST) {
            text.push(piece.as_bytes(), &mut json);
            assert!(text.read() - text.offset() <= HELD_MOST as u64, "{one:?}");
        }
    }
}

#[test]
fn a_client_comes_back_to_the_first_byte_that_is_held_or_being_removed() {
    assert_eq!(offsets(&["ab\x1b", "]5", "2x"]), [(2, 3), (2, 5), (7, 7)]);
    assert_eq!(offsets(&["a\x1b]52;c;", "aGk", "=\x07", "b"]), [(1, 8), (1, 11), (13, 13), (14, 14)]);
    assert_eq!(offsets(&["a\x1b\x1b]52;c\x1b", "\\b"]), [(1, 9), (11, 11)]);
    assert_eq!(offsets(&["a\x1b]52;c\x1b", "[", "m"]), [(1, 8), (9, 9), (10, 10)]);
    assert_eq!(offsets(&["a\x1b]52;c\x1b", "]"]), [(1, 8), (7, 9)]);
}
