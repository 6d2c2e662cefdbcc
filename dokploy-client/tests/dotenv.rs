//! The text of an environment, read by the rules of dotenv, gives each value back.
//!
//! The reader here follows the one regular expression that the JavaScript package reads with: its alternatives in their
//! order, and how it backtracks. Between `'` and `` ` `` all is literal, between `"` the pairs `\n` and `\r` are
//! replaced, and a quote behind a `\` ends a value only if no other can.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dokploy_client::{Environment, Error};
use proptest::prelude::*;
use secrecy::ExposeSecret;

/// ```text
/// ^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)
/// (\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?
/// \s*(?:#.*)?$
/// ```
/// of which the name is read more simply: the client writes neither `export` nor blanks around `=`.
fn read(text: &str) -> Vec<(String, String)> {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut read) = (0, Vec::new());
    while at < text.len() {
        let name: String =
            text[at..].iter().take_while(|it| it.is_ascii_alphanumeric() || **it == '_').collect();
        let value_at = at + name.chars().count() + 1;
        if name.is_empty() || text.get(value_at - 1) != Some(&'=') {
            // No match here: the expression is tried at the next line.
            at += text[at..].iter().position(|it| *it == '\n').map_or(text.len() - at, |end| end + 1);
            continue;
        }
        let (value, end) = value(&text, value_at);
        read.push((name, unquoted(value.trim_matches(is_js_blank))));
        at = end + 1;
    }
    read
}

/// The first alternative behind which the line may end, and where that is.
fn value(text: &[char], from: usize) -> (String, usize) {
    let blanks = text[from..].iter().take_while(|it| is_js_blank(**it)).count();
    let quote = text.get(from + blanks).filter(|it| matches!(it, '\'' | '"' | '`'));
    let quoted = quote.map(|quote| closings(text, from + blanks, *quote)).unwrap_or_default();
    let line = text[from..].iter().take_while(|it| !matches!(it, '#' | '\r' | '\n')).count();
    // Backtracking gives single characters up, down to one; then there is no value.
    let unquoted = (from..=from + line).rev();
    for end in quoted.into_iter().map(|closing| closing + 1).chain(unquoted) {
        if let Some(end_of_line) = end_of_line(text, end) {
            return (text[from..end].iter().collect(), end_of_line);
        }
    }
    panic!("a value that nothing matches: {}", text[from..].iter().collect::<String>());
}

/// Where a quoted value may close, in the order in which the expression tries. A quote behind a `\` is first taken as part
/// of the value; one that is not can't be passed.
fn closings(text: &[char], open: usize, quote: char) -> Vec<usize> {
    let quotes = (open + 1..text.len()).filter(|at| text[*at] == quote);
    let mut found = Vec::new();
    for at in quotes {
        let is_escaped = text[at - 1] == '\\' && at - 1 > open;
        found.push(at);
        if !is_escaped {
            break;
        }
    }
    found.reverse();
    found
}

/// `\s*(?:#.*)?$`, of which the blanks may be line ends.
fn end_of_line(text: &[char], from: usize) -> Option<usize> {
    let blanks = text[from..].iter().take_while(|it| is_js_blank(**it)).count();
    (from..=from + blanks).rev().find_map(|at| match text.get(at) {
        None | Some('\n' | '\r') => Some(at),
        Some('#') => {
            let rest = &text[at..];
            Some(at + rest.iter().take_while(|it| !matches!(it, '\n' | '\r')).count())
        }
        Some(_) => None,
    })
}

fn unquoted(value: &str) -> String {
    let quote = value.chars().next().filter(|it| matches!(it, '\'' | '"' | '`'));
    let inner = quote.and_then(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value);
    match quote {
        Some('"') => inner.replace("\\n", "\n").replace("\\r", "\r"),
        _ => inner.to_owned(),
    }
}

/// `\s` of JavaScript.
fn is_js_blank(it: char) -> bool {
    it == '\u{feff}' || (it.is_whitespace() && it != '\u{85}')
}

#[test]
fn the_reader_reads_as_the_package_does() {
    for (text, expected) in [
        ("A=1", "1"),
        ("A=1 # x", "1"),
        ("A='1 # x' # y", "1 # x"),
        ("A=\"a\\nb\\tc\"", "a\nb\\tc"),
        ("A='a\\nb'", "a\\nb"),
        ("A=`it's \"x\"`", "it's \"x\""),
        ("A=it's", "it's"),
        ("A=", ""),
        ("A=\nB='x'", ""),
        ("A=''", ""),
        ("A='it\\'s'", "it\\'s"),
        // The closing quote is taken for a part of the value, and the next line's opening one closes.
        ("A='a\\'\nB='", "a\\'\nB="),
        ("A='a\\'\nB='x'", "a\\"),
        ("A='a", "'a"),
        ("A='a' b", "'a' b"),
    ] {
        assert_eq!(read(text)[0].1, expected, "{text}");
    }
}

/// Values with much of what is hard.
fn values() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z'\"`#$\\\\ {}=nr\u{a0}\u{feff}é😀]{0,12}", "\\PC{0,20}", "[ -~]{0,30}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn each_value_is_read_back_exactly(values in prop::collection::vec(values(), 1..6)) {
        let mut environment = Environment::new();
        let mut expected = Vec::new();
        for (number, value) in values.iter().enumerate() {
            let name = format!("V_{number}");
            if let Ok(with) = environment.clone().with(&name, value.as_str()) {
                environment = with;
                expected.push((name, value.clone()));
            }
        }
        prop_assert_eq!(read(environment.to_dotenv().expose_secret()), expected);
    }

    #[test]
    fn only_what_cannot_be_written_is_refused(value in values()) {
        if let Err(error) = Environment::new().with("V", value.as_str()) {
            let is_invalid = matches!(error, Error::Invalid { field: "environment", .. });
            prop_assert!(is_invalid);
            let has_all_quotes = ['\'', '`'].iter().all(|quote| value.contains(*quote))
                && (value.contains('"') || value.contains("\\n") || value.contains("\\r"));
            let is_hidden = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}');
            prop_assert!(value.contains("${{") || has_all_quotes || value.contains(is_hidden), "{}", value);
        }
    }
}
