//! How deep a JSON text goes, found in one pass and without a stack.

/// Whether arrays and objects stand in each other more than `most` levels deep. The text need not be well formed.
pub(super) fn depth_exceeds(text: &[u8], most: usize) -> bool {
    let mut depth = 0_usize;
    let mut place = Place::Outside;
    for byte in text {
        place = match (place, byte) {
            (Place::Outside, b'"') | (Place::Escaped, _) => Place::InText,
            (Place::InText, b'"') => Place::Outside,
            (Place::InText, b'\\') => Place::Escaped,
            (Place::Outside, b'[' | b'{') => {
                depth += 1;
                if depth > most {
                    return true;
                }
                place
            }
            (Place::Outside, b']' | b'}') => {
                depth = depth.saturating_sub(1);
                place
            }
            _ => place,
        };
    }
    false
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Outside,
    InText,
    Escaped,
}

#[cfg(test)]
mod tests {
    use super::depth_exceeds;

    #[test]
    fn counts_what_is_open_at_once_outside_of_strings() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!depth_exceeds(deep(64).as_bytes(), 64));
        assert!(depth_exceeds(deep(65).as_bytes(), 64));
        assert!(depth_exceeds("{\"a\":".repeat(100_000).as_bytes(), 64));
        assert!(!depth_exceeds("[]".repeat(1000).as_bytes(), 64));
        assert!(!depth_exceeds(format!("\"{}\"", "[".repeat(1000)).as_bytes(), 64));
        assert!(!depth_exceeds(br#""\"[[[[""#, 3));
        assert!(depth_exceeds(br#""\\"[[[["#, 3));
        assert!(!depth_exceeds(b"]]]]}}}}", 0));
    }
}
