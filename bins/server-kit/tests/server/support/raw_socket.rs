//! A WebSocket client that sends exactly the bytes it is told.

use super::{App, Connection};

pub(crate) const FIN: u8 = 0x80;

/// A connection after the handshake.
pub(crate) struct Raw {
    connection: Connection,
    read: Vec<u8>,
}

/// What the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Raw {
    pub(crate) async fn open(app: &App, target: &str) -> Self {
        Self::open_with(app, target, b"").await
    }

    /// With bytes that follow the handshake in the same write.
    pub(crate) async fn open_with(app: &App, target: &str, more: &[u8]) -> Self {
        let mut connection = Connection::open(app).await;
        let head = format!(
            "GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: other.v1\r\nsec-websocket-protocol: x, echo.v1\r\n\
             sec-websocket-extensions: permessage-deflate\r\n\r\n",
            app.address
        );
        connection.write([head.as_bytes(), more].concat()).await;
        let mut read = Vec::new();
        let end = loop {
            let more = connection.read().await;
            assert!(!more.is_empty(), "hung up after {:?}", String::from_utf8_lossy(&read));
            read.extend(more);
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
        assert!(head.contains("sec-websocket-protocol: echo.v1\r\n"), "{head}");
        assert!(!head.contains("extensions"), "{head}");
        read.drain(..end);
        Self { connection, read }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.connection.write(bytes).await;
    }

    /// The next frame; none when the server hung up.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.parse() {
                return Some(frame);
            }
            let more = self.connection.read().await;
            if more.is_empty() {
                assert_eq!(self.read, b"", "a torn frame");
                return None;
            }
            self.read.extend(more);
        }
    }

    /// The next frame that is no ping.
    pub(crate) async fn message(&mut self) -> Option<Frame> {
        loop {
            match self.frame().await {
                Some(Frame { first: 0x89, .. }) => {}
                other => return other,
            }
        }
    }

    fn parse(&mut self) -> Option<Frame> {
        let (head, length) = match self.read[..] {
            [_, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([a, b]))),
            [_, 127, _, _, _, _, a, b, c, d, ..] => (10, u32::from_be_bytes([a, b, c, d]) as usize),
            [_, short @ ..126, ..] => (2, usize::from(short)),
            _ => return None,
        };
        if self.read.len() < head + length {
            return None;
        }
        let payload = self.read[head..head + length].to_vec();
        let first = self.read[0];
        self.read.drain(..head + length);
        Some(Frame { first, payload })
    }
}

impl Frame {
    /// Code and reason of a close.
    pub(crate) fn close(&self) -> (u16, String) {
        assert_eq!(self.first, 0x88, "{self:?}");
        let code = u16::from_be_bytes([self.payload[0], self.payload[1]]);
        (code, String::from_utf8(self.payload[2..].to_vec()).unwrap())
    }
}

/// A frame of a client.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [9, 8, 7, 6];
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..65_536 => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0xff);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}
