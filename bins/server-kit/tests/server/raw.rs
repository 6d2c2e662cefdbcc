//! LM-01: requests that no client sends. Each carries a second one behind it, which must never be answered.

use std::time::Duration;

use crate::support::{App, Connection};

/// What stands for the host of the server.
const H: &str = "{host}";
const SECOND: &str = "GET /public/marker HTTP/1.1\r\nhost: {host}\r\n\r\n";

/// Two ways of saying where the body ends, or one way said wrongly.
const FRAMINGS: &[&str] = &[
    "content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "content-length: 5, 6\r\n\r\nhello",
    "content-length: 5, 5\r\n\r\nhello",
    "content-length: -1\r\n\r\n",
    "content-length: +5\r\n\r\nhello",
    "content-length: 5 5\r\n\r\nhello",
    "content-length: 0x5\r\n\r\nhello",
    "content-length: 5.0\r\n\r\nhello",
    "content-length: 5e0\r\n\r\nhello",
    "content-length: five\r\n\r\nhello",
    "content-length: \r\n\r\nhello",
    "content-length: 5;\r\n\r\nhello",
    "content-length: \u{ff15}\r\n\r\nhello",
    "content-length: 18446744073709551616\r\n\r\nhello",
    "content-length: 99999999999999999999999999\r\n\r\nhello",
    "content-length : 5\r\n\r\nhello",
    "content-length\t: 5\r\n\r\nhello",
    " content-length: 5\r\n\r\nhello",
    "content-length: 5\r\n\tx\r\n\r\nhello",
    "content-length: \r\n 5\r\n\r\nhello",
    "transfer-encoding: gzip\r\n\r\n0\r\n\r\n",
    "transfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunkedx\r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunke\r\n\r\n0\r\n\r\n",
    "transfer-encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "transfer-encoding: \u{0b}chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding: \r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    " transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "x: y\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding\0: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding: chunked\0\r\n\r\n0\r\n\r\n",
    "content-length: 5\0\r\n\r\nhello",
    "content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",
    "content-encoding: br\r\ncontent-length: 5\r\n\r\nhello",
    "content-encoding: identity, gzip\r\ncontent-length: 5\r\n\r\nhello",
];

/// Chunks that are none.
const CHUNKS: &[&str] = &[
    "-1\r\nx\r\n0\r\n\r\n",
    "+1\r\nx\r\n0\r\n\r\n",
    "0x1\r\nx\r\n0\r\n\r\n",
    "g\r\nx\r\n0\r\n\r\n",
    "\r\nx\r\n0\r\n\r\n",
    " \r\nx\r\n0\r\n\r\n",
    ";\r\nx\r\n0\r\n\r\n",
    "1 1\r\nx\r\n0\r\n\r\n",
    "1\u{0}\r\nx\r\n0\r\n\r\n",
    "ffffffffffffffff\r\nx\r\n",
    "10000000000000000\r\nx\r\n",
    "fffffffffffffffffffffffff\r\nx\r\n",
    "1\r\nxx\r\n0\r\n\r\n",
    "1\r\nx0\r\n\r\n",
    "2\r\nx\r\n0\r\n\r\n",
    "1\nx\n0\n\n",
    "1\rx\r0\r\r",
    "1\r\nx\n0\r\n\r\n",
    "1\r\nx\r\n-0\r\n\r\n",
    "1;a\nb\r\nx\r\n0\r\n\r\n",
    "0\r\nx y\r\n\r\n",
    "0\r\n: y\r\n\r\n",
    "0\r\nx\u{0}: y\r\n\r\n",
    "\u{661}\r\nx\r\n0\r\n\r\n",
];

/// Request lines and headers that are none. `{host}` is the server's.
const HEADS: &[&str] = &[
    "GET /\r\n\r\n",
    "GET / HTTP/0.9\r\nhost: {host}\r\n\r\n",
    "GET / HTTP/2.0\r\nhost: {host}\r\n\r\n",
    "GET / HTTP/1.2\r\nhost: {host}\r\n\r\n",
    "GET / HTTP/1.10\r\nhost: {host}\r\n\r\n",
    "GET / HTTP/3\r\nhost: {host}\r\n\r\n",
    "GET / HTTP/1\r\nhost: {host}\r\n\r\n",
    "GET / HTTP/\r\nhost: {host}\r\n\r\n",
    "GET / http/1.1\r\nhost: {host}\r\n\r\n",
    "GET / HTTPS/1.1\r\nhost: {host}\r\n\r\n",
    "GET / HTTP/1.1x\r\nhost: {host}\r\n\r\n",
    "GET / HTTP 1.1\r\nhost: {host}\r\n\r\n",
    "GET  / HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET\t/\tHTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET /public/marker\r\nhost: {host}\r\n\r\n",
    "GET / public/marker HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET /\u{0} HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET /\u{7f} HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET /\u{1b}[2J HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET public/marker HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET * HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET ?x HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET http:// HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET http:///public/marker HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET http://evil.example/public/marker HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET https://evil.example@{host}/public/marker HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET http://{host}@evil.example/public/marker HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET file:///etc/passwd HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET javascript:alert(1) HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "GET //evil.example/public/marker HTTP/1.1\r\nhost: evil.example\r\n\r\n",
    "CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "CONNECT evil.example:443 HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "CONNECT /public/marker HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "G\u{0}T / HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "G(T / HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "G\u{e9}T / HTTP/1.1\r\nhost: {host}\r\n\r\n",
    "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n",
    "\u{0}\r\n\r\n",
    "SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "EHLO evil.example\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nhost: {host}\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nhost: evil.example\r\n\r\n",
    "GET / HTTP/1.1\r\nhost:\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}, {host}\r\n\r\n",
    "GET / HTTP/1.1\r\nhost : {host}\r\n\r\n",
    "GET / HTTP/1.1\r\nhost\r\n\r\n",
    "GET / HTTP/1.1\r\n host: {host}\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\n: x\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx y: z\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx(y): z\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx\u{0}y: z\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx: y\u{0}z\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx: y\u{7f}z\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx: y\rz: w\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx: y\r\n z\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\nx: y\r\n\tz\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: {host}\r\n\u{e9}: z\r\n\r\n",
    "GET / HTTP/1.1\rhost: {host}\r\r",
    "GET / HTTP/1.0\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /public/length HTTP/1.0\r\nhost: {host}\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "POST /public/length HTTP/1.1\r\nhost: {host}\r\nexpect: 200-ok\r\ncontent-length: x\r\n\r\n",
];

/// A server that soon gives up waiting for the rest.
async fn app() -> App {
    App::with(|server, _| {
        server.limits(|limits| {
            limits.header_wait = Duration::from_millis(500);
            limits.body_wait = Duration::from_millis(500);
        })
    })
    .await
}

/// What was answered, and whether the second request was.
async fn send(app: &App, raw: &str) -> String {
    let raw = format!("{raw}{SECOND}").replace(H, &app.address.to_string());
    let mut connection = Connection::open(app).await;
    connection.write(raw).await;
    connection.read_to_end().await
}

async fn is_refused(app: &App, raw: &str) {
    let answer = send(app, raw).await;
    assert_eq!(app.marker(), 0, "{raw:?} smuggled a request: {answer}");
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"),
        "{raw:?}: {answer}"
    );
    assert_eq!(answer.matches("HTTP/1.").count(), usize::from(!answer.is_empty()), "{raw:?}: {answer}");
}

#[tokio::test]
async fn framings_that_two_servers_may_read_differently_are_refused() {
    let app = app().await;
    for framing in FRAMINGS {
        is_refused(&app, &format!("POST /public/length HTTP/1.1\r\nhost: {H}\r\n{framing}")).await;
    }
}

#[tokio::test]
async fn chunks_that_are_none_are_refused() {
    let app = app().await;
    for chunks in CHUNKS {
        let raw = format!(
            "POST /public/length HTTP/1.1\r\nhost: {H}\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"
        );
        is_refused(&app, &raw).await;
    }
}

#[tokio::test]
async fn heads_that_are_none_are_refused() {
    let app = app().await;
    for head in HEADS {
        is_refused(&app, head).await;
    }
}

/// Chunks win over a length, as the standard says, and the connection ends.
#[tokio::test]
async fn what_follows_a_body_of_two_lengths_is_not_read() {
    let app = app().await;
    for lengths in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
        "transfer-encoding: Chunked\r\ncontent-length: 400",
        "content-length: 0\r\ntransfer-encoding: chunked\r\nconnection: keep-alive",
    ] {
        let raw =
            format!("POST /public/length HTTP/1.1\r\nhost: {H}\r\n{lengths}\r\n\r\n2\r\nab\r\n0\r\n\r\n");
        let answer = send(&app, &raw).await;
        assert_eq!(app.marker(), 0, "{lengths}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{lengths}: {answer}");
    }
}

/// A request that is refused ends its connection, also where the body was well framed.
#[tokio::test]
async fn what_follows_a_refused_request_is_not_read() {
    let app = app().await;
    for head in ["host: evil.example", "host: {host}\r\norigin: https://evil.example"] {
        let raw = format!("POST /public/length HTTP/1.1\r\n{head}\r\ncontent-length: 5\r\n\r\nhello");
        is_refused(&app, &raw).await;
    }
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row() {
    let app = app().await;
    let first = format!("GET /public/marker HTTP/1.1\r\nhost: {H}\r\n\r\n");
    let last = "GET /public/marker HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n";
    let mut connection = Connection::open(&app).await;
    connection.write(format!("{first}{first}{last}").replace(H, &app.address.to_string())).await;
    assert_eq!(connection.read_to_end().await.matches("HTTP/1.1 200").count(), 3);
    assert_eq!(app.marker(), 3);
}
