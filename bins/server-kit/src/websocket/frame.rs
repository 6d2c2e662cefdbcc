//! How frames are written down: RFC 6455, section 5.2.

use smallvec::SmallVec;

/// Bytes that a control frame may carry.
pub(super) const CONTROL_BYTES: usize = 125;

const FIN: u8 = 0x80;
/// Lengths from here on are written in two bytes.
const TWO_BYTES: usize = 126;
/// Lengths from here on are written in eight bytes.
const EIGHT_BYTES: usize = 1 << 16;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    pub(super) const fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// What the sender has to put in front of its pieces: a pong, a ping or close, and the head of a data frame.
pub(super) type Front = SmallVec<[u8; 160]>;

/// Puts the head of a whole frame of a server, which masks nothing.
pub(super) fn put_head(opcode: Opcode, length: usize, front: &mut Front) {
    front.push(FIN | opcode.bits());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if length < TWO_BYTES => front.push(short),
        (_, Ok(medium)) if length < EIGHT_BYTES => {
            front.push(126);
            front.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            front.push(127);
            front.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Puts a control frame.
pub(super) fn put_control(opcode: Opcode, payload: &Control, front: &mut Front) {
    put_head(opcode, payload.as_slice().len(), front);
    front.extend_from_slice(payload.as_slice());
}

/// What a control frame carries.
#[derive(Clone, Copy)]
pub(super) struct Control {
    bytes: [u8; CONTROL_BYTES],
    length: usize,
}

impl Control {
    pub(super) const EMPTY: Self = Self { bytes: [0; CONTROL_BYTES], length: 0 };

    pub(super) fn of(payload: &[u8]) -> Self {
        let mut control = Self::EMPTY;
        control.extend(payload);
        control
    }

    /// Adds as much as there is room for.
    pub(super) fn extend(&mut self, payload: &[u8]) -> &mut [u8] {
        let start = self.length;
        let room = &mut self.bytes[start..];
        let added = payload.len().min(room.len());
        room[..added].copy_from_slice(&payload[..added]);
        self.length += added;
        &mut self.bytes[start..self.length]
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl PartialEq for Control {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Control {}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Control({} bytes)", self.length)
    }
}

/// Takes the mask off, or puts it on, with `key_at` the place in the key where they begin.
pub(super) fn unmask(bytes: &mut [u8], key: [u8; 4], key_at: usize) {
    let key: [u8; 8] = std::array::from_fn(|index| key[(key_at + index) % 4]);
    let wide = u64::from_ne_bytes(key);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_short_as_may_be() {
        for (length, head) in [
            (0, vec![0x82, 0]),
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (255, vec![0x82, 126, 0, 255]),
            (65_535, vec![0x82, 126, 0xff, 0xff]),
            (65_536, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut front = Front::new();
            put_head(Opcode::Binary, length, &mut front);
            assert_eq!(front.as_slice(), head, "{length}");
        }
    }

    #[test]
    fn masks_fit_wherever_a_payload_was_cut() {
        let key = [1, 2, 3, 4];
        let plain: Vec<u8> = (0..100).collect();
        let masked: Vec<u8> = plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        for cut in 0..plain.len() {
            let mut bytes = masked.clone();
            unmask(&mut bytes[..cut], key, 0);
            unmask(&mut bytes[cut..], key, cut);
            assert_eq!(bytes, plain, "{cut}");
        }
    }

    #[test]
    fn a_control_frame_takes_no_more_than_it_may() {
        assert_eq!(Control::of(&[7; 200]).as_slice(), [7; CONTROL_BYTES]);
    }
}
