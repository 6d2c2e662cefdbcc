//! What a client may say, and what it comes to.

use pty_core::Size;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use server_kit::problem::Problem;
use server_kit::socket_io::Event;

use super::super::request::NewTerminal;

/// What a client says of itself when it connects; whatever else it says is passed over.
#[derive(Deserialize)]
pub(super) struct Introduction {
    /// Who it is: an access token or an API key.
    #[serde(default, deserialize_with = "secret")]
    pub(super) token: Option<SecretString>,
    /// Whether Claude Code is to be started for it, where it names no terminal.
    #[serde(default = "yes")]
    pub(super) start: bool,
    /// The terminal it takes up again.
    pub(super) terminal: Option<String>,
    /// From which offset; the oldest that is held unless given.
    pub(super) from: Option<u64>,
}

const fn yes() -> bool {
    true
}

fn secret<'de, D: Deserializer<'de>>(value: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(value)?.map(SecretString::from))
}

impl Introduction {
    /// Reads what came with the connection.
    ///
    /// # Errors
    /// 400 `invalid_request`.
    pub(super) fn of(auth: &Value) -> Result<Self, Problem> {
        Self::deserialize(auth).map_err(|_| {
            Problem::invalid("auth", "is {token, start?: boolean, terminal?: string, from?: offset}")
        })
    }
}

const START: &str = "start is {command: string, cwd?, cols?, rows?, name?, args?, env?, record?}";

/// What a client asks for.
pub(super) enum Asked {
    Input(String),
    Resize(Size),
    Ack(u64),
    Start(Box<NewTerminal>),
    Attach { id: String, from: Option<u64> },
}

#[derive(Deserialize)]
struct Input {
    data: String,
}

#[derive(Deserialize)]
struct Resize {
    cols: u16,
    rows: u16,
}

#[derive(Deserialize)]
struct Ack {
    offset: u64,
}

#[derive(Deserialize)]
struct Attach {
    id: String,
    from: Option<u64>,
}

impl Asked {
    /// What this event asks for; nothing for one that is none of ours.
    ///
    /// # Errors
    /// 400 `invalid_request` for one that is malformed.
    pub(super) fn of(event: Event) -> Option<Result<Self, Problem>> {
        let Event { name, arguments, .. } = event;
        let argument = arguments.into_iter().next().unwrap_or_default();
        Some(match name.as_str() {
            "input" => read(argument, "input is {data: string}").map(|Input { data }| Self::Input(data)),
            "resize" => resize(argument),
            "ack" => read(argument, "ack is {offset: number}").map(|Ack { offset }| Self::Ack(offset)),
            "start" => read(argument, START).map(|new| Self::Start(Box::new(new))),
            "attach" => read(argument, "attach is {id: string, from?: number}")
                .map(|Attach { id, from }| Self::Attach { id, from }),
            _ => return None,
        })
    }
}

fn resize(argument: Value) -> Result<Asked, Problem> {
    const FORM: &str = "resize is {cols, rows}, 1 to 1000 each";
    let Resize { cols, rows } = read(argument, FORM)?;
    Size::new(cols, rows).map(Asked::Resize).map_err(|_| Problem::invalid("data", FORM))
}

/// An object of this form: a list of its values, which would do for a struct, is none.
fn read<T: DeserializeOwned>(argument: Value, form: &'static str) -> Result<T, Problem> {
    let read = argument.is_object().then(|| serde_json::from_value(argument).ok()).flatten();
    read.ok_or_else(|| Problem::invalid("data", form))
}
