//! Claude Code's own lines, byte for byte, without those of the control protocol; or a turn's events.

use bytes::{Bytes, BytesMut};
use claude_core::TurnEvent;
use claude_core::cli::Output;

pub(super) fn bytes(output: &Output) -> Bytes {
    let Some(line) = output.line.as_ref().filter(|_| !output.is_control()) else { return Bytes::new() };
    let mut bytes = BytesMut::with_capacity(line.len() + 1);
    bytes.extend_from_slice(line);
    if !output.is_cut {
        bytes.extend_from_slice(b"\n");
    }
    bytes.freeze()
}

/// An event as a line of JSON.
pub(super) fn line(event: &TurnEvent) -> Vec<u8> {
    // Every event is made of what JSON knows.
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line
}
