//! Claude behind a route of your own: `POST /ask {"message": "…"}` streams the events of a turn.
//!
//! ```sh
//! cargo run -p examples --example loopback_messages_api -- 8080   # or the real API, with a real key
//! ANTHROPIC_BASE_URL=http://127.0.0.1:8080 ANTHROPIC_API_KEY=loopback \
//!     cargo run -p examples --example embed_in_axum -- 3000
//! curl -N http://127.0.0.1:3000/ask -H 'content-type: application/json' -d '{"message": "scenario:slow"}'
//! ```
//!
//! A client that leaves drops its answer, the answer drops the turn, and the turn closes the connection to the API:
//! nobody pays for text that nobody reads. Any other backend, such as Claude Code, goes into [`app`] the same way.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::post;
use axum::{Json, Router};
use claude_core::agent::AgentLoop;
use claude_core::messages::Client;
use claude_core::{Backend, TurnEvent, TurnRequest};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use tokio::net::TcpListener;

type SharedBackend = Arc<dyn Backend>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse().with_context(|| format!("`{port}` is no port"))?,
        None => 0,
    };
    // Key and base URL come from ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL.
    let backend = Arc::new(AgentLoop::new(Client::builder().build()));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("POST http://{}/ask", listener.local_addr()?);
    Ok(axum::serve(listener, app(backend)).await?)
}

fn app(backend: SharedBackend) -> Router {
    Router::new().route("/ask", post(ask)).with_state(backend)
}

#[derive(Deserialize)]
struct Ask {
    message: String,
}

/// Nothing is asked before the answer is read: it is the reader who drives the turn.
async fn ask(
    State(backend): State<SharedBackend>,
    Json(Ask { message }): Json<Ask>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let turn = backend.start(TurnRequest::new("claude-sonnet-5-5", message));
    Sse::new(turn.map(|event| Ok(sent(&event)))).keep_alive(KeepAlive::default())
}

fn sent(event: &TurnEvent) -> Event {
    let data = serde_json::to_string(event).unwrap_or_default();
    Event::default().event(event.name()).data(data)
}
