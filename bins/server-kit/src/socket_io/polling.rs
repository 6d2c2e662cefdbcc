//! Long polling: what waits is fetched by GET, what the client says is brought by POST.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http_body_util::Limited;

use super::packet::{self, NoPacket};
use super::refusal::Refusal;
use super::session::{Errand, Session};
use super::talk;
use crate::guard::body;

/// How long a poll waits for something to tell while a WebSocket is tried: its client goes on once the poll is over.
const LINGER: Duration = Duration::from_millis(50);

/// The answer to the request that began the session.
pub(super) fn opened(session: &Session) -> Response {
    text(session.hello())
}

/// Answers with what waits, as soon as there is something.
pub(super) async fn poll(session: &Arc<Session>) -> Result<Response, Refusal> {
    let _running = session.begin(Errand::Poll)?;
    let hurried = async {
        session.probing().await;
        tokio::time::sleep(LINGER).await;
    };
    let payload = tokio::select! {
        biased;
        payload = session.next_payload() => payload.unwrap_or_else(|| session.farewell().to_owned()),
        () = session.closed() => packet::CLOSE.to_owned(),
        () = hurried => packet::NOOP.to_owned(),
    };
    Ok(text(payload))
}

/// Takes what the client says.
pub(super) async fn post(session: &Arc<Session>, body: Body) -> Result<Response, Refusal> {
    let _running = session.begin(Errand::Post)?;
    let bytes = body::read(Body::new(Limited::new(body, session.limits.message_bytes))).await?;
    match hear_all(session, &bytes).await {
        Ok(()) => Ok(text("ok".to_owned())),
        Err(NoPacket) => {
            session.close();
            Err(Refusal::BadRequest)
        }
    }
}

async fn hear_all(session: &Arc<Session>, bytes: &[u8]) -> Result<(), NoPacket> {
    let text = std::str::from_utf8(bytes).map_err(|_| NoPacket)?;
    for packet in text.split(packet::SEPARATOR) {
        if session.is_closed() {
            break;
        }
        match packet.strip_prefix('b') {
            Some(encoded) => {
                let attachment = BASE64_STANDARD.decode(encoded).map_err(|_| NoPacket)?;
                talk::hear_binary(session, attachment.len()).await?;
            }
            None => talk::take(session, packet).await?,
        }
    }
    Ok(())
}

fn text(text: String) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, text).into_response()
}
