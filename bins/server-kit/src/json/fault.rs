//! What serde says of a value that doesn't fit, told to the one who sent it: which field, and what was expected. Never
//! the value itself, which may be a secret in the wrong place.

use http::StatusCode;

use crate::problem::Problem;

/// Most characters of a field's name or of what was expected.
const MAX: usize = 120;

/// The problem a failed deserialisation is.
pub(super) fn told<E: std::error::Error>(error: serde_path_to_error::Error<E>) -> Problem {
    let path = error.path().to_string();
    let path = if path == "." { "" } else { path.as_str() };
    let message = error.inner().to_string();
    if let Some(name) = quoted_after(&message, "unknown field `") {
        let message = format!("there is no field `{}`", cut(name));
        return Problem::new(StatusCode::BAD_REQUEST, "unknown_field", message).field(below(path, name));
    }
    if let Some(name) = quoted_after(&message, "missing field `") {
        return Problem::invalid(below(path, name), format!("`{}` is missing", cut(name)));
    }
    if let Some(name) = quoted_after(&message, "duplicate field `") {
        return Problem::invalid(below(path, name), format!("`{}` stands twice", cut(name)));
    }
    let expected = expectation(&message);
    if path.is_empty() {
        return Problem::new(StatusCode::BAD_REQUEST, "invalid_request", expected);
    }
    Problem::invalid(cut(path).to_owned(), format!("`{}`: {expected}", cut(path)))
}

/// What serde expected, without what it found.
fn expectation(message: &str) -> String {
    let start = message.rfind("expected ");
    let wanted = start.map(|start| &message[start..]).unwrap_or_default();
    let wanted = wanted.split(" at line ").next().unwrap_or_default();
    match wanted {
        "" => "this value can't be used".to_owned(),
        wanted if wanted.starts_with("expected struct ") => "expected a JSON object".to_owned(),
        wanted => cut(wanted).to_owned(),
    }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    let rest = message.strip_prefix(start)?;
    let end = rest.find("`, ").or_else(|| rest.find('`'))?;
    Some(&rest[..end])
}

/// The name of a field below a path; serde's path ends with the field itself where that was read.
fn below(path: &str, name: &str) -> String {
    let name = cut(name);
    let path = path.strip_suffix(name).map_or(path, |parent| parent.trim_end_matches('.'));
    if path.is_empty() { name.to_owned() } else { format!("{}.{name}", cut(path)) }
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(MAX).map_or(text, |(end, _)| &text[..end])
}
