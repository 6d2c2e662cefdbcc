//! What a call's input must look like, and how a version says what is wrong with it.

use serde_json::{Value, json};

use super::answer::{Issues, Refusal};
use super::rows::Row;
use super::versions::Version;

/// One field of an input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<'a> {
    name: &'a str,
    kind: Kind,
    presence: Presence,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text of any length.
    Text,
    /// A text of at least one character.
    Name,
    /// A number, or a text that reads as one.
    NumberLike,
    Flag,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An application's name on the server.
    AppName,
    /// A host, where the version checks it.
    Host,
    Port,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    /// It may be left out.
    Optional,
    /// It may be left out, or be null.
    Nullable,
    /// It may be null, but not be left out.
    PresentOrNull,
}

impl<'a> Rule<'a> {
    pub(super) const fn required(name: &'a str, kind: Kind) -> Self {
        Self { name, kind, presence: Presence::Required }
    }

    pub(super) const fn optional(name: &'a str, kind: Kind) -> Self {
        Self { name, kind, presence: Presence::Optional }
    }

    pub(super) const fn nullable(name: &'a str, kind: Kind) -> Self {
        Self { name, kind, presence: Presence::Nullable }
    }

    pub(super) const fn present_or_null(name: &'a str, kind: Kind) -> Self {
        Self { name, kind, presence: Presence::PresentOrNull }
    }
}

/// Checks an input by rules, in their order.
pub(super) fn check(version: Version, input: &Row, rules: &[Rule<'_>]) -> Result<(), Refusal> {
    let mut issues = Issues::default();
    for rule in rules {
        if let Some(wrong) = find(version, rule, input.get(rule.name)) {
            let message = wrong.message(version);
            issues.issues.push(wrong.issue(version, rule.name, &message));
            issues.fields.insert(rule.name.to_owned(), json!([message]));
        }
    }
    if issues.issues.is_empty() { Ok(()) } else { Err(Refusal::invalid(issues)) }
}

/// A number, or a text that is read as one, as the server keeps it.
pub(super) fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => text.trim().parse::<i64>().ok().map(Value::from),
        _ => None,
    }
}

/// What is wrong with a field.
enum Wrong {
    Type { expected: &'static str, received: &'static str },
    TooShort,
    PortTooSmall,
    PortTooLarge,
    Option { options: &'static [&'static str], received: String },
    AppName,
    Host,
}

/// Read in the source of each version, not recorded.
const PORT_MAX: i64 = 65_535;

const APP_NAME: &str = "App name can only contain letters, numbers, dots, underscores and hyphens";
const HOST: &str = "Invalid domain name. Use only letters, numbers, hyphens and dots (e.g. example.com). \
                    Underscores are not allowed.";

fn find(version: Version, rule: &Rule<'_>, value: Option<&Value>) -> Option<Wrong> {
    let Some(value) = value else { return missing(rule) };
    if value.is_null() && matches!(rule.presence, Presence::Nullable | Presence::PresentOrNull) {
        return None;
    }
    let wrong = |expected| Some(Wrong::Type { expected, received: type_of(value) });
    let text = value.as_str();
    match (rule.kind, text) {
        (Kind::Flag, _) if value.is_boolean() => None,
        (Kind::Flag, _) => wrong("boolean"),
        (Kind::NumberLike, _) if number(value).is_some() => None,
        (Kind::NumberLike, Some(_)) => Some(Wrong::Type { expected: "number", received: "NaN" }),
        (Kind::NumberLike, _) => wrong("number"),
        (Kind::Port, Some(_)) if !version.is_strict() => wrong("number"),
        (Kind::Port, _) => match number(value).as_ref().and_then(Value::as_i64) {
            Some(port) if port < 1 => Some(Wrong::PortTooSmall),
            Some(port) if port > PORT_MAX => Some(Wrong::PortTooLarge),
            Some(_) => None,
            None => wrong("number"),
        },
        (_, None) => wrong("string"),
        (Kind::OneOf(options), Some(text)) if !options.contains(&text) => {
            Some(Wrong::Option { options, received: text.to_owned() })
        }
        (Kind::Name | Kind::AppName, Some("")) => Some(Wrong::TooShort),
        (Kind::AppName, Some(text)) if version.checks_app_names() && !is_app_name(text) => {
            Some(Wrong::AppName)
        }
        (Kind::Host, Some(text)) if version.is_strict() && !is_host(text) => Some(Wrong::Host),
        (Kind::Text | Kind::Name | Kind::AppName | Kind::Host | Kind::OneOf(_), Some(_)) => None,
    }
}

fn missing(rule: &Rule<'_>) -> Option<Wrong> {
    let expected = match (rule.presence, rule.kind) {
        (Presence::Optional | Presence::Nullable, _) => return None,
        (Presence::PresentOrNull, _) => "nonoptional",
        (Presence::Required, Kind::NumberLike | Kind::Port) => "number",
        (Presence::Required, Kind::Flag) => "boolean",
        (Presence::Required, _) => "string",
    };
    Some(Wrong::Type { expected, received: "undefined" })
}

fn is_app_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    !text.is_empty() && text.bytes().all(allowed)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Wrong {
    fn message(&self, version: Version) -> String {
        let is_strict = version.is_strict();
        match self {
            Self::Type { expected, received } if is_strict => {
                format!("Invalid input: expected {expected}, received {received}")
            }
            Self::Type { received: "undefined", .. } => "Required".to_owned(),
            Self::Type { expected, received } => {
                format!("Expected {expected}, received {}", received.to_ascii_lowercase())
            }
            Self::TooShort if is_strict => "Too small: expected string to have >=1 characters".to_owned(),
            Self::TooShort => "String must contain at least 1 character(s)".to_owned(),
            Self::PortTooSmall => "Port must be at least 1".to_owned(),
            Self::PortTooLarge => format!("Port must be {PORT_MAX} or below"),
            Self::Option { options, .. } if is_strict => {
                format!("Invalid option: expected one of \"{}\"", options.join("\"|\""))
            }
            Self::Option { options, received } => {
                let options = options.join("' | '");
                format!("Invalid enum value. Expected '{options}', received '{received}'")
            }
            Self::AppName => APP_NAME.to_owned(),
            Self::Host => HOST.to_owned(),
        }
    }

    fn issue(&self, version: Version, field: &str, message: &str) -> Value {
        let mut issue = if version.is_strict() { self.told() } else { self.told_before() };
        issue["path"] = json!([field]);
        issue["message"] = message.into();
        issue
    }

    /// As told since the line of 0.30.
    fn told(&self) -> Value {
        match self {
            Self::Type { expected, received: "NaN" } => {
                json!({ "expected": expected, "code": "invalid_type", "received": "NaN" })
            }
            Self::Type { expected, .. } => json!({ "expected": expected, "code": "invalid_type" }),
            Self::TooShort => {
                json!({ "origin": "string", "code": "too_small", "minimum": 1, "inclusive": true })
            }
            Self::PortTooSmall => {
                json!({ "origin": "number", "code": "too_small", "minimum": 1, "inclusive": true })
            }
            Self::PortTooLarge => {
                json!({ "origin": "number", "code": "too_big", "maximum": PORT_MAX, "inclusive": true })
            }
            Self::Option { options, .. } => json!({ "code": "invalid_value", "values": options }),
            Self::AppName => {
                let pattern = "/^[a-zA-Z0-9._-]+$/";
                json!({ "origin": "string", "code": "invalid_format", "format": "regex", "pattern": pattern })
            }
            Self::Host => json!({ "code": "custom" }),
        }
    }

    fn told_before(&self) -> Value {
        let too_small = |kind| json!({ "code": "too_small", "minimum": 1, "type": kind, "inclusive": true, "exact": false });
        match self {
            Self::Type { expected, received } => {
                let received = received.to_ascii_lowercase();
                json!({ "code": "invalid_type", "expected": expected, "received": received })
            }
            Self::TooShort => too_small("string"),
            Self::PortTooSmall => too_small("number"),
            Self::PortTooLarge => {
                json!({ "code": "too_big", "maximum": PORT_MAX, "type": "number", "inclusive": true, "exact": false })
            }
            Self::Option { options, received } => {
                json!({ "received": received, "code": "invalid_enum_value", "options": options })
            }
            Self::AppName => json!({ "validation": "regex", "code": "invalid_string" }),
            Self::Host => json!({ "code": "custom" }),
        }
    }
}
