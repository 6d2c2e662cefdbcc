//! The launch body: everything that a child gets, in one piece of memory that can be wiped.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;

use super::BODY_BYTES_MAX;
use crate::kernel::identity::Identity;

/// Bytes of the length that goes before a body.
pub(crate) const LENGTH_BYTES: usize = 8;

/// A launch as it lies in the received bytes; nothing is copied out of them, so that wiping them wipes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body<'a> {
    /// Resource code and value.
    pub(crate) limits: Vec<(u32, u64)>,
    /// Whom to become, if anybody else.
    pub(crate) identity: Option<Identity>,
    /// The cgroup to make, empty for none.
    pub(crate) cgroup: &'a CStr,
    pub(crate) cwd: &'a CStr,
    pub(crate) program: &'a CStr,
    /// `argv`, the program's name included.
    pub(crate) args: Vec<&'a CStr>,
    /// `KEY=value`; the marker is the first.
    pub(crate) env: Vec<&'a CStr>,
}

impl<'a> Body<'a> {
    /// Reads what [`Writer`] wrote, without the length in front.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader { rest: bytes };
        let arg_count = reader.u32()?;
        let env_count = reader.u32()?;
        let limit_count = reader.u32()?;
        let id_count = reader.u32()?;
        let limits = (0..limit_count).map(|_| Some((reader.u32()?, reader.u64()?))).collect::<Option<_>>()?;
        let ids: Vec<u32> = (0..id_count).map(|_| reader.u32()).collect::<Option<_>>()?;
        let identity = match ids[..] {
            [] => None,
            [uid, gid, ref groups @ ..] => Some(Identity::new(uid, gid, groups)?),
            _ => return None,
        };
        let [cgroup, cwd, program] = [reader.string()?, reader.string()?, reader.string()?];
        let args = (0..arg_count).map(|_| reader.string()).collect::<Option<_>>()?;
        let env = (0..env_count).map(|_| reader.string()).collect::<Option<_>>()?;
        Some(Body { limits, identity, cgroup, cwd, program, args, env })
    }
}

/// The length of the body to come, or nothing when it is out of range.
pub(crate) fn length(prefix: [u8; LENGTH_BYTES]) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(prefix)).ok().filter(|length| *length <= BODY_BYTES_MAX)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    fn string(&mut self) -> Option<&'a CStr> {
        let string = CStr::from_bytes_until_nul(self.rest).ok()?;
        self.rest = self.rest.get(string.count_bytes() + 1..)?;
        Some(string)
    }
}

/// Writes a body with its length in front. The strings must come in the order of [`Body`]'s fields, and hold
/// no NUL: what is not checked here is checked where the command is prepared.
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

/// What a body starts with: how many strings it holds, and all that is no string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) args: usize,
    pub(crate) env: usize,
    /// Resource code and value.
    pub(crate) limits: &'a [(u32, u64)],
    /// User, primary group and the other groups; empty for the owner's own.
    pub(crate) ids: &'a [u32],
}

impl Writer {
    /// Starts with the head. `None` when there is more than the format can count.
    pub(crate) fn new(head: Head<'_>) -> Option<Self> {
        let mut bytes = vec![0; LENGTH_BYTES];
        for count in [head.args, head.env, head.limits.len(), head.ids.len()] {
            bytes.extend_from_slice(&u32::try_from(count).ok()?.to_le_bytes());
        }
        for (code, value) in head.limits {
            bytes.extend_from_slice(&code.to_le_bytes());
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        for id in head.ids {
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        Some(Writer { bytes })
    }

    pub(crate) fn string(&mut self, string: &OsStr) -> &mut Self {
        self.bytes.extend_from_slice(string.as_bytes());
        self.bytes.push(0);
        self
    }

    pub(crate) fn variable(&mut self, key: &OsStr, value: &OsStr) -> &mut Self {
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.push(b'=');
        self.string(value)
    }

    /// The length and the body, or nothing when it is beyond [`BODY_BYTES_MAX`].
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        let length = self.bytes.len() - LENGTH_BYTES;
        if length > BODY_BYTES_MAX {
            return None;
        }
        self.bytes[..LENGTH_BYTES].copy_from_slice(&(length as u64).to_le_bytes());
        Some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(ids: &[u32]) -> Vec<u8> {
        let mut writer = Writer::new(Head { args: 2, env: 1, limits: &[(7, 64)], ids }).unwrap();
        for string in ["", "/tmp", "/bin/echo", "echo", "hello"] {
            writer.string(OsStr::new(string));
        }
        writer.variable(OsStr::new("K"), OsStr::new("v=w"));
        writer.finish().unwrap()
    }

    #[test]
    fn a_body_comes_back_as_it_went() {
        let bytes = written(&[1, 2, 3, 4]);
        let (prefix, rest) = bytes.split_first_chunk().unwrap();
        assert_eq!(length(*prefix), Some(rest.len()));
        let body = Body::decode(rest).unwrap();
        assert_eq!(body.limits, [(7, 64)]);
        assert_eq!(body.identity, Identity::new(1, 2, &[3, 4]));
        assert_eq!((body.cgroup, body.cwd, body.program), (c"", c"/tmp", c"/bin/echo"));
        assert_eq!(body.args, [c"echo", c"hello"]);
        assert_eq!(body.env, [c"K=v=w"]);
    }

    #[test]
    fn without_ids_nobody_else_is_meant_and_half_a_user_is_refused() {
        let identity = |ids: &[u32]| Body::decode(&written(ids)[LENGTH_BYTES..]).map(|body| body.identity);
        assert_eq!(identity(&[]), Some(None));
        assert_eq!(identity(&[1, 2]), Some(Identity::new(1, 2, &[])));
        for ids in [&[1][..], &[u32::MAX, 2], &[1, u32::MAX]] {
            assert_eq!(identity(ids), None, "{ids:?}");
        }
    }

    #[test]
    fn a_cut_body_is_refused() {
        let bytes = written(&[1, 2]);
        for end in LENGTH_BYTES..bytes.len() {
            assert_eq!(Body::decode(&bytes[LENGTH_BYTES..end]), None);
        }
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused_on_both_sides() {
        let mut writer = Writer::new(Head { args: 1, env: 0, limits: &[], ids: &[] }).unwrap();
        writer.string(OsStr::from_bytes(&vec![b'a'; BODY_BYTES_MAX]));
        assert!(writer.finish().is_none());
        assert_eq!(length((BODY_BYTES_MAX as u64 + 1).to_le_bytes()), None);
    }
}
