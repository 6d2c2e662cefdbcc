//! Bytes become messages: pure, whatever the pieces they come in. RFC 6455, section 5.

use bytes::Bytes;

use super::Fault;
use super::frame::{CONTROL_BYTES, Control, Opcode, unmask};

/// The longest head: two bytes, a length of eight, a mask.
const HEAD_BYTES: usize = 14;
const MASK_BYTES: usize = 4;
/// The first growth of a message that comes in fragments, in bytes.
const FIRST_GROWTH: usize = 256;

/// What the bytes said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Binary(Bytes),
    Text(String),
    /// A text message that nobody wants; told once its head is complete.
    Unwanted,
    Close(Option<u16>),
    Ping(Control),
    Pong(Control),
}

/// What becomes of text messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    Taken,
    Unwanted,
}

/// Decodes what a client sends.
pub(super) struct Decoder {
    limit: usize,
    part: Part,
    within: Within,
    message: Vec<u8>,
    control: Control,
    keeps: Keeps,
}

/// Which part of a frame is being read.
enum Part {
    Head { bytes: [u8; HEAD_BYTES], have: usize },
    Payload(Payload),
}

const START: Part = Part::Head { bytes: [0; HEAD_BYTES], have: 0 };

/// The message that fragments are being read of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Binary,
    Text,
}

/// Which messages are of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Messages,
    Binary,
    Nothing,
}

impl Keeps {
    /// Whether this payload is.
    fn takes(self, kind: Kind) -> bool {
        match kind {
            Kind::Binary => self != Self::Nothing,
            Kind::Text => self == Self::Messages,
            Kind::Control(_) => false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Payload {
    kind: Kind,
    last: bool,
    key: [u8; MASK_BYTES],
    /// Where in the key the next byte is.
    key_at: usize,
    left: u64,
}

/// What becomes of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Binary,
    Text,
    Control(Opcode),
}

impl Decoder {
    /// With the most bytes of a message.
    pub(super) fn new(limit: usize, texts: Texts) -> Self {
        Self {
            limit,
            part: START,
            within: Within::Nothing,
            message: Vec::new(),
            control: Control::EMPTY,
            keeps: match texts {
                Texts::Taken => Keeps::Messages,
                Texts::Unwanted => Keeps::Binary,
            },
        }
    }

    /// Keeps no message any more, whatever its size, and looks for the close alone.
    pub(super) fn skim(&mut self) {
        self.keeps = Keeps::Nothing;
        self.message = Vec::new();
    }

    /// Takes from `input` until there is something to tell; nothing if all of it was taken before.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Fault> {
        loop {
            match self.part {
                Part::Head { .. } => {
                    let Some(payload) = self.head(input)? else { return Ok(None) };
                    self.part = Part::Payload(payload);
                    if payload.kind == Kind::Text && self.within == Within::Nothing {
                        self.within = Within::Text;
                        if self.keeps != Keeps::Messages {
                            return Ok(Some(Event::Unwanted));
                        }
                    }
                }
                Part::Payload(payload) => {
                    let payload = self.payload(payload, input);
                    if payload.left > 0 {
                        self.part = Part::Payload(payload);
                        return Ok(None);
                    }
                    self.part = START;
                    if let Some(event) = self.finish(payload)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    /// The head, once it is complete. Faults are told as soon as the bytes that say so are there.
    fn head(&mut self, input: &mut &[u8]) -> Result<Option<Payload>, Fault> {
        let Part::Head { bytes, have } = &mut self.part else { return Ok(None) };
        if !fill(bytes, have, input, 2) {
            return Ok(None);
        }
        let kind = kind(*bytes, self.within)?;
        let lengths = match bytes[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if !fill(bytes, have, input, 2 + lengths) {
            return Ok(None);
        }
        let left = length(*bytes)?;
        if self.keeps.takes(kind) {
            let room = self.limit.saturating_sub(self.message.len());
            if left > room as u64 {
                return Err(Fault::TooLarge);
            }
        }
        if !fill(bytes, have, input, 2 + lengths + MASK_BYTES) {
            return Ok(None);
        }
        let mut key = [0; MASK_BYTES];
        key.copy_from_slice(&bytes[2 + lengths..2 + lengths + MASK_BYTES]);
        Ok(Some(Payload { kind, last: bytes[0] & 0x80 != 0, key, key_at: 0, left }))
    }

    fn payload(&mut self, mut payload: Payload, input: &mut &[u8]) -> Payload {
        let taken = usize::try_from(payload.left).map_or(input.len(), |left| left.min(input.len()));
        let (bytes, rest) = input.split_at(taken);
        *input = rest;
        match payload.kind {
            Kind::Control(_) => unmask(self.control.extend(bytes), payload.key, payload.key_at),
            kind if self.keeps.takes(kind) => {
                let start = self.message.len();
                self.grow(taken, payload);
                self.message.extend_from_slice(bytes);
                unmask(&mut self.message[start..], payload.key, payload.key_at);
            }
            Kind::Binary | Kind::Text => {}
        }
        payload.key_at = (payload.key_at + taken) % MASK_BYTES;
        payload.left -= taken as u64;
        payload
    }

    /// Makes room for what came, not for what was announced: twice what there was, up to what the message can need.
    fn grow(&mut self, more: usize, payload: Payload) {
        let (length, capacity) = (self.message.len(), self.message.capacity());
        if capacity - length >= more {
            return;
        }
        let left = usize::try_from(payload.left).unwrap_or(self.limit);
        let most = if payload.last { length.saturating_add(left) } else { self.limit };
        let wanted = capacity.saturating_mul(2).max(FIRST_GROWTH).min(most).max(length + more);
        self.message.reserve_exact(wanted - length);
    }

    fn finish(&mut self, payload: Payload) -> Result<Option<Event>, Fault> {
        let opcode = match payload.kind {
            Kind::Control(opcode) => opcode,
            Kind::Binary | Kind::Text if payload.last => {
                let was = std::mem::replace(&mut self.within, Within::Nothing);
                return self.whole(was);
            }
            Kind::Binary => {
                self.within = Within::Binary;
                return Ok(None);
            }
            Kind::Text => return Ok(None),
        };
        let control = std::mem::replace(&mut self.control, Control::EMPTY);
        Ok(Some(match opcode {
            Opcode::Ping => Event::Ping(control),
            Opcode::Pong => Event::Pong(control),
            _ => Event::Close(close_code(control.as_slice())?),
        }))
    }

    /// The message that is complete.
    fn whole(&mut self, was: Within) -> Result<Option<Event>, Fault> {
        let message = std::mem::take(&mut self.message);
        Ok(match was {
            Within::Text if self.keeps == Keeps::Messages => {
                Some(Event::Text(String::from_utf8(message).map_err(|_| Fault::NotUtf8)?))
            }
            Within::Text => None,
            Within::Nothing | Within::Binary => Some(Event::Binary(message.into_boxed_slice().into())),
        })
    }
}

/// Takes from `input` until there are `goal` bytes of the head.
fn fill(bytes: &mut [u8; HEAD_BYTES], have: &mut usize, input: &mut &[u8], goal: usize) -> bool {
    let (taken, rest) = input.split_at(goal.saturating_sub(*have).min(input.len()));
    bytes[*have..*have + taken.len()].copy_from_slice(taken);
    *have += taken.len();
    *input = rest;
    *have >= goal
}

/// What the first two bytes of a head say, checked.
fn kind(head: [u8; HEAD_BYTES], within: Within) -> Result<Kind, Fault> {
    let (last, reserved) = (head[0] & 0x80 != 0, head[0] & 0x70);
    let (masked, length) = (head[1] & 0x80 != 0, usize::from(head[1] & 0x7f));
    if reserved != 0 {
        return Err(Fault::Protocol("a reserved bit is set"));
    }
    let opcode = Opcode::of(head[0] & 0x0f).ok_or(Fault::Protocol("a reserved opcode"))?;
    if !masked {
        return Err(Fault::Protocol("a frame without a mask"));
    }
    if opcode.is_control() {
        return match (last, length) {
            (false, _) => Err(Fault::Protocol("a control frame in fragments")),
            (true, ..=CONTROL_BYTES) => Ok(Kind::Control(opcode)),
            (true, _) => Err(Fault::Protocol("a control frame above 125 bytes")),
        };
    }
    match (opcode, within) {
        (Opcode::Continuation, Within::Nothing) => Err(Fault::Protocol("a continuation without a start")),
        (Opcode::Continuation, Within::Binary) | (Opcode::Binary, Within::Nothing) => Ok(Kind::Binary),
        (Opcode::Continuation, Within::Text) | (Opcode::Text, Within::Nothing) => Ok(Kind::Text),
        _ => Err(Fault::Protocol("a message inside another one")),
    }
}

/// The length of the payload, written in any of its three ways.
fn length(head: [u8; HEAD_BYTES]) -> Result<u64, Fault> {
    let [_, short, a, b, c, d, e, f, g, h, ..] = head;
    match short & 0x7f {
        126 => Ok(u16::from_be_bytes([a, b]).into()),
        127 if a & 0x80 != 0 => Err(Fault::Protocol("a length of 64 bits")),
        127 => Ok(u64::from_be_bytes([a, b, c, d, e, f, g, h])),
        short => Ok(short.into()),
    }
}

/// The code of a close frame, if it has one that may be sent.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Fault> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        [_] => return Err(Fault::Protocol("a close of one byte")),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Fault::Protocol("a close with a code that is none"));
    }
    std::str::from_utf8(reason).map_err(|_| Fault::NotUtf8)?;
    Ok(Some(code))
}

#[cfg(test)]
mod tests;
