//! What text becomes without its strings of OSC 52, looked at as a whole, limits aside.

pub(super) fn removed(text: &str) -> String {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut told) = (0, String::new());
    while at < text.len() {
        let rest = &text[at..];
        match introducer(rest) {
            Some((length, controls)) => {
                told += &controls;
                at += length + string(&rest[length..]);
            }
            None if is_open(rest) => {
                told.extend(rest);
                return told + "\x18";
            }
            None => {
                told.push(rest[0]);
                at += 1;
            }
        }
    }
    told
}

/// Whether more text could make a string of OSC 52 of it.
fn is_open(text: &[char]) -> bool {
    ["]52;", "52;", "2;", ";"].iter().any(|more| {
        let longer: Vec<char> = text.iter().copied().chain(more.chars()).collect();
        introducer(&longer).is_some()
    })
}

/// The length of what a string of OSC 52 begins with, up to its `;` and with beginnings before it, and the controls within
/// that are carried out.
fn introducer(text: &[char]) -> Option<(usize, String)> {
    match text.first()? {
        '\u{9d}' => number(text, 1, String::new()),
        '\x1b' => {
            let controls: String = text[1..].iter().take_while(|next| stays(**next)).collect();
            let at = 1 + controls.chars().count();
            let controls = controls.replace(['\x7f', '\u{feff}'], "");
            match text.get(at)? {
                ']' => number(text, at + 1, controls),
                _ => again(text, at, controls),
            }
        }
        _ => None,
    }
}

fn number(text: &[char], mut at: usize, controls: String) -> Option<(usize, String)> {
    let mut digits = String::new();
    loop {
        match text.get(at)? {
            ';' => return (digits.trim_start_matches('0') == "52").then_some((at + 1, controls)),
            digit @ '0'..='9' => digits.push(*digit),
            '\x07' => return None,
            next if *next != '\x7f' && stays(*next) => {}
            _ => return again(text, at, controls),
        }
        // Decided as soon as no digit can make it 52.
        if !"52".starts_with(digits.trim_start_matches('0')) {
            return None;
        }
        at += 1;
    }
}

fn again(text: &[char], at: usize, controls: String) -> Option<(usize, String)> {
    let (length, more) = introducer(&text[at..])?;
    Some((at + length, controls + &more))
}

fn stays(next: char) -> bool {
    (next < ' ' && !['\x18', '\x1a', '\x1b'].contains(&next)) || next == '\x7f' || next == '\u{feff}'
}

/// How much of `text` belongs to the string that it is in.
fn string(text: &[char]) -> usize {
    let ends = ['\x07', '\x18', '\x1a', '\x1b', '\u{9c}'];
    let Some(end) = text.iter().position(|next| ends.contains(next)) else { return text.len() };
    match &text[end..] {
        ['\x1b', '\\', ..] => end + 2,
        ['\x1b'] => end + 1,
        ['\x07' | '\u{9c}', ..] => end + 1,
        _ => end,
    }
}
