//! A server over streamable HTTP.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use claude_core::agent::mcp::McpServer;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::server::answer;
use super::support::{call, content};

/// Serves at a free port; the address.
async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp?key=planted-key", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, Router::new().route("/mcp", post(respond))).await });
    url
}

async fn respond(headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("authorization") != Some("Bearer right-token") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    assert_eq!(header("x-tenant"), Some("blue"));
    let request: Value = serde_json::from_slice(&body).unwrap();
    match answer(&request, "usual") {
        None => StatusCode::ACCEPTED.into_response(),
        // One as an event, the others as JSON: a server may do either.
        Some(answer) if request["method"] == "tools/call" => {
            let event = format!("event: message\ndata: {answer}\n\n");
            ([(header::CONTENT_TYPE, "text/event-stream")], event).into_response()
        }
        Some(answer) => axum::Json(answer).into_response(),
    }
}

pub(crate) async fn its_tools_are_called_with_the_credentials() {
    let server =
        McpServer::http(serve().await).bearer("right-token".into()).header("x-tenant", "blue".into());
    let tools = server.connect().await.unwrap();
    assert_eq!(tools.tools().len(), 7);
    let echoed = call(&tools, "echo", json!({"text": "hi"})).await.unwrap();
    assert_eq!(content(&echoed)[0]["text"], r#"{"text":"hi"}"#);
    let refused = call(&tools, "refuse", json!({})).await.unwrap_err();
    assert_eq!(refused.to_string(), "refused by the server");
}

pub(crate) async fn wrong_credentials_are_told_without_showing_them() {
    let server = McpServer::http(serve().await).bearer("planted-token".into());
    let error = server.connect().await.unwrap_err();
    let (text, debug) = (error.to_string(), format!("{error:?}"));
    assert!(text.starts_with("MCP server `127.0.0.1`: ") && text.contains("401"), "{text}");
    assert!(!debug.contains("planted"), "{debug}");
}

pub(crate) async fn a_server_that_is_not_there_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp?key=planted-key", listener.local_addr().unwrap());
    drop(listener);
    let text = McpServer::http(url).connect().await.unwrap_err().to_string();
    assert!(text.contains("it can't be reached") && !text.contains("planted"), "{text}");
}
