//! A JSON object that comes back as it went, but for what is added.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object whose members keep their order and their very text, numbers of any length included.
#[derive(Debug, Default)]
pub(super) struct Object(Vec<(String, Box<RawValue>)>);

/// There is something else where an object should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoObject;

/// Whether anything was missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    Nothing,
    Something,
}

impl Object {
    pub(super) fn parse(text: &str) -> Result<Self, NoObject> {
        serde_json::from_str(text).map_err(|_| NoObject)
    }

    /// Adds a `true` under the keys of `path`, and the objects on the way to it, where nothing is there. What is
    /// there stays, whatever it is.
    pub(super) fn add_true(&mut self, path: &[&str]) -> Result<Added, NoObject> {
        self.add_below(path, 1)
    }

    /// `depth` is how deep the members lie.
    fn add_below(&mut self, path: &[&str], depth: usize) -> Result<Added, NoObject> {
        let Some((key, rest)) = path.split_first() else { return Ok(Added::Nothing) };
        // Of several members of one name, the last counts.
        let found = self.0.iter().rposition(|(name, _)| name == key);
        let text = match (found, rest.is_empty()) {
            (Some(_), true) => return Ok(Added::Nothing),
            (None, true) => "true".to_owned(),
            (found, false) => {
                let mut inner =
                    found.map_or(Ok(Object::default()), |at| Object::parse(self.0[at].1.get()))?;
                if inner.add_below(rest, depth + 1)? == Added::Nothing {
                    return Ok(Added::Nothing);
                }
                inner.text(depth + 1)
            }
        };
        let value = RawValue::from_string(text).map_err(|_| NoObject)?;
        match found {
            Some(at) => self.0[at].1 = value,
            None => self.0.push(((*key).to_owned(), value)),
        }
        Ok(Added::Something)
    }

    /// As Claude Code writes it: two spaces for each depth.
    fn text(&self, depth: usize) -> String {
        let members: Vec<String> = self.0.iter().map(|(key, value)| member(key, value, depth)).collect();
        match depth.checked_sub(1) {
            Some(outer) if !members.is_empty() => {
                format!("{{\n{}\n{}}}", members.join(",\n"), "  ".repeat(outer))
            }
            _ => "{}".to_owned(),
        }
    }
}

fn member(key: &str, value: &RawValue, depth: usize) -> String {
    format!("{}{}: {}", "  ".repeat(depth), serde_json::Value::from(key), value.get())
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(1))
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, path: &[&str]) -> String {
        let mut object = Object::parse(text).unwrap();
        assert_eq!(object.add_true(path), Ok(Added::Something));
        object.to_string()
    }

    #[test]
    fn what_is_there_keeps_its_order_and_its_text() {
        let text = r#"{"z": 12345678901234567890123, "a": {"b":  [1, 2.50]}, "é\n": "\u00e9"}"#;
        let expected = "{\n  \"z\": 12345678901234567890123,\n  \"a\": {\"b\":  [1, 2.50]},\n  \
            \"é\\n\": \"\\u00e9\",\n  \"new\": true\n}";
        assert_eq!(with(text, &["new"]), expected);
    }

    #[test]
    fn objects_on_the_way_are_made() {
        let expected = "{\n  \"p\": {\n    \"/w\": {\n      \"t\": true\n    }\n  }\n}";
        assert_eq!(with("{}", &["p", "/w", "t"]), expected);
        assert_eq!(with(r#"{"p":{"/w":{}}}"#, &["p", "/w", "t"]), expected);
        let expected =
            "{\n  \"p\": {\n    \"/v\": {\"t\": 1},\n    \"/w\": {\n      \"t\": true\n    }\n  }\n}";
        assert_eq!(with(r#"{"p":{"/v":{"t": 1}}}"#, &["p", "/w", "t"]), expected);
    }

    #[test]
    fn a_value_that_is_there_stays_whatever_it_is() {
        for text in [r#"{"p":{"t":false}}"#, r#"{"p":{"t":null}}"#, r#"{"p":{"t":"x"}}"#] {
            assert_eq!(Object::parse(text).unwrap().add_true(&["p", "t"]), Ok(Added::Nothing), "{text}");
        }
        for text in [r#"{"p":1}"#, r#"{"p":null}"#, r#"{"p":[]}"#] {
            assert_eq!(Object::parse(text).unwrap().add_true(&["p", "t"]), Err(NoObject), "{text}");
        }
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts() {
        let expected = "{\n  \"p\": 1,\n  \"p\": {\n    \"t\": true\n  }\n}";
        assert_eq!(with(r#"{"p":1,"p":{}}"#, &["p", "t"]), expected);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", " ", "[]", "1", "null", "{", "{}x", r#"{"a":}"#, "// no\n{}"] {
            assert!(Object::parse(text).is_err(), "{text:?}");
        }
    }
}
