//! Sockets of browsers: let in by a ticket, once.

use secrecy::ExposeSecret;

use crate::support::{App, Ask, Raw, json, user};

#[tokio::test]
async fn a_ticket_opens_a_socket_once() {
    let app = App::start().await;
    let issued = app.state.tickets.issue(&user(), 7).unwrap();
    let target = format!("/api/ws?ticket={}", issued.ticket.expose_secret());
    let mut socket = Raw::open(&app, &target).await;
    assert_eq!(socket.frame().await.unwrap().payload, b"uma 7");
    assert_eq!(Ask::get(&target).of(&app).await.refusal(), json(401, "unauthorized"));
}

#[tokio::test]
async fn a_ticket_is_spent_by_the_attempt_and_a_handshake_is_looked_at_last() {
    let app = App::start().await;
    assert_eq!(Ask::get("/api/ws?ticket=").of(&app).await.refusal(), json(401, "unauthorized"));
    let issued = app.state.tickets.issue(&user(), 7).unwrap();
    let target = format!("/api/ws?ticket={}", issued.ticket.expose_secret());
    assert_eq!(Ask::get(&target).of(&app).await.refusal(), json(426, "upgrade_required"));
    assert_eq!(Ask::get(&target).of(&app).await.refusal(), json(401, "unauthorized"));
    let token = Ask::get("/api/ws").token("user").of(&app).await;
    assert_eq!(token.refusal(), json(426, "upgrade_required"));
}
