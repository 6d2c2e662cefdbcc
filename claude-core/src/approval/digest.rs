//! What binds a decision to one exact tool input.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::text::Json;

/// How deep an input may nest and still be told apart by structure; deeper parts count as they are written.
const DEPTH: usize = 64;

/// SHA-256 of a tool's name and the canonical form of its input: members sorted, no spacing, numbers as
/// written. Two inputs that differ in a digit beyond 2^53 have different digests.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of a call.
    #[must_use]
    pub fn of(tool: &str, input: &Json) -> Self {
        let mut canonical = String::with_capacity(input.as_str().len());
        write_canonical(input.as_str(), &mut canonical, DEPTH);
        let mut hash = Sha256::new();
        hash.update((tool.len() as u64).to_le_bytes());
        hash.update(tool.as_bytes());
        hash.update(canonical.as_bytes());
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn write_canonical(json: &str, out: &mut String, depth: usize) {
    let json = json.trim();
    if depth == 0 {
        out.push_str(json);
    } else if let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
        out.push('{');
        for (name, value) in members {
            out.push_str(&serde_json::Value::from(name).to_string());
            out.push(':');
            write_canonical(value.get(), out, depth - 1);
            out.push(',');
        }
        out.push('}');
    } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) {
        out.push('[');
        for item in items {
            write_canonical(item.get(), out, depth - 1);
            out.push(',');
        }
        out.push(']');
    } else if let Ok(text) = serde_json::from_str::<String>(json) {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push_str(json);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(tool: &str, input: &str) -> Digest {
        Digest::of(tool, &Json::parse(input).unwrap())
    }

    #[test]
    fn spacing_order_and_escapes_do_not_matter() {
        let one = digest("Write", r#"{"a":[1,{"x":"é","y":null}],"b":2}"#);
        let two = digest("Write", "{ \"b\" : 2, \"a\": [1, {\"y\":null, \"x\":\"\\u00e9\"}] }");
        assert_eq!(one, two);
        assert_eq!(one.as_str().len(), 64);
    }

    #[test]
    fn what_differs_has_another_digest() {
        let inputs = [
            r#"{"a":9007199254740992}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":"9007199254740993"}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":[12]}"#,
        ];
        let mut digests: Vec<_> = inputs.iter().map(|input| digest("Write", input).0).collect();
        digests.push(digest("Edit", inputs[0]).0);
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), inputs.len() + 1);
    }

    #[test]
    fn deep_nesting_ends() {
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        assert_eq!(digest("Write", &deep), digest("Write", &deep));
    }
}
