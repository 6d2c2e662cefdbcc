//! Whether an input fits a tool's schema, as far as it is checked before the tool runs.
//!
//! A part of JSON Schema: `type`, `required`, `properties`, `items`, `enum`, and `additionalProperties: false`. What
//! it does not know counts as fitting: tools read their input themselves. An integer may be written as `1.0`.

use serde_json::{Map, Value};

use crate::text::Json;

/// Checks an input.
///
/// # Errors
/// One sentence about the first thing that does not fit, for the model.
pub(super) fn check(schema: &Value, input: &Json) -> Result<(), String> {
    let input: Value = input.read().map_err(|error| format!("the input can't be read: {error}"))?;
    if !input.is_object() {
        return Err(format!("the input must be an object, not {}", kind(&input)));
    }
    value(schema, &input, "the input")
}

fn value(schema: &Value, it: &Value, place: &str) -> Result<(), String> {
    let Value::Object(schema) = schema else { return Ok(()) };
    let types = match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is(it, name)) {
        return Err(format!("{place} must be of type {}, not {}", types.join(" or "), kind(it)));
    }
    if let Some(Value::Array(known)) = schema.get("enum")
        && !known.contains(it)
    {
        return Err(format!("{place} must be one of {}", Value::from(known.as_slice())));
    }
    match it {
        Value::Object(members) => object(schema, members, place),
        Value::Array(items) => schema.get("items").map_or(Ok(()), |schema| {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(at, item)| value(schema, item, &format!("{place}[{at}]")))
        }),
        _ => Ok(()),
    }
}

fn object(schema: &Map<String, Value>, members: &Map<String, Value>, place: &str) -> Result<(), String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    if let Some(missing) = required.filter_map(Value::as_str).find(|name| !members.contains_key(*name)) {
        return Err(format!("{place} lacks `{missing}`"));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, member) in members {
        match properties.and_then(|known| known.get(name)) {
            Some(schema) => value(schema, member, &format!("`{name}`"))?,
            None if is_closed => return Err(format!("{place} has no member `{name}`")),
            None => {}
        }
    }
    Ok(())
}

fn is(it: &Value, name: &str) -> bool {
    match name {
        "integer" => it.is_i64() || it.is_u64() || it.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => it.is_number(),
        "null" | "boolean" | "string" | "array" | "object" => kind(it) == name,
        // A type that JSON does not have says nothing.
        _ => true,
    }
}

fn kind(it: &Value) -> &'static str {
    match it {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(input: &str) -> Result<(), String> {
        let schema = json!({
            "type": "object", "required": ["path"], "additionalProperties": false,
            "properties": {
                "path": {"type": "string"}, "lines": {"type": "integer"}, "mode": {"enum": ["head", "tail"]},
                "hosts": {"type": "array", "items": {"type": ["string", "null"]}},
                "free": {"$ref": "#/unknown"},
            },
        });
        check(&schema, &Json::parse(input).unwrap())
    }

    #[test]
    fn what_fits_may_run() {
        for fits in [
            r#"{"path":"a"}"#,
            r#"{"path":"a","lines":3,"mode":"tail","hosts":["x",null],"free":[{}]}"#,
            r#"{"path":"a","lines":1.0}"#,
            r#"{"path":"a","lines":9007199254740993123}"#,
        ] {
            assert_eq!(judge(fits), Ok(()), "{fits}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (bad, named) in [
            ("[]", "the input must be an object, not array"),
            ("{}", "the input lacks `path`"),
            (r#"{"path":1}"#, "`path` must be of type string, not number"),
            (r#"{"path":"a","lines":1.5}"#, "`lines` must be of type integer, not number"),
            (r#"{"path":"a","mode":"all"}"#, r#"`mode` must be one of ["head","tail"]"#),
            (r#"{"path":"a","hosts":["x",1]}"#, "`hosts`[1] must be of type string or null, not number"),
            (r#"{"path":"a","evil":1}"#, "the input has no member `evil`"),
        ] {
            assert_eq!(judge(bad), Err(named.to_owned()), "{bad}");
        }
    }

    #[test]
    fn nesting_without_end_does_not_fit() {
        let deep = format!(r#"{{"path":"a","free":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
        assert!(judge(&deep).unwrap_err().contains("can't be read"), "{deep}");
    }
}
