//! What a JSON string stands for.

/// Bytes that are looked at together.
const WORD: usize = 8;

/// Writes what the inside of a string stands for to the start of `out`, which grows as needed and is never cleared:
/// that would cost as much as the writing. Half a surrogate pair becomes U+FFFD.
///
/// `None` where JSON refuses it: a bare quote or control character, an escape that there is not, invalid UTF-8.
pub(super) fn unescape<'a>(inside: &[u8], out: &'a mut Vec<u8>) -> Option<&'a str> {
    // A character is never longer than its escape, and the last word may be written beyond what counts.
    let needed = inside.len() + WORD;
    if out.len() < needed {
        out.resize(needed, 0);
    }
    let (mut rest, mut length) = (inside, 0);
    while let Some(word) = rest.first_chunk::<WORD>() {
        let plain = plain_prefix(*word);
        out[length..length + WORD].copy_from_slice(word);
        length += plain;
        rest = &rest[plain..];
        if plain < WORD {
            (rest, length) = escape(rest, out, length)?;
        }
    }
    while let Some(&byte) = rest.first() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            out[length] = byte;
            (rest, length) = (&rest[1..], length + 1);
        } else {
            (rest, length) = escape(rest, out, length)?;
        }
    }
    // Checked behind the escapes: they neither mend nor break what stands around them.
    std::str::from_utf8(&out[..length]).ok()
}

/// How many bytes of a word stand for themselves before the first that does not.
fn plain_prefix(word: [u8; WORD]) -> usize {
    const EACH: u64 = u64::MAX / 255;
    const HIGH: u64 = EACH << 7;
    let word = u64::from_le_bytes(word);
    // The lowest set bit is right; those above it may be borrowed from it.
    let below = |word: u64, bound: u8| word.wrapping_sub(EACH * u64::from(bound)) & !word & HIGH;
    let equal = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let special = below(word, b' ') | equal(b'"') | equal(b'\\');
    special.trailing_zeros() as usize / 8
}

/// Writes what the escape at the start of `text` stands for at `length`; what follows, and the new length.
#[inline(always)]
fn escape<'a>(text: &'a [u8], out: &mut [u8], length: usize) -> Option<(&'a [u8], usize)> {
    let [b'\\', kind, rest @ ..] = text else { return None };
    match SIMPLE[usize::from(*kind)] {
        0 if *kind == b'u' => {
            let (character, rest) = code_point(rest)?;
            let written = character.encode_utf8(&mut out[length..]).len();
            Some((rest, length + written))
        }
        0 => None,
        simple => {
            out[length] = simple;
            Some((rest, length + 1))
        }
    }
}

/// What a byte stands for behind a backslash; 0 where that is no byte.
const SIMPLE: [u8; 256] = {
    let mut table = [0; 256];
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'/' as usize] = b'/';
    table[b'n' as usize] = b'\n';
    table[b't' as usize] = b'\t';
    table[b'r' as usize] = b'\r';
    table[b'b' as usize] = 8;
    table[b'f' as usize] = 12;
    table
};

/// The character of `XXXX`, or of `XXXX\uXXXX` for a pair, and what follows.
fn code_point(digits: &[u8]) -> Option<(char, &[u8])> {
    let (first, rest) = unit(digits)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let second = rest.strip_prefix(b"\\u").and_then(unit);
    match (first, second) {
        (0xd800..=0xdbff, Some((second @ 0xdc00..=0xdfff, rest))) => {
            let both = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            char::from_u32(both).map(|character| (character, rest))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, rest)),
    }
}

/// The number of four hexadecimal digits, and what follows.
fn unit(digits: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = digits.split_first_chunk::<4>()?;
    let unit = digits.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))?;
    Some((unit, rest))
}
