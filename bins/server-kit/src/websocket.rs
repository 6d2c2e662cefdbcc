//! The server's side of WebSockets ([RFC 6455]): for binary protocols with one subprotocol, or for text without.
//!
//! - An [`Offer`] is a client's handshake, checked; [`Offer::speak`] accepts its subprotocol, [`Offer::accept`] none,
//!   and [`Accepted::run`] answers 101 and runs the work of the connection in a task of its own.
//! - The [`Receiver`] hands out messages. It keeps no read buffer while it waits, and refuses what is too large by
//!   its header.
//! - The [`Sender`] writes frames straight from the pieces they are made of, answers pings and sends its own.
//! - [`close`] ends a connection so that the client surely learns why.
//!
//! Both halves belong to one task, which uses them side by side. Never compressed: no extension is accepted.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::response::Response;
//! use server_kit::problem::Problem;
//! use server_kit::websocket::{self, Message, Offer, Receiver, Sender};
//!
//! async fn connect(offer: Result<Offer, Problem>) -> Result<Response, Problem> {
//!     // What is to be checked before the handshake comes here.
//!     let accepted = offer?.speak("echo.v1")?;
//!     Ok(accepted.limits(|limits| limits.message_bytes = 64 << 10).run(echo))
//! }
//!
//! async fn echo(mut receiver: Receiver, mut sender: Sender) {
//!     loop {
//!         let message = tokio::select! {
//!             _ = sender.chores() => return,
//!             message = receiver.next() => message,
//!         };
//!         let code = match message {
//!             Ok(Message::Binary(bytes)) => match sender.send(&[bytes]).await {
//!                 Ok(()) => continue,
//!                 Err(_) => return,
//!             },
//!             Ok(Message::Text(_) | Message::Unwanted) => 1003,
//!             Ok(Message::Close(_)) => 1000,
//!             Err(fault) => match fault.close_code() {
//!                 Some(code) => code,
//!                 None => return,
//!             },
//!         };
//!         return websocket::close(receiver, sender, code, "").await;
//!     }
//! }
//! ```
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455

mod close;
mod decoder;
mod fault;
mod frame;
mod handshake;
mod limits;
mod pulse;
mod receiver;
mod sender;
mod wire;

use bytes::Bytes;

pub use close::close;
pub use fault::Fault;
pub use handshake::{Accepted, Offer};
pub use limits::Limits;
pub use receiver::Receiver;
pub use sender::Sender;

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A whole message, joined if it came in fragments. It owns its bytes and nothing else.
    Binary(Bytes),
    /// A whole text message, if texts are [taken](Accepted::texts).
    Text(String),
    /// A text message where none is wanted, told by its header; what it says is thrown away. A binary protocol closes
    /// with 1003.
    Unwanted,
    /// The client closes, with this code if it gave one. Nothing comes after it: answer by [`close`].
    Close(Option<u16>),
}
