//! When connections are made, kept and lost.

use std::time::Duration;

use dokploy_client::client::NewProject;
use dokploy_client::{Error, Name};
use serde_json::json;
use tokio::net::TcpListener;

use super::client;
use super::server::{Reply, Server};

fn project() -> NewProject {
    NewProject::new(Name::parse("x").unwrap())
}

fn row() -> Reply {
    Reply::json(
        200,
        &json!({"projectId": "p", "name": "x", "description": null, "createdAt": "2026-11-21T07:55:54.341Z"}),
    )
}

#[tokio::test]
async fn nothing_is_connected_before_the_first_call_and_then_it_is_kept() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).build().unwrap();
    assert_eq!(server.connections(), 0);
    server.plan([row()]);
    for _ in 0..5 {
        client.projects().create(&project()).await.unwrap();
    }
    assert_eq!((server.versions_told(), server.seen().len()), (1, 5));
    // A second one is made where the first is not yet back from its call.
    assert!(server.connections() <= 2, "{} connections", server.connections());
}

#[tokio::test]
async fn a_connection_is_dropped_before_the_server_drops_it() {
    let server = Server::start(Some("v0.30.2")).await;
    let idle = Duration::from_millis(50);
    let client = client(&server.url()).limits(|limits| limits.idle = idle).build().unwrap();
    server.plan([row()]);
    client.projects().create(&project()).await.unwrap();
    tokio::time::sleep(idle * 4).await;
    client.projects().create(&project()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn what_was_never_sent_may_be_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client(&format!("http://{address}")).build().unwrap();
    let error = client.projects().create(&project()).await.unwrap_err();
    let is_unsent = matches!(error, Error::Unavailable { status: None, .. });
    assert!(is_unsent && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn what_fails_the_handshake_was_never_sent() {
    let server = Server::start(Some("v0.30.2")).await;
    server.reset_before_requests();
    let url = server.url().replace("http://", "https://");
    let client = client(&url).build().unwrap();
    let error = client.projects().create(&project()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { status: None, .. }), "{error:?}");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_write_that_finds_nobody_is_sent_once_somebody_listens() {
    let server = Server::start(Some("v0.30.2")).await;
    let client = client(&server.url()).limits(|limits| {
        (limits.retries, limits.backoff) = (50, Duration::from_millis(20));
        limits.idle = Duration::from_millis(1);
    });
    let client = client.build().unwrap();
    client.version().await.unwrap();
    server.stop().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let sending = tokio::spawn(async move { client.projects().create(&project()).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let back = Server::on(rebound(server.address()), Some("v0.30.2"));
    back.plan([row()]);
    sending.await.unwrap().unwrap();
    assert_eq!((server.seen().len(), back.seen().len()), (0, 1));
}

fn rebound(address: std::net::SocketAddr) -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(8).unwrap()
}

#[tokio::test]
async fn a_write_on_a_connection_that_breaks_before_it_is_read_may_be_done() {
    let server = Server::start(Some("v0.30.2")).await;
    let client =
        client(&server.url()).limits(|limits| limits.idle = Duration::from_millis(1)).build().unwrap();
    client.version().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.reset_before_requests();
    let error = client.projects().create(&project()).await.unwrap_err();
    assert!(matches!(error, Error::MaybeDone { status: None, .. }), "{error:?}");
    assert_eq!((server.seen().len(), server.connections()), (0, 2));
}
