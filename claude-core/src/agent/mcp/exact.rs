//! Whether an input reaches a server as it was approved.

use crate::agent::ToolError;
use crate::text::Json;

/// Refuses integers beyond 64 bits: on their way to the server they would become other numbers.
pub(super) fn check(input: &Json) -> Result<(), ToolError> {
    match numbers(input.as_str()).find(|number| !is_exact(number)) {
        None => Ok(()),
        Some(number) => {
            Err(ToolError::new(format!("{number} has too many digits for this tool; give it as a string")))
        }
    }
}

fn is_exact(number: &str) -> bool {
    let is_integer = !number.contains(['.', 'e', 'E']);
    !is_integer || number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok()
}

/// The numbers of a JSON text, as written.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find(|it: char| it == '"' || it == '-' || it.is_ascii_digit())?;
            rest = &rest[at..];
            if let Some(string) = rest.strip_prefix('"') {
                rest = behind_string(string);
                continue;
            }
            let is_part = |it: char| it.is_ascii_digit() || matches!(it, '-' | '+' | '.' | 'e' | 'E');
            let (number, behind) = rest.split_at(rest.find(|it| !is_part(it)).unwrap_or(rest.len()));
            rest = behind;
            return Some(number);
        }
    })
}

/// What follows the quote that ends a string.
fn behind_string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or("", |end| &text[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_outside_of_strings() {
        let text = r#"{"a1":[-1,2.5e+3,"9\"9",0],"b":"\\","c":18446744073709551616}"#;
        assert_eq!(numbers(text).collect::<Vec<_>>(), ["-1", "2.5e+3", "0", "18446744073709551616"]);
    }

    #[test]
    fn only_integers_beyond_64_bits_are_refused() {
        let verdict = |text: &str| check(&Json::parse(text).unwrap()).is_ok();
        assert!(verdict(
            r#"{"a":18446744073709551615,"b":-9223372036854775808,"c":0.1,"d":"123456789012345678901"}"#
        ));
        assert!(!verdict(r#"{"a":[18446744073709551616]}"#));
        assert!(!verdict(r#"{"a":-9223372036854775809}"#));
    }
}
