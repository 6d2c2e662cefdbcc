//! What a server says, as far as it is kept or told.

/// Bytes of a message that are kept, for a log: a failed query holds all its parameters.
const MESSAGE_BYTES: usize = 2 << 10;

/// Characters of a code that is taken for one.
const CODE_CHARS: usize = 40;

/// A message without blanks around it, and no longer than is kept.
pub(crate) fn shortened(message: &str) -> Box<str> {
    let message = message.trim();
    message[..message.floor_char_boundary(MESSAGE_BYTES)].into()
}

/// Whether a text is a code: words of such letters, with `_` between them.
pub(crate) fn is_code(text: &str, is_letter: impl Fn(&u8) -> bool) -> bool {
    (1..=CODE_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte == b'_' || is_letter(&byte))
}

/// What is wrong with an answer that is no JSON of the expected form.
pub(crate) fn what_is_wrong(body: &[u8]) -> &'static str {
    if body.is_empty() {
        "it is empty"
    } else if body.trim_ascii_start().starts_with(b"<") {
        "it is a web page; is the URL right?"
    } else {
        "it is not the JSON that was expected"
    }
}

/// Where an answer can't be read, and why, if that is in words of ours: others repeat what they found, which may be
/// long, and secret.
pub(crate) fn place(error: &serde_json::Error) -> Box<str> {
    let words = error.to_string();
    if words.starts_with("missing field") || words.starts_with("no ") {
        return words.into();
    }
    format!("line {} column {}", error.line(), error.column()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(2000)).len(), MESSAGE_BYTES);
        assert_eq!(shortened(&format!("x{}", "é".repeat(2000))).len(), MESSAGE_BYTES - 1);
        assert_eq!(&*shortened(" short\n"), "short");
    }

    #[test]
    fn a_code_is_of_one_kind_of_letters() {
        let is_of =
            |text: &str| [is_code(text, u8::is_ascii_uppercase), is_code(text, u8::is_ascii_lowercase)];
        assert_eq!((is_of("BAD_REQUEST"), is_of("invalid_input")), ([true, false], [false, true]));
        for text in ["", "Bad", "bad request", "e\u{301}", &"X".repeat(41)] {
            assert_eq!(is_of(text), [false, false], "{text}");
        }
    }

    #[test]
    fn what_was_found_is_not_repeated() {
        let error = serde_json::from_str::<Vec<u8>>("[1, \"planted\"]").unwrap_err();
        assert_eq!(&*place(&error), "line 1 column 13");
    }
}
