//! The handshake: RFC 6455, section 4.2.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::time::Instant;
use tracing::Instrument;

use super::decoder::Texts;
use super::pulse::Pulse;
use super::receiver::OnRtt;
use super::wire::{Socket, Wire};
use super::{Limits, Receiver, Sender};
use crate::problem::Problem;
use crate::server::Link;

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a key.
const KEY_BYTES: usize = 16;

/// A client's handshake, checked. A handler that has to refuse somebody before it speaks of the handshake takes a
/// `Result<Offer, Problem>`.
#[derive(Debug)]
pub struct Offer {
    upgrade: OnUpgrade,
    accept: HeaderValue,
    protocols: Vec<HeaderValue>,
}

/// A handshake that will be answered with 101.
#[must_use]
pub struct Accepted {
    upgrade: OnUpgrade,
    accept: HeaderValue,
    protocol: Option<HeaderValue>,
    limits: Limits,
    texts: Texts,
    on_rtt: Option<OnRtt>,
}

impl Offer {
    /// Checks the handshake and takes the connection out of the extensions.
    ///
    /// # Errors
    /// 426 `upgrade_required` if it is none, or of another version; 400 `invalid_request` if it is malformed.
    pub fn of(parts: &mut Parts) -> Result<Self, Problem> {
        let headers = &parts.headers;
        if !names(headers, &UPGRADE, "websocket") || parts.version < Version::HTTP_11 {
            return Err(required("this is for WebSockets alone"));
        }
        if parts.method != Method::GET {
            return Err(Problem::invalid("method", "the handshake of a WebSocket is a GET"));
        }
        if !names(headers, &CONNECTION, "upgrade") {
            return Err(Problem::invalid("connection", "it does not say: upgrade"));
        }
        if only(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(required("only version 13 of WebSockets is spoken here"));
        }
        if headers.contains_key(TRANSFER_ENCODING)
            || headers.get(CONTENT_LENGTH).is_some_and(|all| all != "0")
        {
            return Err(Problem::invalid("body", "a handshake has no body"));
        }
        let key = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
        let accept =
            accept(key.ok_or_else(|| Problem::invalid("sec-websocket-key", "it is not 16 bytes in base64"))?);
        let accept = HeaderValue::from_str(&accept).map_err(Problem::internal)?;
        let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().cloned().collect();
        let upgrade =
            parts.extensions.remove().ok_or_else(|| required("this connection can't be upgraded"))?;
        Ok(Self { upgrade, accept, protocols })
    }

    /// Accepts this subprotocol, and no extension.
    ///
    /// # Errors
    /// 400 `invalid_request` if the client did not offer it.
    pub fn speak(self, protocol: &'static str) -> Result<Accepted, Problem> {
        let offered = self.protocols.iter().any(|list| tokens(list).any(|token| token == protocol));
        if !offered {
            return Err(Problem::invalid(
                "sec-websocket-protocol",
                format!("offer the subprotocol {protocol}"),
            ));
        }
        let protocol = HeaderValue::from_str(protocol).map_err(Problem::internal)?;
        Ok(self.accepted(Some(protocol)))
    }

    /// Accepts no subprotocol and no extension.
    pub fn accept(self) -> Accepted {
        self.accepted(None)
    }

    fn accepted(self, protocol: Option<HeaderValue>) -> Accepted {
        let Self { upgrade, accept, .. } = self;
        let (limits, texts) = (Limits::default(), Texts::Unwanted);
        Accepted { upgrade, accept, protocol, limits, texts, on_rtt: None }
    }
}

impl<S: Sync> FromRequestParts<S> for Offer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts)
    }
}

impl Accepted {
    /// Changes limits.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Takes text messages, checked to be UTF-8. As large as binary ones may be.
    pub fn texts(mut self) -> Self {
        self.texts = Texts::Taken;
        self
    }

    /// Tells this function how long each ping of ours took to be answered.
    pub fn on_rtt(mut self, tell: fn(Duration)) -> Self {
        self.on_rtt = Some(tell);
        self
    }

    /// The answer, 101. Once the client has it, `work` runs in a task of its own, which keeps its place among the
    /// server's connections until both halves are dropped: it ends by itself when the server shuts down.
    pub fn run<F, W>(self, work: F) -> Response
    where
        F: FnOnce(Receiver, Sender) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let Self { upgrade, accept, protocol, limits, texts, on_rtt } = self;
        let task = async move {
            match upgrade.await {
                Ok(upgraded) => {
                    let (receiver, sender) = open(upgraded, (&limits, texts), on_rtt);
                    work(receiver, sender).await;
                }
                Err(error) => tracing::debug!(%error, "a connection was not upgraded"),
            }
        };
        tokio::spawn(task.in_current_span());
        let headers = [
            (CONNECTION, HeaderValue::from_static("upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_ACCEPT, accept),
        ];
        let mut response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
        if let Some(protocol) = protocol {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepted").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// Both halves, on the server's own socket where it is one: what reads ahead and boxes it is left behind.
fn open(upgraded: Upgraded, (limits, texts): (&Limits, Texts), on_rtt: Option<OnRtt>) -> (Receiver, Sender) {
    match upgraded.downcast::<TokioIo<Link>>() {
        Ok(parts) => {
            let mut link = parts.io.into_inner();
            // Who takes nothing can't be sent a ping that it would leave unanswered.
            link.be_patient_for(limits.ping_every.saturating_add(limits.pong_within));
            if let Some(bytes) = limits.unsent_bytes {
                link.hold_back(bytes);
            }
            halves(Box::new(link), &parts.read_buf, (limits, texts), on_rtt)
        }
        Err(other) => halves(Box::new(TokioIo::new(other)), &Bytes::new(), (limits, texts), on_rtt),
    }
}

/// Both halves of a socket of which `begun` was read before.
pub(super) fn halves(
    socket: Box<dyn Socket>,
    begun: &[u8],
    (limits, texts): (&Limits, Texts),
    on_rtt: Option<OnRtt>,
) -> (Receiver, Sender) {
    let wire = Arc::new(Wire::new(socket, Pulse::new(limits, Instant::now())));
    let receiver = Receiver::new(Arc::clone(&wire), (limits.message_bytes, texts), begun, on_rtt);
    (receiver, Sender::new(wire, limits.close_within))
}

fn required(message: &'static str) -> Problem {
    Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message)
}

/// The value of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value.trim())
}

/// Whether the lists of a header have this token, in any case.
fn names(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers.get_all(name).iter().flat_map(tokens).any(|there| there.eq_ignore_ascii_case(token))
}

fn tokens(list: &HeaderValue) -> impl Iterator<Item = &str> {
    list.to_str().unwrap_or_default().split(',').map(str::trim)
}

fn is_key(key: &str) -> bool {
    BASE64_STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == KEY_BYTES)
}

fn accept(key: &str) -> String {
    let both = format!("{key}{GUID}");
    BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, both.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455, section 1.3.
    #[test]
    fn a_key_is_answered_as_in_the_standard() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes() {
        assert!(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
        for key in ["", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25j", "not base64, not at all!!"] {
            assert!(!is_key(key), "{key}");
        }
    }
}
