//! A prompt that names a scenario, read.

use std::collections::HashMap;
use std::time::Duration;

use super::super::fault::Point;

/// No scenario makes more of anything.
const COUNT_MAX: usize = 16_000_000;

/// A scenario's name and keys.
#[derive(Debug, PartialEq)]
pub(super) struct Prompt {
    pub(super) name: String,
    values: HashMap<String, String>,
    /// How often the model answered it so far.
    pub(super) answers: usize,
}

impl Prompt {
    /// Reads what stands behind the prefix, up to the end of the text.
    pub(super) fn parse(text: &str, answers: usize) -> Self {
        let mut parts = split(text).into_iter();
        let name = parts.next().unwrap_or_default();
        let values = parts
            .filter_map(|part| part.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())));
        Self { name, values: values.collect(), answers }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    pub(super) fn or<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.get(key).unwrap_or(default)
    }

    pub(super) fn number(&self, key: &str, default: u64) -> u64 {
        self.find(key).unwrap_or(default)
    }

    /// A number of things, at most [`COUNT_MAX`].
    pub(super) fn count(&self, key: &str, default: usize) -> usize {
        self.find(key).unwrap_or(default).min(COUNT_MAX)
    }

    /// A value, where it is there and can be read.
    pub(super) fn find<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    /// A time in milliseconds.
    pub(super) fn millis(&self, key: &str) -> Option<Duration> {
        self.find(key).map(Duration::from_millis)
    }

    /// `before` (the head), `head`, `start` (the first event), `last` (delta), `N` events or `Nb` bytes.
    pub(super) fn point(&self, key: &str) -> Option<Point> {
        let value = self.get(key)?;
        match value {
            "before" => Some(Point::BeforeHead),
            "head" => Some(Point::Head),
            "start" => Some(Point::Events(1)),
            "last" => Some(Point::LastDelta),
            _ => match value.strip_suffix('b') {
                Some(bytes) => bytes.parse().ok().map(Point::Bytes),
                None => value.parse().ok().map(Point::Events),
            },
        }
    }
}

/// Splits at blanks outside quotes; the quotes go away, single or double ones, and a backslash in double quotes
/// keeps what is behind it.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, blank) if blank.is_whitespace() => parts.push(String::new()),
            (Some('"'), '\\') => push(&mut parts, characters.next().unwrap_or('\\')),
            (_, other) => push(&mut parts, other),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn push(parts: &mut [String], character: char) {
    if let Some(last) = parts.last_mut() {
        last.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_quoted() {
        let prompt = Prompt::parse(r#"tool_bash command="tail -f \"x y\"" a='{"b": 1}' c=2"#, 0);
        assert_eq!(prompt.name, "tool_bash");
        assert_eq!(prompt.get("command"), Some("tail -f \"x y\""));
        assert_eq!(prompt.get("a"), Some(r#"{"b": 1}"#));
        assert_eq!(prompt.number("c", 0), 2);
    }

    #[test]
    fn places_are_words_events_or_bytes() {
        let prompt = Prompt::parse("text a=last b=7 c=700b d=nowhere", 0);
        assert_eq!(prompt.point("a"), Some(Point::LastDelta));
        assert_eq!(prompt.point("b"), Some(Point::Events(7)));
        assert_eq!(prompt.point("c"), Some(Point::Bytes(700)));
        assert_eq!(prompt.point("d"), None);
    }
}
