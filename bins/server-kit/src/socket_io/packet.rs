//! Packets, as text: Engine.IO 4 around Socket.IO 5. Pure.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The heartbeat.
pub(super) const PING: &str = "2";
/// Nothing, so that a poll ends.
pub(super) const NOOP: &str = "6";
/// The end of a session.
pub(super) const CLOSE: &str = "1";
/// What a client sends over a WebSocket that it wants to upgrade to, and the answer.
pub(super) const PROBE: &str = "2probe";
pub(super) const PROBED: &str = "3probe";
/// From now on the WebSocket is used.
pub(super) const UPGRADE: &str = "5";
/// Stands between the packets of one polling request or answer.
pub(super) const SEPARATOR: char = '\x1e';

/// The one namespace there is.
pub(super) const ROOT: &str = "/";

/// Most digits of a number in a packet's head.
const DIGITS_MOST: usize = 15;

/// What a client sent in one Engine.IO packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Close,
    Pong,
    Message(&'a str),
    /// Nothing that would have to be answered.
    Idle,
}

/// A client doesn't keep to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no packet")]
pub(super) struct NoPacket;

impl<'a> Frame<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, NoPacket> {
        let mut rest = text.chars();
        Ok(match rest.next() {
            Some('1') => Self::Close,
            Some('3') => Self::Pong,
            Some('4') => Self::Message(rest.as_str()),
            Some('2' | '6') => Self::Idle,
            _ => return Err(NoPacket),
        })
    }
}

/// What a client says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Packet<'a> {
    Connect {
        namespace: &'a str,
        auth: Value,
    },
    Disconnect {
        namespace: &'a str,
    },
    Event {
        namespace: &'a str,
        /// The number to acknowledge it by.
        id: Option<u64>,
        /// So many binary messages follow that belong to it.
        attachments: usize,
        name: String,
        arguments: Vec<Value>,
    },
    /// An answer to an event of ours.
    Acknowledgement {
        attachments: usize,
    },
}

impl<'a> Packet<'a> {
    /// Whether it is about to be one that connects.
    pub(super) fn connects(text: &str) -> bool {
        text.starts_with('0')
    }

    /// Reads the payload of an Engine.IO message.
    pub(super) fn parse(text: &'a str) -> Result<Self, NoPacket> {
        let (kind, rest) = text.split_at_checked(1).ok_or(NoPacket)?;
        let (attachments, rest) = match kind {
            "5" | "6" => {
                let (count, rest) = rest.split_once('-').ok_or(NoPacket)?;
                (number(count)?, rest)
            }
            _ => (0, rest),
        };
        let (namespace, rest) = match rest.strip_prefix('/') {
            Some(_) => rest.split_once(',').unwrap_or((rest, "")),
            None => (ROOT, rest),
        };
        let attachments = usize::try_from(attachments).map_err(|_| NoPacket)?;
        match kind {
            "0" => Ok(Self::Connect { namespace, auth: auth(rest)? }),
            "1" => Ok(Self::Disconnect { namespace }),
            "2" | "5" => event(rest, namespace, attachments),
            "3" | "6" => Ok(Self::Acknowledgement { attachments }),
            _ => Err(NoPacket),
        }
    }
}

fn event<'a>(text: &'a str, namespace: &'a str, attachments: usize) -> Result<Packet<'a>, NoPacket> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (id, payload) = text.split_at(digits);
    let id = if id.is_empty() { None } else { Some(number(id)?) };
    let named = serde_json::from_str(payload).or_else(|_| serde_json::from_str(&without_halves(payload)));
    let Named(name, arguments) = named.map_err(|_| NoPacket)?;
    Ok(Packet::Event { namespace, id, attachments, name, arguments })
}

/// JSON with U+FFFD for escapes of lone surrogates: halves of characters, of which JavaScript makes escapes where it cuts
/// a text in two, and which no UTF-8 has.
fn without_halves(json: &str) -> String {
    let (mut mended, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let (told, length) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (&escape[..12], 12),
            (Some(0xd800..=0xdfff), _) => ("\u{fffd}", 6),
            // The escaped character goes with its backslash.
            _ => {
                let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
                (&escape[..length], length)
            }
        };
        mended.push_str(told);
        rest = &escape[length..];
    }
    mended.push_str(rest);
    mended
}

/// The UTF-16 unit of an escape that stands at the beginning.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// An array of a name and what else there is.
struct Named(String, Vec<Value>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Named;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array that begins with a name")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut array: A) -> Result<Named, A::Error> {
                let name = array.next_element()?.ok_or_else(|| serde::de::Error::invalid_length(0, &self))?;
                let mut arguments = Vec::new();
                while let Some(argument) = array.next_element()? {
                    arguments.push(argument);
                }
                Ok(Named(name, arguments))
            }
        }
        deserializer.deserialize_seq(Visitor)
    }
}

/// What a client says of itself: an object, or nothing.
fn auth(text: &str) -> Result<Value, NoPacket> {
    if text.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(auth)) => Ok(Value::Object(auth)),
        _ => Err(NoPacket),
    }
}

fn number(digits: &str) -> Result<u64, NoPacket> {
    let is_number =
        (1..=DIGITS_MOST).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().map_err(|_| NoPacket) } else { Err(NoPacket) }
}

/// An event without its last bracket, up to where its one argument is written.
pub(super) fn begin_event(name: &str) -> Vec<u8> {
    let mut text = b"42[".to_vec();
    // A text is always JSON, and a vector takes it.
    let _ = serde_json::to_writer(&mut text, name);
    text.push(b',');
    text
}

pub(super) fn connected(id: &str) -> String {
    format!("40{}", json!({"sid": id}))
}

pub(super) fn connect_error(namespace: &str, code: &str, message: &str) -> String {
    let error = json!({"message": message, "data": {"code": code}});
    if namespace == ROOT { format!("44{error}") } else { format!("44{namespace},{error}") }
}

pub(super) fn disconnect() -> &'static str {
    "41"
}

pub(super) fn acknowledgement(id: u64) -> String {
    format!("43{id}[]")
}

#[cfg(test)]
mod tests;
