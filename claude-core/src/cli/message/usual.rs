//! The line that comes for each piece of an answer, as the CLI writes it: read by the scanner that reads the API's own
//! stream. What is written in any other way gives `None` and is left to the parser of all shapes.

use bytes::Bytes;

use super::{ApiEvent, Delta, StreamEvent};
use crate::cli::line::{each_member, string};
use crate::messages::{self, usual_delta};
use crate::text::Text;

/// The longest line that is read here; with longer ones the parser is as fast.
const LINE_BYTES: usize = 4 << 10;

/// An event with a piece of a block.
pub(super) fn stream_event(line: &Bytes) -> Option<StreamEvent> {
    if line.len() > LINE_BYTES {
        return None;
    }
    let (mut event, mut parent) = (None, None);
    each_member(line, |name, value| match name {
        b"event" => event = Some(value),
        b"parent_tool_use_id" => parent = Some(value),
        _ => {}
    })?;
    let parent_tool_use_id = text(line, parent)?;
    let (index, delta) = usual_delta(line, event?, &mut Vec::new(), |text| Text::from(text))?;
    let (kind, text, thinking, partial_json) = match delta {
        messages::Delta::Text(text) => ("text_delta", Some(text), None, None),
        messages::Delta::Thinking(text) => ("thinking_delta", None, Some(text), None),
        messages::Delta::InputJson(text) => ("input_json_delta", None, None, Some(text)),
        _ => return None,
    };
    let delta = Delta { kind: Some(Text::from_static(kind)), text, thinking, partial_json };
    let event = ApiEvent {
        kind: Text::from_static("content_block_delta"),
        index: u64::try_from(index).ok(),
        message: None,
        content_block: None,
        delta: Some(delta),
        usage: None,
    };
    Some(StreamEvent { event, parent_tool_use_id })
}

/// A string that is missing or null, or one without escapes.
fn text(line: &Bytes, value: Option<&[u8]>) -> Option<Option<Text>> {
    match value {
        None | Some(b"null") => Some(None),
        Some(value) => {
            let text = std::str::from_utf8(string(value)?).ok()?;
            Some(Some(Text::slice_of(line, text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::read_slices;

    fn line(kind: &str, member: &str, inside: &str) -> Bytes {
        Bytes::from(format!(
            r#"{{"type":"stream_event","event":{{"type":"content_block_delta","index":3,"delta":{{"type":"{kind}","{member}":"{inside}"}}}},"session_id":"s","parent_tool_use_id":"t","uuid":"u"}}"#
        ))
    }

    #[test]
    fn it_reads_what_the_parser_reads() {
        for (kind, member) in
            [("text_delta", "text"), ("thinking_delta", "thinking"), ("input_json_delta", "partial_json")]
        {
            for inside in ["plain", r"a\nb \ud83d\ude00", r#"{\"a\":"#, "größer", ""] {
                let line = line(kind, member, inside);
                let parsed: StreamEvent = read_slices(&line).unwrap();
                assert_eq!(format!("{:?}", stream_event(&line).unwrap()), format!("{parsed:?}"));
            }
        }
    }

    #[test]
    fn it_leaves_all_else_to_the_parser() {
        let good = line("text_delta", "text", "a");
        assert!(stream_event(&good).is_some());
        let text = std::str::from_utf8(&good).unwrap();
        for bad in [
            text.replace("text_delta", "signature_delta"),
            text.replace(r#""index":3"#, r#""index":-3"#),
            text.replace(r#""t","#, r#""\n","#),
            text.replace(r#""t","#, "7,"),
            format!("{text}x"),
            text[..text.len() - 1].to_owned(),
            text[..text.len() - 3].to_owned(),
        ] {
            assert!(stream_event(&Bytes::from(bad.clone())).is_none(), "{bad}");
        }
    }
}
