//! `opskit.pty.v1`: one binary message is one frame, a byte of its type and a payload. Numbers are big-endian.

use bytes::{BufMut, Bytes, BytesMut};
use pty_core::{Exit, Reason, Size, Start, TerminalId};
use serde_json::json;

use super::ViewMode;
use super::info::ExitInfo;

/// The subprotocol's name.
pub(super) const PROTOCOL: &str = "opskit.pty.v1";
/// The largest message, its type included.
pub(super) const FRAME_MOST: usize = 1 << 20;

/// The types of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hello = 0x00,
    Output = 0x01,
    Exit = 0x02,
    Gap = 0x03,
    Error = 0x04,
    Pong = 0x05,
    Resized = 0x06,
    Input = 0x10,
    Resize = 0x11,
    Ack = 0x12,
    Ping = 0x13,
    Signal = 0x14,
    Detach = 0x15,
    /// None of these.
    Unknown = 0xff,
}

impl Kind {
    pub(super) const ALL: [Kind; 14] = [
        Kind::Hello,
        Kind::Output,
        Kind::Exit,
        Kind::Gap,
        Kind::Error,
        Kind::Pong,
        Kind::Resized,
        Kind::Input,
        Kind::Resize,
        Kind::Ack,
        Kind::Ping,
        Kind::Signal,
        Kind::Detach,
        Kind::Unknown,
    ];

    pub(super) const fn index(self) -> usize {
        match self as u8 {
            server @ 0..=6 => server as usize,
            client @ 0x10..=0x15 => client as usize - 0x10 + 7,
            _ => Self::ALL.len() - 1,
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Kind::Hello => "hello",
            Kind::Output => "output",
            Kind::Exit => "exit",
            Kind::Gap => "gap",
            Kind::Error => "error",
            Kind::Pong => "pong",
            Kind::Resized => "resized",
            Kind::Input => "input",
            Kind::Resize => "resize",
            Kind::Ack => "ack",
            Kind::Ping => "ping",
            Kind::Signal => "signal",
            Kind::Detach => "detach",
            Kind::Unknown => "unknown",
        }
    }

    fn of_client(byte: u8) -> Self {
        let known = Self::ALL[Kind::Input.index()..=Kind::Detach.index()].iter();
        known.copied().find(|kind| *kind as u8 == byte).unwrap_or(Kind::Unknown)
    }
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Input(Bytes),
    Resize { cols: u16, rows: u16 },
    Ack(u64),
    Ping(Bytes),
    Signal(String),
    Detach,
}

/// The type of a client's message, and what it says; `None` for one that is no frame.
pub(super) fn parse(message: &Bytes) -> (Kind, Option<Said>) {
    let kind = message.first().map_or(Kind::Unknown, |byte| Kind::of_client(*byte));
    (kind, said(kind, message))
}

fn said(kind: Kind, message: &Bytes) -> Option<Said> {
    let payload = message.get(1..)?;
    Some(match kind {
        Kind::Input => Said::Input(message.slice(1..)),
        Kind::Resize => {
            let [a, b, c, d] = payload.try_into().ok()?;
            Said::Resize { cols: u16::from_be_bytes([a, b]), rows: u16::from_be_bytes([c, d]) }
        }
        Kind::Ack => Said::Ack(u64::from_be_bytes(payload.try_into().ok()?)),
        Kind::Ping => (payload.len() == 8).then(|| Said::Ping(message.slice(1..)))?,
        Kind::Signal => Said::Signal(str::from_utf8(payload).ok()?.to_owned()),
        Kind::Detach => payload.is_empty().then_some(Said::Detach)?,
        _ => return None,
    })
}

/// What goes before the bytes of output.
pub(super) fn output_head(offset: u64) -> Bytes {
    let mut head = [0; 9];
    head[0] = Kind::Output as u8;
    head[1..].copy_from_slice(&offset.to_be_bytes());
    Bytes::copy_from_slice(&head)
}

/// The first frame. `from` is what was asked for, where less is held; beyond the head it is the head.
pub(super) fn hello(id: TerminalId, start: &Start, mode: ViewMode) -> Bytes {
    let hello = json!({
        "v": 1,
        "id": id.to_string(),
        "cols": start.size.cols(),
        "rows": start.size.rows(),
        "from": start.from,
        "base": start.base,
        "head": start.head,
        "window": start.window,
        "max_frame": FRAME_MOST,
        "mode": mode,
        "state": start.phase.as_str(),
    });
    text(Kind::Hello, &hello.to_string())
}

pub(super) fn exit(exit: &Exit) -> Bytes {
    // A struct of numbers and a name is always JSON.
    text(Kind::Exit, &serde_json::to_string(&ExitInfo::of(exit)).unwrap_or_default())
}

pub(super) fn gap(from: u64, to: u64) -> Bytes {
    let mut frame = BytesMut::with_capacity(17);
    frame.put_u8(Kind::Gap as u8);
    frame.put_u64(from);
    frame.put_u64(to);
    frame.freeze()
}

pub(super) fn resized(size: Size) -> Bytes {
    let mut frame = BytesMut::with_capacity(5);
    frame.put_u8(Kind::Resized as u8);
    frame.put_u16(size.cols());
    frame.put_u16(size.rows());
    frame.freeze()
}

pub(super) fn pong(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(1 + payload.len());
    frame.put_u8(Kind::Pong as u8);
    frame.put_slice(payload);
    frame.freeze()
}

/// What went wrong with one frame; the connection stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    BadFrame,
    BadResize,
    BadSignal,
    BadAck,
    OffsetAhead,
    ReadOnly,
    Exited,
}

impl Refusal {
    pub(super) fn frame(self) -> Bytes {
        let (code, message) = match self {
            Refusal::BadFrame => ("bad_frame", "this is no frame of opskit.pty.v1"),
            Refusal::BadResize => ("bad_resize", "columns and rows are 1 to 1000 each"),
            Refusal::BadSignal => ("bad_signal", "there is no such signal here, or it can't be delivered"),
            Refusal::BadAck => ("bad_ack", "only what was sent can be acknowledged"),
            Refusal::OffsetAhead => {
                ("offset_ahead", "output does not go so far yet; it is sent from its head on")
            }
            Refusal::ReadOnly => ("read_only", "a watcher may only look"),
            Refusal::Exited => ("exited", "the command has ended"),
        };
        error(code, message, Fatal::No)
    }
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    TooLarge,
    TextFrame,
    Unauthorized,
    Closed(Reason),
}

impl Farewell {
    /// The error that is told first, and the code to close with.
    pub(super) fn frame(self) -> (Bytes, u16) {
        let (code, message, close) = match self {
            Farewell::TooLarge => ("too_large", "a message is at most max_frame bytes", 1009),
            Farewell::TextFrame => ("text_frame", "frames are binary messages", 1003),
            Farewell::Unauthorized => {
                ("unauthorized", "your token or account counts no more; the terminal goes on", 4001)
            }
            Farewell::Closed(reason) => closed(reason),
        };
        (error(code, message, Fatal::Yes), close)
    }
}

/// The code, the words and the close code for why a terminal was closed.
pub(super) fn closed(reason: Reason) -> (&'static str, &'static str, u16) {
    match reason {
        Reason::Stalled => ("stalled", "output was not acknowledged for too long; come back with from", 4008),
        Reason::Deleted => ("deleted", "the terminal was deleted", 4004),
        Reason::Idle => {
            ("idle", "the terminal was without input and output for too long, and was ended", 4005)
        }
        Reason::Lifetime => ("lifetime", "the terminal has lived for as long as it may", 4005),
        Reason::OutputLimit => ("output_limit", "the terminal has written as much as it may", 4005),
        Reason::ShuttingDown => ("shutting_down", "the server is stopping", 1012),
        _ => ("closed", "the terminal was closed", 4005),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fatal {
    No,
    Yes,
}

fn error(code: &str, message: &str, fatal: Fatal) -> Bytes {
    text(Kind::Error, &json!({"code": code, "message": message, "fatal": fatal == Fatal::Yes}).to_string())
}

fn text(kind: Kind, text: &str) -> Bytes {
    let mut frame = BytesMut::with_capacity(1 + text.len());
    frame.put_u8(kind as u8);
    frame.put_slice(text.as_bytes());
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8]) -> Option<Said> {
        parse(&Bytes::copy_from_slice(bytes)).1
    }

    #[test]
    fn frames_of_clients_are_read_to_the_letter() {
        let ack = [&[0x12][..], &7_u64.to_be_bytes()].concat();
        assert_eq!(parsed(b"\x10ls\r"), Some(Said::Input("ls\r".into())));
        assert_eq!(parsed(b"\x10"), Some(Said::Input(Bytes::new())));
        assert_eq!(parsed(&[0x11, 0, 80, 1, 0]), Some(Said::Resize { cols: 80, rows: 256 }));
        assert_eq!(parsed(&ack), Some(Said::Ack(7)));
        assert_eq!(parsed(b"\x1312345678"), Some(Said::Ping("12345678".into())));
        assert_eq!(parsed(b"\x14INT"), Some(Said::Signal("INT".into())));
        assert_eq!(parsed(b"\x15"), Some(Said::Detach));
    }

    #[test]
    fn what_is_no_frame_is_none() {
        for bytes in [
            &b""[..],
            b"\x00",
            b"\x01abc",
            b"\x0f",
            b"\x16",
            b"\xff",
            b"\x11",
            b"\x11\0\x50\0",
            b"\x11\0\x50\0\x18\0",
            b"\x12",
            b"\x121234567",
            b"\x12123456789",
            b"\x131234567",
            b"\x13",
            b"\x14\xff",
            b"\x15x",
        ] {
            assert_eq!(parsed(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn every_kind_has_its_place() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), index, "{kind:?}");
        }
    }

    #[test]
    fn frames_of_the_server_are_written_to_the_letter() {
        assert_eq!(&output_head(0x0102)[..], [1, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(&gap(1, 2)[..], [3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(&resized(Size::new(300, 24).unwrap())[..], [6, 1, 44, 0, 24]);
        assert_eq!(&pong(b"12345678")[..], b"\x0512345678");
        let (frame, code) = Farewell::Closed(Reason::Stalled).frame();
        let said: serde_json::Value = serde_json::from_slice(&frame[1..]).unwrap();
        assert_eq!(
            (frame[0], code, &said["code"], &said["fatal"]),
            (4, 4008, &"stalled".into(), &true.into())
        );
    }
}
