//! How a server ends: probes see it first, who is being answered is answered, and nobody can hold it for ever.

use std::time::Duration;

use crate::support::{App, Ask, Connection, Reply, VERSION, json};

/// SH-01.
#[tokio::test]
async fn open_streams_end_in_order_while_probes_see_the_drain() {
    let mut app = App::start().await;
    let mut stream = Connection::open(&app).await;
    stream.write(format!("GET /public/stream HTTP/1.1\r\nhost: {}\r\n\r\n", app.address)).await;
    stream.read_until("data: one\n\n\r\n").await;
    assert_eq!(Ask::get("/health").of(&app).await.status, 200);

    app.shutdown.cancel();
    let health = Ask::get("/health").of(&app).await;
    assert_eq!(
        (health.status, health.body),
        (503, format!("{{\"status\":\"draining\",\"version\":\"{VERSION}\"}}"))
    );
    assert_eq!(Ask::get("/health/ready").of(&app).await.status, 503);
    assert_eq!(Ask::get("/public/marker").of(&app).await.refusal(), json(503, "unavailable"));
    assert!(!app.served.is_finished());

    app.state.go.notify_one();
    let rest = stream.read_to_end().await;
    assert!(rest.contains("data: two\n\n") && rest.ends_with("0\r\n\r\n"), "{rest}");
    (&mut app.served).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(app.address).await.is_err());
}

#[tokio::test]
async fn idle_connections_are_closed_and_a_request_under_way_is_answered() {
    let mut app = App::start().await;
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", app.address);
    let [mut idle, mut fresh, mut busy] =
        [Connection::open(&app).await, Connection::open(&app).await, Connection::open(&app).await];
    idle.write(get("/public/marker")).await;
    idle.read_until("marked").await;
    busy.write(get("/public/slow")).await;
    app.state.begun.notified().await;

    app.shutdown.cancel();
    assert!(idle.read().await.is_empty());
    assert!(fresh.read().await.is_empty());
    app.state.go.notify_one();
    assert_eq!(Reply::parse(&busy.read_to_end().await).body, "slow");
    (&mut app.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_stays_beyond_the_drain_is_cut() {
    let mut app =
        App::with(|server, _| server.limits(|limits| limits.drain = Duration::from_millis(200))).await;
    let mut stream = Connection::open(&app).await;
    stream.write(format!("GET /public/stream HTTP/1.1\r\nhost: {}\r\n\r\n", app.address)).await;
    stream.read_until("data: one\n\n\r\n").await;
    app.shutdown.cancel();
    (&mut app.served).await.unwrap().unwrap();
    assert!(!stream.read_to_end().await.contains("data: two"));
}

#[tokio::test]
async fn a_server_that_nobody_uses_ends_at_once_and_its_port_is_free() {
    let mut app = App::start().await;
    assert_eq!(Ask::get("/health").of(&app).await.status, 200);
    app.shutdown.cancel();
    (&mut app.served).await.unwrap().unwrap();
    tokio::net::TcpListener::bind(app.address).await.unwrap();
}

/// The first frame of a stream is on the wire before there is a second.
#[tokio::test]
async fn frames_are_written_at_once() {
    let app = App::start().await;
    let mut stream = Connection::open(&app).await;
    stream.write(format!("GET /public/stream HTTP/1.1\r\nhost: {}\r\n\r\n", app.address)).await;
    let first = stream.read_until("data: one\n\n\r\n").await;
    assert!(first.contains("transfer-encoding: chunked"), "{first}");
    app.state.go.notify_one();
    stream.read_until("data: two\n\n\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn a_stream_whose_reader_leaves_is_dropped() {
    let app = App::start().await;
    let mut stream = Connection::open(&app).await;
    stream.write(format!("GET /public/stream HTTP/1.1\r\nhost: {}\r\n\r\n", app.address)).await;
    stream.read_until("data: one\n\n\r\n").await;
    drop(stream);
    tokio::time::timeout(Duration::from_secs(20), app.state.gone.notified()).await.unwrap();
}

/// What a WebSocket will need.
#[tokio::test]
async fn an_upgraded_connection_carries_bytes_and_holds_up_the_drain() {
    let mut app = App::start().await;
    let mut socket = Connection::open(&app).await;
    let head = format!("GET /public/upgrade HTTP/1.1\r\nhost: {}\r\n", app.address);
    socket.write(format!("{head}connection: upgrade\r\nupgrade: echo\r\n\r\n")).await;
    assert!(socket.read_until("\r\n\r\n").await.starts_with("HTTP/1.1 101"));
    socket.write("ping").await;
    assert_eq!(socket.read_until("ping").await, "ping");
    app.shutdown.cancel();
    assert!(Ask::get("/health").of(&app).await.body.contains("draining"));
    socket.write("pong").await;
    assert_eq!(socket.read_until("pong").await, "pong");
    assert!(!app.served.is_finished());
    drop(socket);
    (&mut app.served).await.unwrap().unwrap();
}
