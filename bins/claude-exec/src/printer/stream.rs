//! Claude Code's own lines, byte for byte, without those of the control protocol.

use bytes::{Bytes, BytesMut};
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
