//! Text inside a JSON string, as `serde_json` writes it.

/// Appends `text`, escaped, without quotes around it.
pub(super) fn append(text: &str, json: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    json.reserve(rest.len());
    while let Some(index) = special(rest) {
        json.extend_from_slice(&rest[..index]);
        rest = &rest[index..];
        while let Some((&byte, behind)) = rest.split_first()
            && is_special(byte)
        {
            escape(byte, json);
            rest = behind;
        }
    }
    json.extend_from_slice(rest);
}

/// Where the first byte is that can't stand as it is.
fn special(bytes: &[u8]) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = specials(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let index = tail.iter().position(|&byte| is_special(byte))?;
    Some(words.len() * 8 + index)
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The top bits of the bytes that can't stand as they are. The lowest one is right; above it others may be set as well,
/// for a subtraction borrows from the next byte.
fn specials(word: u64) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let below = |word: u64, least: u64| word.wrapping_sub(EACH * least) & !word;
    let equal = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & (EACH * 0x80)
}

fn escape(byte: u8, json: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]);
            return json.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    json.extend_from_slice(&[b'\\', short]);
}
