//! Reading from a tree's stream without ever waiting for it.

use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::wire::FRAME_BYTES;
use crate::wire::body::{self, LENGTH_BYTES};

/// What one read brought.
#[derive(Debug)]
pub(crate) enum Received<T> {
    Whole(T),
    /// More is to come.
    Part,
    /// The other side is gone, or talks nonsense.
    Gone,
}

/// A launch body on its way in.
#[derive(Debug, Default)]
pub(crate) struct BodyReader {
    prefix: [u8; LENGTH_BYTES],
    body: Vec<u8>,
    filled: usize,
}

impl BodyReader {
    pub(crate) fn read(&mut self, stream: impl AsFd) -> Received<Vec<u8>> {
        loop {
            let place = match self.filled.checked_sub(LENGTH_BYTES) {
                None => &mut self.prefix[self.filled..],
                Some(filled) => &mut self.body[filled..],
            };
            match read(&stream, place) {
                Received::Whole(count) => self.filled += count,
                Received::Part => return Received::Part,
                Received::Gone => return Received::Gone,
            }
            if self.filled == LENGTH_BYTES {
                let Some(length) = body::length(self.prefix) else { return Received::Gone };
                // In one piece from the start: growing would leave copies of secrets behind.
                self.body = vec![0; length];
            }
            if self.filled == LENGTH_BYTES + self.body.len() && self.filled > LENGTH_BYTES {
                return Received::Whole(std::mem::take(&mut self.body));
            }
        }
    }
}

/// Overwrites what carried secrets.
pub(crate) fn wipe(mut bytes: Vec<u8>) {
    bytes.fill(0);
    // Without a reader the compiler would leave the writes out.
    std::hint::black_box(&bytes);
}

/// Control frames on their way in.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    bytes: [u8; FRAME_BYTES],
    filled: usize,
}

impl FrameReader {
    pub(crate) fn read(&mut self, stream: impl AsFd) -> Received<[u8; FRAME_BYTES]> {
        while self.filled < FRAME_BYTES {
            match read(&stream, &mut self.bytes[self.filled..]) {
                Received::Whole(count) => self.filled += count,
                Received::Part => return Received::Part,
                Received::Gone => return Received::Gone,
            }
        }
        self.filled = 0;
        Received::Whole(self.bytes)
    }
}

fn read(stream: impl AsFd, place: &mut [u8]) -> Received<usize> {
    loop {
        return match rustix::io::read(&stream, &mut *place) {
            Ok(0) => Received::Gone,
            Ok(count) => Received::Whole(count),
            Err(Errno::AGAIN) => Received::Part,
            Err(Errno::INTR) => continue,
            Err(_) => Received::Gone,
        };
    }
}
