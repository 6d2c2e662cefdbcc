//! How events are written: line ends, and whether they are named.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::object::Object;
use crate::text::{Json, Text};

/// How the lines of a stream end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// A line feed, as the API sends it.
    #[default]
    Lf,
    /// A carriage return and a line feed.
    CrLf,
    /// A carriage return alone, which event streams allow too.
    Cr,
}

/// The form of all events of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wire {
    pub(super) line_end: LineEnd,
    pub(super) named: Named,
}

/// Which events have an `event:` line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Named {
    #[default]
    All,
    AllButErrors,
    None,
}

impl Wire {
    /// An event of this type with this JSON as its data.
    pub(super) fn event(self, kind: &str, data: &str) -> Bytes {
        let end = self.line_end.as_str();
        let mut bytes = BytesMut::with_capacity(kind.len() + data.len() + 24);
        if self.names(kind) {
            for part in ["event: ", kind, end] {
                bytes.put_slice(part.as_bytes());
            }
        }
        for part in ["data: ", data, end, end] {
            bytes.put_slice(part.as_bytes());
        }
        bytes.freeze()
    }

    /// An event whose type is the data's own.
    pub(super) fn json(self, data: &Json) -> Bytes {
        let kind = data.read::<Object>().ok().and_then(|members| members.read::<Text>("type"));
        self.event(&kind.unwrap_or_default(), data.as_str())
    }

    /// Anything that serialises, as an event.
    pub(super) fn write(self, kind: &str, data: &impl Serialize) -> Bytes {
        // What is written here are our own structures, which always serialise.
        self.event(kind, &serde_json::to_string(data).unwrap_or_default())
    }

    fn names(self, kind: &str) -> bool {
        match self.named {
            Named::All => true,
            Named::AllButErrors => kind != "error",
            Named::None => false,
        }
    }
}

impl LineEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}
