//! A Socket.IO server that says what it hears.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use server_kit::guard::origin::Checked;
use server_kit::socket_io::{Emitter, Events, Knock, Limits, Mark, SocketIo};

/// The server under test: its heart beats fast, and it waits for nobody long.
pub(crate) fn server() -> SocketIo {
    let mut limits = Limits::default();
    limits.ping_interval = Duration::from_millis(400);
    limits.ping_timeout = Duration::from_millis(800);
    limits.connect_within = Duration::from_millis(800);
    limits.leave_within = Duration::from_millis(300);
    limits.sessions = 20;
    SocketIo::with(limits, None, serve)
}

/// All that Socket.IO asks for.
#[utoipa::path(get, path = "/socket.io/", responses((status = 200)))]
pub(crate) async fn get(State(server): State<SocketIo>, _: Checked, request: Request) -> Response {
    server.answer(request).await
}

#[utoipa::path(post, path = "/socket.io/", responses((status = 200)))]
pub(crate) async fn post(State(server): State<SocketIo>, _: Checked, request: Request) -> Response {
    server.answer(request).await
}

async fn serve(knock: Knock) {
    match knock.auth()["token"].as_str() {
        Some("yes") => {}
        // Nobody is told anything.
        Some("silence") => return,
        _ => return knock.refuse("unauthorized", "bring a token"),
    }
    let Some((mut events, emitter)) = knock.accept() else { return };
    emitter.emit("hello", &json!({}));
    while let Some(event) = events.next().await {
        emitter.acknowledge(&event);
        match event.name.as_str() {
            "bye" => return emitter.disconnect().await,
            "flood" => flood(&emitter, event.argument()).await,
            "prove" => prove(&emitter, &mut events).await,
            "careless" => careless(&emitter),
            name => drop(emitter.emit(name, event.argument())),
        }
    }
}

/// So many texts of 8 KiB with numbers.
async fn flood(emitter: &Emitter, count: &Value) {
    for number in 0..count.as_u64().unwrap_or_default() {
        emitter.ready().await;
        emitter.emit("flood", &json!({"number": number, "text": "x".repeat(8 << 10)}));
    }
}

/// Tells when the client has consumed 100 KiB.
async fn prove(emitter: &Emitter, events: &mut Events) {
    let mark = emitter.emit("big", &"x".repeat(100 << 10));
    let mut consumed = Mark::default();
    while consumed < mark {
        tokio::select! {
            now = emitter.consumed(consumed) => consumed = now,
            event = events.next() => match event {
                Some(event) => drop(emitter.emit("meanwhile", event.argument())),
                None => return,
            },
        }
    }
    emitter.emit("proved", &json!({}));
}

/// More than may wait.
fn careless(emitter: &Emitter) {
    for _ in 0..3000 {
        emitter.emit("careless", &"x".repeat(1 << 10));
    }
}
