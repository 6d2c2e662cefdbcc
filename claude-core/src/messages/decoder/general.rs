//! Any event, parsed.

use bytes::Bytes;

use super::Malformed;
use crate::messages::event::{ApiError, Delta, Event};
use crate::messages::message::Message;
use crate::object::Object;
use crate::sse;
use crate::text::{Json, Text, read_slices};

/// The event; none where there is neither a known name nor data.
pub(super) fn read(event: sse::Event) -> Result<Option<Event>, Malformed> {
    let sse::Event { name, data } = event;
    let bytes: Bytes = data.clone().into_bytes();
    let members = read_slices::<Object>(&bytes).ok();
    let told: Option<Text> = members.as_ref().and_then(|members| members.read_slices("type"));
    // The `event:` line is only a hint: gateways leave it out, or leave out the type.
    let is_told = told.is_some();
    let kind = told.unwrap_or(name);
    let Some(mut members) = members else { return not_json(kind, data) };
    Ok(Some(match &*kind {
        "message_start" => message_start(&mut members)?,
        "content_block_start" => {
            let content_block = Box::new(required(&mut members, "content_block", &kind)?);
            Event::ContentBlockStart { index: index(&members, &kind)?, content_block }
        }
        "content_block_delta" => {
            let raw = members.take("delta").ok_or_else(|| unusable(&kind))?;
            let delta = read_delta(&raw).ok_or_else(|| unusable(&kind))?;
            Event::ContentBlockDelta { index: index(&members, &kind)?, delta }
        }
        "content_block_stop" => Event::ContentBlockStop { index: index(&members, &kind)? },
        "message_delta" => {
            let delta = match members.take("delta") {
                Some(delta) => delta.read_slices::<Option<Object>>().map_err(|_| unusable(&kind))?,
                None => None,
            };
            // Gateways leave it out. What is none does not end the answer either.
            let usage = members.read_slices("usage").unwrap_or_default();
            Event::MessageDelta { delta: delta.unwrap_or_default(), usage }
        }
        "message_stop" => Event::MessageStop,
        "ping" => Event::Ping,
        "error" => Event::Error(api_error(&members, data)),
        _ if !is_told && members.get("error").is_some_and(|error| !error.is_null()) => {
            Event::Error(api_error(&members, data))
        }
        _ => Event::Unknown { name: kind, data },
    }))
}

/// Only the name tells what it is.
fn not_json(name: Text, data: Text) -> Result<Option<Event>, Malformed> {
    Ok(Some(match &*name {
        "ping" => Event::Ping,
        "message_stop" => Event::MessageStop,
        "error" => Event::Error(ApiError { kind: Text::from_static("api_error"), message: data }),
        "message_start"
        | "content_block_start"
        | "content_block_delta"
        | "content_block_stop"
        | "message_delta" => return Err(unusable(&name)),
        "message" if data.trim_ascii().is_empty() => return Ok(None),
        _ => Event::Unknown { name, data },
    }))
}

fn message_start(members: &mut Object) -> Result<Event, Malformed> {
    let message: Object = required(members, "message", "message_start")?;
    Ok(Event::MessageStart(Box::new(Message::from_members(message))))
}

fn index(members: &Object, kind: &str) -> Result<usize, Malformed> {
    members.read("index").ok_or_else(|| unusable(kind))
}

fn required<T: serde::de::DeserializeOwned>(
    members: &mut Object,
    name: &str,
    kind: &str,
) -> Result<T, Malformed> {
    let value = members.take(name).ok_or_else(|| unusable(kind))?;
    value.read_slices().map_err(|_| unusable(kind))
}

fn unusable(kind: &str) -> Malformed {
    Malformed::new(format!("`{kind}` has another shape than expected"))
}

/// A delta; none where its type is known but its text is no text. A null adds nothing.
fn read_delta(delta: &Json) -> Option<Delta> {
    let members: Object = delta.read_slices().ok()?;
    let text = |name: &str| {
        let piece: Option<Text> = members.get(name)?.read_slices().ok()?;
        Some(piece.unwrap_or_default())
    };
    let kind: Option<Text> = members.read_slices("type");
    Some(match kind.as_deref() {
        Some("text_delta") => Delta::Text(text("text")?),
        Some("input_json_delta") => Delta::InputJson(text("partial_json")?),
        Some("thinking_delta") => Delta::Thinking(text("thinking")?),
        Some("signature_delta") => Delta::Signature(text("signature")?),
        Some("citations_delta") => Delta::Citation(members.get("citation")?.clone()),
        _ => Delta::Other(delta.clone()),
    })
}

/// The API's error: `{"error": {"type", "message"}}`. Gateways write text in place of the object, or no `error`.
fn api_error(members: &Object, data: Text) -> ApiError {
    let api_error = Text::from_static("api_error");
    if let Some(error) = members.read_slices::<Object>("error") {
        let kind = error.read_slices("type").unwrap_or(api_error);
        return ApiError { kind, message: error.read_slices("message").unwrap_or(data) };
    }
    let message = members.read_slices("error").or_else(|| members.read_slices("message")).unwrap_or(data);
    ApiError { kind: api_error, message }
}
