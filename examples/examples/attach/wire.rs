//! `opskit.pty.v1` as a client speaks it: one binary message is one frame, a byte of its type and a payload.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Bytes;

/// The subprotocol's name.
pub(crate) const PROTOCOL: &str = "opskit.pty.v1";

/// What the server says.
#[derive(Debug)]
pub(crate) enum Told {
    Hello(Hello),
    Output {
        offset: u64,
        data: Bytes,
    },
    Exit {
        code: Option<i64>,
        signal: Option<String>,
    },
    Gap {
        from: u64,
        to: u64,
    },
    Error {
        code: String,
        message: String,
        fatal: bool,
    },
    Pong,
    /// Another viewer changed the size, or something that later versions say.
    Other,
}

/// The first frame: where output begins, and how much is sent before an acknowledgement is waited for.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Hello {
    pub(crate) from: u64,
    pub(crate) window: u64,
}

impl Told {
    /// Reads a frame.
    pub(crate) fn parse(message: &Bytes) -> anyhow::Result<Self> {
        let (kind, payload) = message.split_first().context("an empty message")?;
        let number = |at: usize| -> anyhow::Result<u64> {
            let bytes = payload.get(at..at + 8).context("a frame that is too short")?;
            Ok(u64::from_be_bytes(bytes.try_into()?))
        };
        Ok(match kind {
            0x00 => Self::Hello(serde_json::from_slice(payload)?),
            0x01 => Self::Output { offset: number(0)?, data: message.slice(9..) },
            0x02 => {
                let exit: Value = serde_json::from_slice(payload)?;
                Self::Exit { code: exit["code"].as_i64(), signal: exit["signal"].as_str().map(str::to_owned) }
            }
            0x03 => Self::Gap { from: number(0)?, to: number(8)? },
            0x04 => {
                let error: Value = serde_json::from_slice(payload)?;
                let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
                Self::Error { code: text("code"), message: text("message"), fatal: error["fatal"] == true }
            }
            0x05 => Self::Pong,
            _ => Self::Other,
        })
    }
}

/// What is typed.
pub(crate) fn input(bytes: &[u8]) -> Vec<u8> {
    [&[0x10], bytes].concat()
}

/// Columns and rows of the screen.
pub(crate) fn resize((cols, rows): (u16, u16)) -> Vec<u8> {
    [&[0x11][..], &cols.to_be_bytes(), &rows.to_be_bytes()].concat()
}

/// Every byte before this is shown.
pub(crate) fn ack(to: u64) -> Vec<u8> {
    [&[0x12][..], &to.to_be_bytes()].concat()
}

/// Asks for a pong, which comes once all that was sent before is read.
pub(crate) fn ping() -> Vec<u8> {
    [&[0x13][..], &[0; 8]].concat()
}

/// Leaves for good: the terminal waits for nobody who isn't there.
pub(crate) fn detach() -> Vec<u8> {
    vec![0x15]
}
