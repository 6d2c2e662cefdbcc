//! The client's side of Socket.IO, as far as a terminal needs it: Engine.IO 4 over a WebSocket, the main namespace, text.

use std::borrow::Cow;
use std::mem;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::WebSocket;

/// Where the WebSocket is asked for.
pub(super) const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// Engine.IO's answer to its ping.
const PONG: &str = "3";

/// A client that has a terminal.
#[derive(Debug, Default)]
pub(super) struct SocketIo {
    /// Pings that came and aren't answered yet.
    pings: usize,
}

/// A message of a server.
#[derive(Debug, PartialEq)]
enum Packet<'a> {
    /// Engine.IO is open.
    Open,
    /// Engine.IO waits for an answer: whether the client is there, or has taken what was sent before.
    Ping,
    /// The namespace is open.
    Connected,
    /// There is a terminal.
    Opened,
    /// What it showed.
    Output(Cow<'a, [u8]>),
    Other,
}

/// What is looked at in an event.
#[derive(Debug, Deserialize)]
struct Payload<'a> {
    /// Of `output`.
    #[serde(borrow, default)]
    data: Cow<'a, str>,
    /// Of `status`.
    #[serde(borrow, default)]
    state: Cow<'a, str>,
}

impl SocketIo {
    /// Opens the namespace and has a bash started. The peer starts one for each client: it looks neither at `start` in
    /// what it is told nor at the event.
    pub(super) fn open(socket: &mut WebSocket, token: &str) -> anyhow::Result<Self> {
        wait_for(socket, &Packet::Open)?;
        socket.send_text(&format!("40{}", json!({ "token": token, "start": false })))?;
        wait_for(socket, &Packet::Connected)?;
        socket.send_text(&event("start", &json!({ "command": "bash", "cols": 80, "rows": 24 })))?;
        wait_for(socket, &Packet::Opened)?;
        Ok(Self::default())
    }

    /// The output of a message, if that is what it is.
    pub(super) fn output<'a>(&mut self, message: &'a [u8]) -> anyhow::Result<Option<Cow<'a, [u8]>>> {
        match Packet::parse(message)? {
            Packet::Output(output) => return Ok(Some(output)),
            Packet::Ping => self.pings += 1,
            _ => {}
        }
        Ok(None)
    }

    /// Answers the pings that came, each.
    pub(super) fn answer(&mut self, socket: &mut WebSocket) -> anyhow::Result<()> {
        (0..mem::take(&mut self.pings)).try_for_each(|_| socket.send_text(PONG))
    }
}

/// The message that types something; bytes that are no text are an error.
pub(super) fn input(bytes: &[u8]) -> anyhow::Result<String> {
    Ok(event("input", &json!({ "data": std::str::from_utf8(bytes)? })))
}

fn event(name: &str, payload: &Value) -> String {
    format!("42{}", json!([name, payload]))
}

/// Reads no more than this, so that no output behind it is lost.
fn wait_for(socket: &mut WebSocket, due: &Packet<'_>) -> anyhow::Result<()> {
    loop {
        let message = socket.next_message()?;
        match Packet::parse(&message)? {
            Packet::Ping => socket.send_text(PONG)?,
            packet if packet == *due => return Ok(()),
            packet => bail!("{packet:?} came where {due:?} was due"),
        }
    }
}

impl<'a> Packet<'a> {
    fn parse(message: &'a [u8]) -> anyhow::Result<Self> {
        match message {
            [b'0', ..] => Ok(Self::Open),
            b"2" => Ok(Self::Ping),
            [b'4', b'0', ..] => Ok(Self::Connected),
            [b'4', b'2', event @ ..] => Self::parse_event(event),
            [b'4', b'4', ..] => bail!("the server refuses: {}", String::from_utf8_lossy(message)),
            _ => Ok(Self::Other),
        }
    }

    fn parse_event(event: &'a [u8]) -> anyhow::Result<Self> {
        let (name, Payload { data, state }) = serde_json::from_slice::<(&str, _)>(event)
            .with_context(|| format!("no event: {}", String::from_utf8_lossy(event)))?;
        match (name, &*state) {
            ("output", _) => Ok(Self::Output(bytes(data))),
            ("status", "opened") => Ok(Self::Opened),
            ("status", "error") => bail!("the server tells an error: {}", String::from_utf8_lossy(event)),
            _ => Ok(Self::Other),
        }
    }
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::thread::{self, JoinHandle};

    use crate::http::{Reading, Upgrade};

    /// A server that says all of this at once, and what it is told until its client leaves: masks are zeroes.
    fn server(messages: &'static [&'static str]) -> (SocketAddr, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let told = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            assert!(socket.read(&mut [0; 4096]).unwrap() > 0);
            socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
            for message in messages {
                let head = [0x81, u8::try_from(message.len()).unwrap()];
                socket.write_all(&[&head, message.as_bytes()].concat()).unwrap();
            }
            let mut told = Vec::new();
            socket.read_to_end(&mut told).unwrap();
            told
        });
        (address, told)
    }

    fn connect(server: SocketAddr) -> WebSocket {
        let upgrade = Upgrade { path: PATH, token: None, protocol: None, reading: Reading::Greedy };
        WebSocket::open(server, &upgrade).unwrap()
    }

    #[test]
    fn a_bash_is_asked_for_and_its_first_output_and_pings_are_not_lost() {
        let (address, told) = server(&[
            r#"0{"sid":"x"}"#,
            "2",
            r#"40{"sid":"y"}"#,
            r#"42["status",{"state":"opened","id":"z"}]"#,
            "2",
            r#"42["output",{"data":"$ "}]"#,
        ]);
        let mut socket = connect(address);
        let (mut client, mut shown) = (SocketIo::open(&mut socket, "secret").unwrap(), Vec::new());
        while shown.is_empty() {
            let message = socket.next_message().unwrap();
            shown.extend_from_slice(&client.output(&message).unwrap().unwrap_or_default());
        }
        client.answer(&mut socket).unwrap();
        drop(socket);
        assert_eq!(shown, b"$ ");
        let told = told.join().unwrap();
        let times = |text: &str| memchr::memmem::find_iter(&told, text).count();
        assert_eq!(times(r#"40{"start":false,"token":"secret"}"#), 1);
        assert_eq!(times(r#"42["start",{"cols":80,"command":"bash","rows":24}]"#), 1);
        assert_eq!(times("\0\0\0\x003"), 2, "{}", told.escape_ascii());
    }

    #[test]
    fn a_refused_token_is_an_error() {
        let (address, _) = server(&["0{}", r#"44{"message":"unauthorized"}"#]);
        let error = SocketIo::open(&mut connect(address), "wrong").unwrap_err();
        assert!(error.to_string().contains("unauthorized"));
    }

    fn parse(message: &str) -> anyhow::Result<Packet<'_>> {
        Packet::parse(message.as_bytes())
    }

    #[test]
    fn messages_are_known_by_their_beginning() {
        let cases = [
            (r#"0{"sid":"x","pingInterval":25000}"#, Packet::Open),
            ("2", Packet::Ping),
            (r#"40{"sid":"y"}"#, Packet::Connected),
            (r#"42["status",{"state":"opened","id":"z"}]"#, Packet::Opened),
            (r#"42["output",{"data":"ab","offset":2}]"#, Packet::Output(Cow::Borrowed(b"ab"))),
            (r#"42["output",{"data":"\u0003\r\nä"}]"#, Packet::Output(Cow::Borrowed("\x03\r\nä".as_bytes()))),
            (r#"42["status",{"state":"closed","code":null}]"#, Packet::Other),
            ("41", Packet::Other),
        ];
        for (message, packet) in cases {
            assert_eq!(parse(message).unwrap(), packet, "{message}");
        }
    }

    #[test]
    fn a_refusal_an_error_and_what_is_no_event_are_errors() {
        for message in
            [r#"44{"message":"unauthorized"}"#, r#"42["status",{"state":"error","reason":"x"}]"#, "42[1]"]
        {
            assert!(parse(message).is_err(), "{message}");
        }
    }

    #[test]
    fn keys_become_text() {
        assert_eq!(input(b"a\x03\"").unwrap(), r#"42["input",{"data":"a\u0003\""}]"#);
        assert!(input(b"\xff").is_err());
    }
}
