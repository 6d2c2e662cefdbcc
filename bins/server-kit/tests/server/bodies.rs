//! Bodies: too large, too slow, encoded, and no JSON.

use std::time::Duration;

use server_kit::server::Server;

use crate::support::{App, Ask, Connection, Reply, json};

const ORDER: &str = "{\"name\":\"a\",\"count\":2}";

/// LM-02.
#[tokio::test]
async fn every_bad_body_is_refused_on_every_route() {
    let app = App::start().await;
    let deep = "[".repeat(100_000);
    let digits = format!("{{\"name\":\"a\",\"count\":{}}}", "9".repeat(100_000));
    let bodies: [&[u8]; 30] = [
        b"",
        b" ",
        b"{",
        b"[",
        b"}",
        b"{}",
        b"[]",
        b"null",
        b"true",
        b"0",
        b"\"\"",
        b"{\"name\":}",
        b"{\"name\":null}",
        b"{\"name\":1}",
        b"{\"name\":[]}",
        b"{\"name\":{\"$ne\":null}}",
        b"{\"name\":\"a\"",
        b"{\"name\":\"a\",}",
        b"{\"name\":\"a\"}{}",
        b"{\"name\":\"\xff\"}",
        b"{\"name\":\"\\ud800\"}",
        b"{\"name\":\"a\",\"count\":-1}",
        b"{\"name\":\"a\",\"count\":1e400}",
        b"{\"name\":\"a\",\"x\":1}",
        b"{\"__proto__\":{}}",
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"<a/>",
        deep.as_bytes(),
        digits.as_bytes(),
    ];
    for body in bodies {
        for (target, token) in [("/public/echo", ""), ("/api/things", "user"), ("/api/things", "admin")] {
            let reply = Ask::new("POST", target).token(token).json(body).of(&app).await;
            let (status, code) = reply.refusal();
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(status, 400, "{shown}");
            assert!(code == "invalid_request" || code == "unknown_field", "{shown}");
        }
    }
}

#[tokio::test]
async fn a_good_body_is_answered() {
    let app = App::start().await;
    let reply = Ask::new("POST", "/public/echo").json(ORDER).of(&app).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ORDER));
    let query = Ask::get("/api/things?limit=7").token("user").of(&app).await;
    assert_eq!(query.body, "7");
    let query = Ask::get("/api/things?limt=7").token("user").of(&app).await;
    assert_eq!(query.refusal(), json(400, "unknown_field"));
}

/// CS-01: what a form of a foreign page could send without asking.
#[tokio::test]
async fn only_json_is_taken_for_json() {
    let app = App::start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "",
    ] {
        let reply = Ask::new("POST", "/public/echo").body(kind, ORDER).of(&app).await;
        assert_eq!(reply.refusal(), json(415, "unsupported_media_type"), "{kind}");
    }
    for coding in ["gzip", "br", "deflate", "zstd", "gzip, identity", "x"] {
        let reply =
            Ask::new("POST", "/public/echo").header("content-encoding", coding).json(ORDER).of(&app).await;
        assert_eq!(reply.refusal(), json(415, "unsupported_media_type"), "{coding}");
    }
}

fn small(server: Server, _: u16) -> Server {
    server.limits(|limits| limits.body_bytes = 1000)
}

/// LM-03.
#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_read() {
    let app = App::with(small).await;
    for target in ["/public/echo", "/public/length", "/api/things"] {
        let ask = Ask::new("POST", target).token("user").header("content-type", "application/json");
        let reply = ask.header("content-length", "1001").of(&app).await;
        assert_eq!(reply.refusal(), json(413, "too_large"), "{target}");
    }
    let reply = Ask::new("POST", "/public/length").body("text/plain", vec![b'x'; 1000]).of(&app).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "1000"));
}

#[tokio::test]
async fn an_endless_body_is_cut_off_and_the_answer_still_arrives() {
    let app = App::with(small).await;
    for target in ["/public/echo", "/public/length"] {
        let head = format!(
            "POST {target} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
            app.address
        );
        let mut connection = Connection::open(&app).await;
        connection.write(head).await;
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
        for _ in 0..64 {
            if !connection.try_write(&chunk).await {
                break;
            }
        }
        let reply = Reply::parse(&connection.read_to_end().await);
        assert_eq!(reply.refusal(), json(413, "too_large"), "{target}");
    }
}

#[tokio::test]
async fn a_large_body_at_once_is_refused_with_an_answer() {
    let app = App::start().await;
    let reply = Ask::new("POST", "/public/length").body("text/plain", vec![b'x'; 32 << 20]).of(&app).await;
    assert_eq!(reply.refusal(), json(413, "too_large"));
}

#[tokio::test]
async fn a_body_that_stops_or_drips_is_given_up() {
    let app = App::with(|server, _| {
        server.limits(|limits| {
            limits.body_wait = Duration::from_millis(300);
            limits.body_rate = 1 << 20;
        })
    })
    .await;
    let head = format!(
        "POST /public/echo HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n",
        app.address
    );
    let mut stopped = Connection::open(&app).await;
    stopped.write(&head).await;
    assert_eq!(Reply::parse(&stopped.read_to_end().await).refusal(), json(408, "timeout"));

    let mut dripping = Connection::open(&app).await;
    dripping.write(&head).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if !dripping.try_write(" ").await {
            break;
        }
    }
    let answer = dripping.read_to_end().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_cut_off_reaches_no_handler() {
    let app = App::start().await;
    let head =
        format!("POST /public/echo HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n", app.address);
    let mut connection = Connection::open(&app).await;
    connection.write(format!("{head}content-length: 1000\r\n\r\n{ORDER}")).await;
    drop(connection);
    assert_eq!(Ask::get("/public/marker").of(&app).await.status, 200);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let app = App::start().await;
    let head = |target: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nexpect: 100-continue\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            app.address,
            ORDER.len()
        )
    };
    let mut connection = Connection::open(&app).await;
    connection.write(head("/public/echo")).await;
    assert_eq!(connection.read_until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    connection.write(ORDER).await;
    assert_eq!(Reply::parse(&connection.read_to_end().await).status, 200);

    let mut refused = Connection::open(&app).await;
    refused.write(head("/api/things")).await;
    assert_eq!(Reply::parse(&refused.read_to_end().await).refusal(), json(401, "unauthorized"));
}
