//! What kind of line this is, told without parsing it.
//!
//! Keys come in any order (`result` lines have `type` near the end), so the scan walks the members of the
//! outermost object and steps over their values; it stops as soon as it knows what it was asked for. A text
//! of 100 KB in between costs one search for its closing quote.

use memchr::memchr2;

/// The kinds of lines that Claude Code writes with `--output-format stream-json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `system/init`: session, model, tools. At the start of each turn the CLI runs, not always the first line.
    Init,
    /// Any other `system` line.
    System,
    /// One content block of an answer.
    Assistant,
    /// Results of tools, and texts that the CLI adds itself.
    User,
    /// A Messages API event, with partial messages.
    StreamEvent,
    /// The end of a turn; there may be several.
    Result,
    /// The CLI asks.
    ControlRequest,
    /// What the CLI asked is void.
    ControlCancel,
    /// The CLI answers.
    ControlResponse,
    /// JSON of another type, or of none.
    Unknown,
    /// No JSON object.
    Garbage,
}

impl Kind {
    /// Whether the line belongs to the control protocol and not to the conversation.
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(self, Self::ControlRequest | Self::ControlCancel | Self::ControlResponse)
    }
}

/// The head of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) kind: Kind,
    /// As it stands between the quotes, if it was asked for and has no escape.
    pub(crate) session_id: Option<&'a [u8]>,
}

/// Tells the kind of `line`, and its session where `wants_session`.
pub(crate) fn scan(line: &[u8], wants_session: bool) -> Head<'_> {
    let mut found = Found { kind: leading_type(line), ..Found::default() };
    if found.suffices(wants_session) {
        return Head { kind: found.kind(), session_id: None };
    }
    let mut walk = Walk { rest: line };
    let is_object = walk.members(|name, value| {
        match name {
            b"type" => found.kind = string(value),
            b"subtype" => found.subtype = string(value),
            b"session_id" => found.session_id = string(value),
            _ => {}
        }
        !found.suffices(wants_session)
    });
    let kind = if is_object.is_some() { found.kind() } else { Kind::Garbage };
    Head { kind, session_id: found.session_id }
}

/// The longest name of a type that is looked for at the start of a line; longer ones are found by walking.
const TYPE_BYTES: usize = 32;

/// The type where it is the first member, as in nearly all lines.
fn leading_type(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(br#"{"type":""#)?;
    let end = rest.iter().take(TYPE_BYTES).position(|byte| matches!(byte, b'"' | b'\\'))?;
    (rest[end] == b'"').then_some(&rest[..end])
}

/// Hands each member of the object that `text` is to `take`: name and value as they are written. `None` where `text`
/// is no object; values are stepped over and not looked into.
pub(super) fn each_member<'a>(text: &'a [u8], mut take: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
    let mut walk = Walk { rest: text };
    walk.members(|name, value| {
        take(name, value);
        true
    })?;
    (walk.rest.trim_ascii_end() == b"}").then_some(())
}

#[derive(Default)]
struct Found<'a> {
    kind: Option<&'a [u8]>,
    subtype: Option<&'a [u8]>,
    session_id: Option<&'a [u8]>,
}

impl Found<'_> {
    fn suffices(&self, wants_session: bool) -> bool {
        match self.kind {
            None => false,
            Some(b"system") if self.subtype.is_none() => false,
            Some(kind) => !wants_session || self.session_id.is_some() || kind.starts_with(b"control_"),
        }
    }

    fn kind(&self) -> Kind {
        match self.kind {
            Some(b"system") if self.subtype == Some(b"init") => Kind::Init,
            Some(b"system") => Kind::System,
            Some(b"assistant") => Kind::Assistant,
            Some(b"user") => Kind::User,
            Some(b"stream_event") => Kind::StreamEvent,
            Some(b"result") => Kind::Result,
            Some(b"control_request") => Kind::ControlRequest,
            Some(b"control_cancel_request") => Kind::ControlCancel,
            Some(b"control_response") => Kind::ControlResponse,
            _ => Kind::Unknown,
        }
    }
}

/// The inside of a string value without escapes.
pub(super) fn string(value: &[u8]) -> Option<&[u8]> {
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!inside.contains(&b'\\')).then_some(inside)
}

/// A position in JSON text. Steps return `None` where the text is not what it should be.
struct Walk<'a> {
    rest: &'a [u8],
}

impl<'a> Walk<'a> {
    /// Hands each member of the object to `take` until that says stop.
    fn members(&mut self, mut take: impl FnMut(&'a [u8], &'a [u8]) -> bool) -> Option<()> {
        self.step_over(b'{')?;
        if self.peek()? == b'}' {
            return Some(());
        }
        loop {
            let name = self.value()?;
            let name = name.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
            self.step_over(b':')?;
            let value = self.value()?;
            if !take(name, value) {
                return Some(());
            }
            match self.peek()? {
                b',' => self.rest = &self.rest[1..],
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn step_over(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.rest = &self.rest[1..])
    }

    /// Steps over one value and returns its text.
    fn value(&mut self) -> Option<&'a [u8]> {
        let length = match self.peek()? {
            b'"' => string_length(self.rest)?,
            b'{' | b'[' => nested_length(self.rest)?,
            b',' | b'}' | b']' | b':' => return None,
            _ => self.rest.iter().position(|byte| b",}] \t\r\n".contains(byte))?,
        };
        let (value, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(value)
    }
}

/// How long the string is that `text` begins with, quotes included.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        match text[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// How long the object or array is that `text` begins with.
fn nested_length(text: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match *text.get(at)? {
            b'"' => at += string_length(&text[at..])?,
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' if depth == 1 => return Some(at + 1),
            b'}' | b']' => (at, depth) = (at + 1, depth - 1),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_come_in_any_order() {
        let line = br#"{"usage":{"a":["}",{"type":"x"}]},"session_id":"s-1","note":"\"type\":\"user\"","subtype":"success","type":"result"}"#;
        assert_eq!(scan(line, true), Head { kind: Kind::Result, session_id: Some(b"s-1") });
        assert_eq!(scan(br#" { "subtype" : "init" , "type" : "system" } "#, false).kind, Kind::Init);
        assert_eq!(scan(br#"{"type":"system","subtype":"status"}"#, true).kind, Kind::System);
    }

    #[test]
    fn it_stops_when_it_knows() {
        // What stands behind is not even JSON.
        assert_eq!(scan(br#"{"type":"assistant","message":oops"#, false).kind, Kind::Assistant);
    }

    #[test]
    fn what_is_no_object_is_garbage() {
        for garbage in [&b""[..], b"[]", b"\"type\"", b"{", b"{\"type\"}", b"{\"type\":}", b"\xff", b"{a:1}"]
        {
            assert_eq!(scan(garbage, false).kind, Kind::Garbage, "{:?}", String::from_utf8_lossy(garbage));
        }
    }

    #[test]
    fn other_types_are_unknown() {
        for line in [&b"{}"[..], br#"{"type":"novel"}"#, br#"{"type":7}"#, br#"{"a":1}"#] {
            assert_eq!(scan(line, true).kind, Kind::Unknown);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_told_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = scan(&bytes, true);
        }

        #[test]
        fn any_object_gives_the_type_that_a_parser_gives(
            members in prop::collection::btree_map("[a-z_\"\\\\]{0,8}", "[ -~\u{e9}\"\\\\]{0,20}", 0..8),
        ) {
            let mut object: serde_json::Map<_, _> = members.into_iter().map(|(k, v)| (k, v.into())).collect();
            object.insert("type".into(), "user".into());
            let line = serde_json::to_vec(&object).unwrap();
            prop_assert_eq!(scan(&line, false).kind, Kind::User);
        }
    }
}
