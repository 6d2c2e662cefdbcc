//! The two ways in which a server's clients speak with it.

use super::Terminal;
use super::work::Work;

/// How terminals are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// Bytes in a WebSocket's messages
    WebSocket,
    /// Text in events of Socket.IO, over a WebSocket from the start
    SocketIo,
}

impl Face {
    pub(crate) const fn peer(self) -> Terminal {
        Terminal::NodePty(self)
    }

    pub(crate) const fn ours(self) -> Terminal {
        Terminal::Ours(self)
    }

    /// Those that serve terminals by it.
    pub(crate) const fn servers(self) -> [Terminal; 2] {
        [self.peer(), self.ours()]
    }

    /// As much as a raw terminal shows, of whatever the face carries: events hold text, so all bytes are ASCII there.
    pub(crate) const fn bulk(self, bytes: u64) -> Work {
        match self {
            Self::WebSocket => Work::BulkRaw { bytes },
            Self::SocketIo => Work::BulkText { bytes },
        }
    }

    /// The script of the peer.
    pub(super) const fn script(self) -> &'static str {
        match self {
            Self::WebSocket => "terminal-server.mjs",
            Self::SocketIo => "socketio-server.mjs",
        }
    }
}
