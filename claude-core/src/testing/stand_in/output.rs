//! Standard output: written at once, and never a reason to stop.

use std::fs::File;
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, OwnedFd};

/// Bytes per write. What a pipe holds by default: larger writes keep waking up writer and reader for parts of it
/// and were a third slower.
const PIECE: usize = 64 * 1024;

/// Unbuffered standard output that counts its lines.
#[derive(Debug)]
pub(super) struct Output {
    stream: Stream,
    lines: u64,
}

#[derive(Debug)]
enum Stream {
    /// A duplicate of the descriptor: `std::io::stdout` would scan every write for line feeds.
    Open(ManuallyDrop<File>),
    /// The reader is gone. Like the real CLI we work on.
    Closed,
}

impl Output {
    pub(super) fn new() -> Self {
        let descriptor: io::Result<OwnedFd> = io::stdout().as_fd().try_clone_to_owned();
        let stream = match descriptor {
            Ok(descriptor) => Stream::Open(ManuallyDrop::new(File::from(descriptor))),
            Err(_) => Stream::Closed,
        };
        Self { stream, lines: 0 }
    }

    /// Lines written so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Writes a line and its line feed.
    pub(super) fn line(&mut self, line: &str) {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self.write_lines(&bytes, 1);
    }

    /// Writes bytes that hold so many lines.
    pub(super) fn write_lines(&mut self, bytes: &[u8], lines: u64) {
        self.lines += lines;
        self.write(bytes);
    }

    /// Writes bytes that are no line.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            if let Stream::Open(file) = &mut self.stream
                && file.write_all(piece).is_err()
            {
                self.stream = Stream::Closed;
            }
        }
    }
}
