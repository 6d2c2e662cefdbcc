//! Routes that speak WebSocket: they send back what they get, but for a few orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use server_kit::auth::Authenticate;
use server_kit::json::Query;
use server_kit::problem::Problem;
use server_kit::websocket::{self, Message, Offer, Receiver, Sender};

use super::app::Seen;
use super::stub::Stub;

/// Pings of the server that were answered.
pub(crate) static RTTS: AtomicUsize = AtomicUsize::new(0);

#[utoipa::path(get, path = "/public/ws", responses((status = 101)))]
pub(super) async fn echo(offer: Offer) -> Result<Response, Problem> {
    Ok(offer.speak("echo.v1")?.run(work))
}

/// With short limits.
#[utoipa::path(get, path = "/public/ws/brief", responses((status = 101)))]
pub(super) async fn brief(offer: Offer) -> Result<Response, Problem> {
    let accepted = offer.speak("echo.v1")?.on_rtt(answered);
    let limits = |limits: &mut websocket::Limits| {
        limits.ping_every = Duration::from_millis(50);
        limits.pong_within = Duration::from_millis(200);
        limits.close_within = Duration::from_millis(300);
    };
    Ok(accepted.limits(limits).run(work))
}

fn answered(_: Duration) {
    RTTS.fetch_add(1, Ordering::SeqCst);
}

#[derive(Deserialize)]
pub(super) struct Ticket {
    ticket: Option<String>,
}

/// First who asks, then what is asked.
#[utoipa::path(get, path = "/api/ws", responses((status = 101)))]
pub(super) async fn ticketed(
    State(seen): State<Arc<Seen>>,
    Query(query): Query<Ticket>,
    headers: HeaderMap,
    offer: Result<Offer, Problem>,
) -> Result<Response, Problem> {
    let (who, grant) = match query.ticket {
        Some(ticket) => seen.tickets.redeem(&Stub, &ticket).await?,
        None => (Stub.authenticate(&headers).await?, 0),
    };
    let hello = Bytes::from(format!("{} {grant}", who.name));
    Ok(offer?.speak("echo.v1")?.run(async move |receiver, mut sender| {
        if sender.send(&[hello]).await.is_ok() {
            work(receiver, sender).await;
        }
    }))
}

async fn work(mut receiver: Receiver, mut sender: Sender) {
    loop {
        let message = tokio::select! {
            _ = sender.chores() => return,
            message = receiver.next() => message,
        };
        let (code, reason) = match message {
            Ok(Message::Binary(bytes)) => match order(&bytes) {
                Order::Close(code, reason) => (code, reason),
                Order::Sleep => {
                    tokio::time::sleep(Duration::from_millis(600)).await;
                    continue;
                }
                Order::Send(pieces) => {
                    if sender.send(&pieces).await.is_err() {
                        return;
                    }
                    continue;
                }
            },
            Ok(Message::Text(_) | Message::Unwanted) => (1003, "text".to_owned()),
            Ok(Message::Close(code)) => (code.unwrap_or(1000), String::new()),
            Err(fault) => match fault.close_code() {
                Some(code) => (code, fault.to_string()),
                None => return,
            },
        };
        return websocket::close(receiver, sender, code, &reason).await;
    }
}

enum Order {
    Close(u16, String),
    Sleep,
    Send(Vec<Bytes>),
}

fn order(bytes: &Bytes) -> Order {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if let Some((code, reason)) = text.strip_prefix("close ").and_then(|rest| rest.split_once(' ')) {
        return Order::Close(code.parse().unwrap(), reason.to_owned());
    }
    match text {
        "sleep" => Order::Sleep,
        "pieces" => Order::Send((0..100).map(|number| Bytes::from(vec![number; 10_000])).collect()),
        _ => Order::Send(vec![bytes.slice(..bytes.len() / 3), bytes.slice(bytes.len() / 3..)]),
    }
}
