//! The lines of the real CLI as templates: recorded lines in which `"$name"` stands for a value.

/// A template: one line of JSON, in the key order of the CLI.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape(&'static str);

macro_rules! shapes {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) const $name: Shape = Shape(include_str!(concat!("shapes/", $file, ".json")));)*
        #[cfg(test)]
        const ALL: &[Shape] = &[$($name),*];
    };
}

shapes! {
    API_RETRY = "api_retry";
    ASSISTANT = "assistant";
    ASSISTANT_ERROR = "assistant_error";
    CAN_USE_TOOL = "can_use_tool";
    INIT = "init";
    INITIALIZED = "initialized";
    PERMISSION_DENIED = "permission_denied";
    RESULT = "result";
    RESULT_ABORTED = "result_aborted";
    RESULT_API_ERROR = "result_api_error";
    RESULT_UNKNOWN_SESSION = "result_unknown_session";
    STATUS_MODE = "status_mode";
    STATUS_REQUESTING = "status_requesting";
    STREAM_EVENT = "stream_event";
    USER_REPLAY = "user_replay";
    USER_TEXT = "user_text";
    USER_TOOL_RESULT = "user_tool_result";
}

/// A value for a template: its name and its JSON.
pub(super) type Field<'a> = (&'a str, String);

/// A field that is a string.
pub(super) fn text<'a>(name: &'a str, value: &str) -> Field<'a> {
    (name, quoted(value))
}

/// A field that is any other JSON.
pub(super) fn json<'a>(name: &'a str, value: &serde_json::Value) -> Field<'a> {
    (name, value.to_string())
}

/// The text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Shape {
    /// The line, without its line feed. A name without a value stays as it is.
    pub(super) fn fill(self, fields: &[Field<'_>]) -> String {
        let mut line = String::with_capacity(self.0.len());
        let mut rest = self.0.trim_end();
        while let Some((before, after)) = rest.split_once("\"$") {
            line.push_str(before);
            let Some((name, after)) = after.split_once('"') else { break };
            match fields.iter().find(|(field, _)| *field == name) {
                Some((_, json)) => line.push_str(json),
                None => line.extend(["\"$", name, "\""]),
            }
            rest = after;
        }
        line.push_str(rest);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one_line_of_json() {
        for shape in ALL {
            assert!(serde_json::from_str::<serde_json::Value>(shape.0).is_ok(), "{shape:?}");
            assert_eq!(shape.0.lines().count(), 1, "{shape:?}");
        }
    }

    #[test]
    fn a_value_that_looks_like_a_name_is_not_filled_again() {
        let line = Shape(r#"{"a":"$a","b":"$b"}"#).fill(&[text("a", "$b"), json("b", &1.into())]);
        assert_eq!(line, r#"{"a":"$b","b":1}"#);
    }
}
