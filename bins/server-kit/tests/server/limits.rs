//! How much of a head, how many connections, how often, how slowly.

use std::time::Duration;

use server_kit::guard::RateLimit;

use crate::support::{App, Ask, Connection, Reply, json};

/// LM-04.
#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let app = App::start().await;
    let long = Ask::get(&format!("/public/marker?{}", "x".repeat(20_000))).of(&app).await;
    assert_eq!(long.refusal(), json(414, "uri_too_long"));
    let statuses = [
        Ask::get(&format!("/public/marker?{}", "x".repeat(1 << 20))).of(&app).await.status,
        Ask::get("/public/marker").header("x", &"y".repeat(100_000)).of(&app).await.status,
        (0..1000)
            .fold(Ask::get("/public/marker"), |ask, n| ask.header(&format!("x{n}"), "y"))
            .of(&app)
            .await
            .status,
    ];
    assert!(statuses.iter().all(|status| matches!(status, 414 | 431)), "{statuses:?}");
    assert_eq!(app.marker(), 0);
    let fits = Ask::get("/public/marker").header("x", &"y".repeat(30_000)).of(&app).await;
    assert_eq!(fits.status, 200);
}

fn impatient() -> impl FnOnce(server_kit::server::Server, u16) -> server_kit::server::Server {
    |server, _| {
        server.limits(|limits| {
            limits.header_wait = Duration::from_secs(1);
            limits.write_stall = Duration::from_millis(300);
        })
    }
}

/// LM-05.
#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed_and_others_served_meanwhile() {
    let app = App::with(impatient()).await;
    let mut slow = Vec::new();
    for number in 0..300 {
        let mut connection = Connection::open(&app).await;
        match number % 3 {
            0 => {}
            1 => connection.write("GET /public/marker HTTP/1.1\r\nx: ").await,
            _ => connection.write(format!("GET /health HTTP/1.1\r\nhost: {}\r\n\r\n", app.address)).await,
        }
        slow.push(connection);
    }
    assert_eq!(Ask::get("/public/marker").of(&app).await.status, 200);
    for mut connection in slow {
        let answer = connection.read_to_end().await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert_eq!(app.marker(), 1);
}

#[tokio::test]
async fn a_head_that_drips_has_one_deadline() {
    let app = App::with(impatient()).await;
    let mut connection = Connection::open(&app).await;
    connection.write("GET /public/marker HTTP/1.1\r\n").await;
    let mut taken = 0;
    while taken < 1000 && connection.try_write("x: y\r\n").await {
        tokio::time::sleep(Duration::from_millis(20)).await;
        taken += 1;
    }
    assert!(taken < 1000, "the server takes a head for ever");
}

/// SE-04: whoever doesn't read is cut, and nobody waits for it.
#[tokio::test]
async fn a_reader_that_stands_still_is_cut() {
    let app = App::with(impatient()).await;
    let mut connection = Connection::open(&app).await;
    connection.write(format!("GET /public/flood HTTP/1.1\r\nhost: {}\r\n\r\n", app.address)).await;
    tokio::time::timeout(Duration::from_secs(20), app.state.gone.notified()).await.unwrap();
    connection.read_to_end().await;
    assert_eq!(Ask::get("/public/marker").of(&app).await.status, 200);
}

#[tokio::test]
async fn beyond_the_limit_connections_are_told_so_and_probes_answered() {
    let app = App::with(|server, _| server.limits(|limits| limits.connections = 3)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut connection = Connection::open(&app).await;
        connection.write(format!("GET /public/stream HTTP/1.1\r\nhost: {}\r\n\r\n", app.address)).await;
        connection.read_until("data: one\n\n\r\n").await;
        held.push(connection);
    }
    let turned_away = Ask::get("/public/marker").of(&app).await;
    assert_eq!(turned_away.refusal(), json(503, "unavailable"));
    assert!(turned_away.header("retry-after").is_some());
    assert_eq!(Ask::get("/health").of(&app).await.status, 200);
    held.clear();
    for _ in 0..100 {
        if Ask::get("/public/marker").of(&app).await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the places are not given back");
}

/// LM-10.
#[tokio::test]
async fn who_asks_too_often_waits_and_nobody_else_does() {
    let app =
        App::limited(RateLimit { requests: 3, window: Duration::from_hours(1) }, |server, _| server).await;
    let ask = |token: &str| Ask::get("/api/things/7").token(token);
    for _ in 0..3 {
        assert_eq!(ask("viewer").of(&app).await.status, 200);
    }
    let refused = ask("viewer").of(&app).await;
    assert_eq!(refused.refusal(), json(429, "rate_limited"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&wait));
    assert_eq!(ask("user").of(&app).await.status, 200);
    for _ in 0..20 {
        for target in ["/health", "/health/ready", "/metrics"] {
            assert_eq!(Ask::get(target).of(&app).await.status, 200, "{target}");
        }
    }
}

#[tokio::test]
async fn failed_sign_ins_are_counted_by_address_whatever_a_client_claims() {
    let app =
        App::limited(RateLimit { requests: 3, window: Duration::from_hours(1) }, |server, _| server).await;
    for number in 0..10 {
        let ask = Ask::get("/api/things/7").token(&format!("guess{number}"));
        let reply = ask.header("x-forwarded-for", &format!("203.0.113.{number}")).of(&app).await;
        assert_eq!(reply.status, if number < 3 { 401 } else { 429 }, "{number}");
    }
    assert_eq!(Ask::get("/public/marker").of(&app).await.refusal(), json(429, "rate_limited"));
    assert_eq!(Ask::get("/api/things/7").token("viewer").of(&app).await.status, 200);
}

#[tokio::test]
async fn a_connection_is_used_again_until_its_client_leaves() {
    let app = App::start().await;
    let mut connection = Connection::open(&app).await;
    for _ in 0..5 {
        connection.write(format!("GET /public/marker HTTP/1.1\r\nhost: {}\r\n\r\n", app.address)).await;
        assert_eq!(Reply::parse(&connection.read_until("marked").await).status, 200);
    }
    drop(connection);
    assert_eq!(app.marker(), 5);
}
